// One merge from a file to a folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/merge/merge_runner.h"

namespace merganser {

// What `merganser merge` leaves in its folder beside the model: what was
// merged, so that the folder may be written again.
inline constexpr char kMergeFile[] = "merganser_merge.json";

struct MergeRequest {
  std::string file;    // a recipe, or a configuration of mergekit
  std::string output;  // a folder
  // Where relative paths of models start; empty = the working directory.
  std::string models_root;
  std::vector<std::string> seeds;  // "NAME=PATH": in the place of the recipe's
  bool any_seeds = false;          // digests of a recipe's seeds do not matter
  std::optional<DType> dtype;      // in the place of the file's
  int threads = 1;
  int64_t max_shard_bytes = 5'000'000'000;
};

struct MergeResult {
  std::string output;
  std::vector<std::string> models;  // their paths
  DType dtype = DType::kF32;
  int64_t parameters = 0;
  int64_t bytes = 0;  // of the weights
  int shards = 0;
};

// The dtype of the result: that of the request, of the file, the one that all
// models have, or float32.
// `progress` is told the bytes that are written and those that will be.
// Errors: InvalidArgument naming file, line, field, tensor;
// FailedPrecondition when the output holds anything else; ResourceExhausted
// when the disk is full; Cancelled. The output is then as it was.
absl::StatusOr<MergeResult> Merge(
    const MergeRequest& request,
    const std::function<bool(int64_t written, int64_t all)>& progress);

}  // namespace merganser
