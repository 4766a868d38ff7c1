#include "common/campaign_spec/resolve.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/campaign_spec/field_checks.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/storage/csv_dataset.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

constexpr int kMostThreads = 8;  // reading is bound by memory, not by cores

// Whatever is wrong with a file, the campaign file's field is bad input.
absl::Status AsBadInput(const std::string& field, const absl::Status& status) {
  if (status.ok()) return status;
  return FieldError(field, std::string(status.message()));
}

class Resolver {
 public:
  explicit Resolver(const ResolveOptions& options)
      : options_(options),
        team_(std::clamp<int>(
            static_cast<int>(std::thread::hardware_concurrency()), 1,
            kMostThreads)) {}

  absl::Status Resolve(v1::CampaignSpec& spec) {
    RETURN_IF_ERROR(KeepsWeights(spec) ? ResolveRandomSeeds(spec)
                                       : ResolveFileSeeds(spec));
    WriteTensors(*spec.mutable_model());
    for (int i = 0; i < spec.tasks_size(); ++i) {
      const std::string path = absl::StrCat("tasks[", i, "]");
      v1::TaskSpec& task = *spec.mutable_tasks(i);
      RETURN_IF_ERROR(ResolveDataset(absl::StrCat(path, ".search"),
                                     *task.mutable_search()));
      if (task.has_holdout()) {
        RETURN_IF_ERROR(ResolveDataset(absl::StrCat(path, ".holdout"),
                                       *task.mutable_holdout()));
      }
      // The default may change one day, this campaign's chunks may not.
      task.set_chunk_size(ChunkSize(task));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ResolveRandomSeeds(v1::CampaignSpec& spec) {
    ASSIGN_OR_RETURN(layout_, LayoutOfLayers(spec.model()));
    for (int i = 0; i < spec.seeds_size(); ++i) {
      spec.mutable_seeds(i)->set_digest(
          RandomSeedDigestOf(spec, *layout_, i).ToBytes());
    }
    return absl::OkStatus();
  }

  absl::Status ResolveFileSeeds(v1::CampaignSpec& spec) {
    for (int i = 0; i < spec.seeds_size(); ++i) {
      RETURN_IF_ERROR(ResolveSeed(absl::StrCat("seeds[", i, "].path"),
                                  *spec.mutable_seeds(i)));
    }
    if (HasBaseOrigin(spec)) {
      RETURN_IF_ERROR(ResolveSeed("model.base.path",
                                  *spec.mutable_model()->mutable_base()));
    }
    return GroupByPatterns(*layout_, spec.model()).status();
  }

  // The first one that is resolved says what the others must be.
  absl::Status ResolveSeed(const std::string& field, v1::SeedSpec& seed) {
    const std::string path = AbsolutePath(seed.path());
    ASSIGN_OR_RETURN(const std::string shown, ShownToWorkers(field, path));
    const auto file = SafetensorsFile::Open(path);
    RETURN_IF_ERROR(AsBadInput(field, file.status()));
    const absl::StatusOr<ParameterLayout> layout = MlpLayout(**file);
    RETURN_IF_ERROR(AsBadInput(field, layout.status()));
    if (!layout_.has_value()) layout_ = *layout;
    RETURN_IF_ERROR(CheckSameLayout(*layout_, "seeds[0]", *layout,
                                    absl::StrCat(field, ": ", path)));
    RETURN_IF_ERROR(AsBadInput(
        field, SeedWeights::Create(*file, *layout_, team_).status()));
    seed.set_path(shown);
    seed.set_digest(SeedDigest(**file).ToBytes());
    return absl::OkStatus();
  }

  void WriteTensors(v1::ModelSpec& model) const {
    model.clear_tensors();
    for (const TensorSlice& tensor : layout_->tensors) {
      v1::TensorSpec& written = *model.add_tensors();
      written.set_name(tensor.name);
      written.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
    }
  }

  absl::Status ResolveDataset(const std::string& field,
                              v1::DatasetSpec& dataset) const {
    const std::string file_field = absl::StrCat(field, ".file");
    const std::string path = AbsolutePath(dataset.file());
    ASSIGN_OR_RETURN(const std::string shown, ShownToWorkers(file_field, path));
    CsvOptions options{.begin = dataset.first_row(), .scale = dataset.scale()};
    if (dataset.end_row() != 0) options.end = dataset.end_row();
    const absl::StatusOr<CsvDataset> read = ReadCsvDataset(path, options);
    RETURN_IF_ERROR(AsBadInput(absl::IsOutOfRange(read.status())
                                   ? absl::StrCat(field, ".rows")
                                   : file_field,
                               read.status()));
    RETURN_IF_ERROR(AsBadInput(file_field, CheckFitsModel(*read)));
    dataset.set_file(shown);
    dataset.set_digest(read->file_digest.ToBytes());
    dataset.set_rows(read->rows);
    return absl::OkStatus();
  }

  // An mlp's tensors are weight [in][out] and bias [out], layer by layer.
  absl::Status CheckFitsModel(const CsvDataset& dataset) const {
    const int64_t inputs = layout_->tensors.front().shape[0];
    const int64_t outputs = layout_->tensors.back().shape[0];
    if (dataset.columns != inputs) {
      return absl::InvalidArgumentError(absl::StrCat(
          dataset.path, ":1: expected ", inputs + 1, " columns, the ", inputs,
          " inputs of the seeds and the label; got ", dataset.columns + 1));
    }
    return CheckLabels(dataset, outputs);
  }

  std::string AbsolutePath(const std::string& path) const {
    const std::filesystem::path base(options_.base_dir);
    return std::filesystem::absolute(base / path).lexically_normal().string();
  }

  // The path as the spec holds it.
  absl::StatusOr<std::string> ShownToWorkers(const std::string& field,
                                             const std::string& path) const {
    if (options_.models_root.empty()) return path;
    const std::filesystem::path root =
        std::filesystem::absolute(options_.models_root).lexically_normal();
    const std::filesystem::path relative =
        std::filesystem::path(path).lexically_relative(root);
    if (relative.empty() || *relative.begin() == "..") {
      return FieldError(field, absl::StrCat(path,
                                            ": expected a file below the "
                                            "models' root, ",
                                            root.string()));
    }
    return relative.string();
  }

  const ResolveOptions& options_;
  ThreadTeam team_;
  std::optional<ParameterLayout> layout_;  // of all seeds
};

}  // namespace

absl::Status ResolveSpec(v1::CampaignSpec& spec,
                         const ResolveOptions& options) {
  if (spec.seeds().empty()) {
    return FieldError("seeds", "expected at least 1 entry; got none");
  }
  v1::CampaignSpec resolved = spec;
  RETURN_IF_ERROR(Resolver(options).Resolve(resolved));
  spec = std::move(resolved);
  return absl::OkStatus();
}

std::string DirectoryOf(const std::string& campaign_file) {
  return std::filesystem::path(campaign_file).parent_path().string();
}

}  // namespace merganser
