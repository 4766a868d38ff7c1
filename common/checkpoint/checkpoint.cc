#include "common/checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumConfigBytes = int64_t{1} << 24;
constexpr char kHead[] = "lm_head.weight";

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

constexpr char kAdapterConfig[] = "adapter_config.json";

absl::Status SystemError(const std::error_code& error,
                         const std::string& path) {
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat(path, ": cannot open"));
}

// False, too, where the system does not let us look.
bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Weights that are a change to those of a base model.
absl::Status RefuseAdapter(const std::string& folder) {
  if (!Exists(absl::StrCat(folder, "/", kAdapterConfig))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      folder,
      ": is an adapter of PEFT, such as LoRA, not a model; merge it into its "
      "base model first: load it with peft, call merge_and_unload() and "
      "save_pretrained(FOLDER)"));
}

absl::Status CheckFolder(const std::string& folder) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(folder, error);
  const bool is_missing = error == std::errc::no_such_file_or_directory ||
                          error == std::errc::not_a_directory;
  if (error && !is_missing) return SystemError(error, folder);
  if (!is_folder) {
    return absl::NotFoundError(absl::StrCat(folder, ": is no folder"));
  }
  const std::string config = folder + "/config.json";
  const bool has_config = std::filesystem::exists(config, error);
  if (error) return SystemError(error, config);
  if (has_config) return absl::OkStatus();
  RETURN_IF_ERROR(RefuseAdapter(folder));
  return absl::NotFoundError(absl::StrCat(
      folder, ": has no config.json; expected a Hugging Face folder"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Checkpoint>> Checkpoint::Open(
    const std::string& folder) {
  RETURN_IF_ERROR(CheckFolder(folder));
  const std::string path = absl::StrCat(folder, "/config.json");
  ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaximumConfigBytes));
  ASSIGN_OR_RETURN(LanguageModelConfig config,
                   ParseLanguageModelConfig(text, path));
  ASSIGN_OR_RETURN(GenerationSettings generation,
                   ReadGenerationSettings(folder, text));
  auto opened = OpenShards(folder);
  if (absl::IsNotFound(opened.status())) {
    RETURN_IF_ERROR(RefuseAdapter(folder));
  }
  ASSIGN_OR_RETURN(Shards shards, std::move(opened));
  std::shared_ptr<Checkpoint> checkpoint(new Checkpoint(
      folder, std::move(text), std::move(config), std::move(shards)));
  RETURN_IF_ERROR(checkpoint->CheckTensors());
  checkpoint->generation_ = std::move(generation);
  return checkpoint;
}

Checkpoint::Checkpoint(std::string folder, std::string config_json,
                       LanguageModelConfig config, Shards shards)
    : folder_(std::move(folder)),
      config_json_(std::move(config_json)),
      config_(std::move(config)),
      layout_(LanguageModelLayout(config_)),
      shards_(std::move(shards)),
      licence_(FindLicence(folder_)),
      name_(ModelName(folder_)),
      companion_files_(CompanionFiles(folder_)) {}

absl::Status Checkpoint::Error(const std::string& message) const {
  return absl::InvalidArgumentError(absl::StrCat(folder_, ": ", message));
}

absl::Status Checkpoint::CheckTensors() {
  std::map<std::string, int> extra = shards_.places;
  std::optional<DType> common;
  bool same = true;
  for (const TensorSlice& expected : layout_.tensors) {
    if (extra.erase(expected.name) == 0) {
      return Error(absl::StrCat("has no tensor ", expected.name, "; ",
                                config_.architecture, " with the sizes of ",
                                "config.json has one of shape ",
                                ShapeText(expected.shape)));
    }
    ASSIGN_OR_RETURN(const TensorView tensor, Tensor(expected.name));
    if (tensor.shape != expected.shape) {
      return Error(absl::StrCat("tensor ", expected.name, " has shape ",
                                ShapeText(tensor.shape), "; expected ",
                                ShapeText(expected.shape),
                                " by the sizes of config.json"));
    }
    same = same && tensor.dtype == common.value_or(tensor.dtype);
    common = tensor.dtype;
  }
  if (same) dtype_ = *common;
  for (const auto& [name, place] : extra) {
    RETURN_IF_ERROR(CheckExtraTensor(name));
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::CheckExtraTensor(const std::string& name) const {
  if (IsRotaryBuffer(name)) return absl::OkStatus();
  if (name != kHead || !config_.tied_head) {
    return Error(absl::StrCat("tensor ", ShownName(name), " is none of ",
                              config_.architecture,
                              " with the sizes of config.json"));
  }
  ASSIGN_OR_RETURN(const TensorView head, Tensor(name));
  const std::vector<int64_t>& expected = layout_.tensors[0].shape;
  if (head.shape == expected) return absl::OkStatus();
  return Error(absl::StrCat(
      "tensor ", name, " has shape ", ShapeText(head.shape),
      "; it is tied to the embedding of shape ", ShapeText(expected)));
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& [name, place] : shards_.places) names.push_back(name);
  return names;
}

absl::StatusOr<TensorView> Checkpoint::Tensor(const std::string& name) const {
  const auto found = shards_.places.find(name);
  if (found == shards_.places.end()) {
    return absl::NotFoundError(
        absl::StrCat(folder_, ": has no tensor ", ShownName(name)));
  }
  return shards_.files[found->second]->Tensor(name);
}

Digest Checkpoint::digest(ThreadTeam& team) const {
  const absl::MutexLock lock(&mutex_);
  if (digest_.has_value()) return *digest_;
  const std::vector<std::string> names = this->names();
  std::vector<TensorDigest> digests(names.size());
  team.Run(static_cast<int64_t>(names.size()), [&](int64_t i, int) {
    const SafetensorsFile& file = *shards_.files[shards_.places.at(names[i])];
    digests[i] = file.DigestOf(names[i]);
  });
  digest_ = SeedDigest(digests);
  return *digest_;
}

std::vector<std::string> Checkpoint::weight_files() const {
  std::vector<std::string> files;
  for (const auto& file : shards_.files) files.push_back(file->path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace merganser
