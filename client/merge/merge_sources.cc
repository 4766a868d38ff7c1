#include "client/merge/merge_sources.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/status_macros.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

absl::StatusOr<OpenedModel> OpenFolder(const std::string& path) {
  ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(path));
  return OpenedModel{.tensors = checkpoint,
                     .checkpoint = checkpoint,
                     .layout = checkpoint->layout(),
                     .dtype = checkpoint->dtype()};
}

absl::StatusOr<OpenedModel> OpenFile(const std::string& path) {
  ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
  ASSIGN_OR_RETURN(ParameterLayout layout, MlpLayout(*file));
  OpenedModel model{.layout = std::move(layout)};
  bool same = true;
  for (const TensorSlice& slice : model.layout.tensors) {
    ASSIGN_OR_RETURN(const TensorView tensor, file->Tensor(slice.name));
    same = same && (&slice == model.layout.tensors.data() ||
                    tensor.dtype == model.dtype);
    model.dtype = tensor.dtype;
  }
  if (!same) model.dtype = DType::kF32;
  model.tensors = std::move(file);
  return model;
}

}  // namespace

absl::StatusOr<OpenedModel> OpenModel(const std::string& path) {
  std::error_code ignored;
  auto model = std::filesystem::is_regular_file(path, ignored)
                   ? OpenFile(path)
                   : OpenFolder(path);
  if (!absl::IsNotFound(model.status())) return model;
  return absl::InvalidArgumentError(model.status().message());
}

Digest DigestOf(const OpenedModel& model, ThreadTeam& team) {
  if (model.checkpoint != nullptr) return model.checkpoint->digest(team);
  return SeedDigest(static_cast<const SafetensorsFile&>(*model.tensors));
}

std::string BelowRoot(const std::string& root, const std::string& path) {
  if (root.empty() || path.empty() || path[0] == '/') return path;
  return root + "/" + path;
}

}  // namespace merganser
