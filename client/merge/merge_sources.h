// The models that a merge or a look at one reads: folders or files.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/checkpoint.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/storage/tensor_source.h"

namespace merganser {

struct OpenedModel {
  std::shared_ptr<const TensorSource> tensors;
  std::shared_ptr<const Checkpoint> checkpoint;  // null: a file of an mlp
  ParameterLayout layout;
  DType dtype = DType::kF32;  // of all tensors; float32 where they differ
};

// Opens a Hugging Face folder, or a safetensors file of the family mlp.
// Errors: InvalidArgument with the path; what is missing is bad input, too.
absl::StatusOr<OpenedModel> OpenModel(const std::string& path);

// See SeedDigest(); reads everything.
Digest DigestOf(const OpenedModel& model, ThreadTeam& team);

// `path` below `root`, unless it is absolute or `root` is empty.
std::string BelowRoot(const std::string& root, const std::string& path);

}  // namespace merganser
