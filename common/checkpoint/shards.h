// The safetensors files of a Hugging Face folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/storage/safetensors.h"

namespace merganser {

inline constexpr char kSingleShardFile[] = "model.safetensors";
inline constexpr char kShardIndexFile[] = "model.safetensors.index.json";

struct Shards {
  std::vector<std::shared_ptr<const SafetensorsFile>> files;
  // The file of each tensor, by the tensor's name: an index into `files`.
  std::map<std::string, int> places;
};

// Opens model.safetensors or, without one, the shards that
// model.safetensors.index.json names. Shards lie in the folder itself; they may
// be links, as in a Hugging Face cache.
// Errors: NotFound when there is neither; InvalidArgument for a folder of
// pickles (with the way to convert them), a shard that is missing or lies
// elsewhere, a tensor that is not where the index says, twice there, or not
// named by it; those of SafetensorsFile::Open(). Messages name the file and
// tensor.
absl::StatusOr<Shards> OpenShards(const std::string& folder);

// Whether a tensor is a buffer that every model computes itself: it may lie in
// a checkpoint, and is never merged.
bool IsRotaryBuffer(const std::string& name);

}  // namespace merganser
