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
#include "common/campaign_spec/campaign_seeds.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/campaign_spec/field_checks.h"
#include "common/campaign_spec/language_tasks.h"
#include "common/checkpoint/hub_cache.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/language_task/language_tools.h"
#include "common/storage/csv_dataset.h"

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
      RETURN_IF_ERROR(IsLanguageTask(task) ? ResolveLanguageTask(path, task)
                                           : ResolveClassification(path, task));
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
    const auto path_of =
        [this](const v1::SeedSpec& seed,
               const std::string& field) -> absl::StatusOr<std::string> {
      if (!seed.hf().empty()) return FolderInHubCache(seed.hf(), field);
      const std::string path = AbsolutePath(seed.path());
      RETURN_IF_ERROR(ShownToWorkers(field, path).status());
      return path;
    };
    v1::CampaignSpec unresolved = spec;
    unresolved.mutable_model()->clear_tensors();
    unresolved.mutable_model()->clear_companions_digest();
    for (v1::SeedSpec* seed : MutableRecipeSeeds(unresolved)) {
      seed->clear_digest();
    }
    ASSIGN_OR_RETURN(seeds_, OpenSeeds(unresolved, path_of, team_));
    layout_ = seeds_.layout.parameters;
    RETURN_IF_ERROR(CheckDistinct(spec));
    const std::vector<v1::SeedSpec*> seeds = MutableRecipeSeeds(spec);
    for (size_t k = 0; k < seeds.size(); ++k) {
      RETURN_IF_ERROR(WriteSeed(seeds_.digests[k], *seeds[k]));
    }
    return seeds_.language.has_value() ? WriteLanguageModel(spec)
                                       : absl::OkStatus();
  }

  // Nothing comes of merging a model with itself.
  absl::Status CheckDistinct(const v1::CampaignSpec& spec) const {
    for (int i = 0; i < spec.seeds_size(); ++i) {
      for (int j = 0; j < i; ++j) {
        if (seeds_.digests[i] != seeds_.digests[j]) continue;
        return FieldError(absl::StrCat("seeds[", i, "]"),
                          absl::StrCat("has the same weights as seeds[", j,
                                       "]; expected another model"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status WriteSeed(const Digest& digest, v1::SeedSpec& seed) const {
    seed.set_digest(digest.ToBytes());
    if (seed.hf().empty()) {
      ASSIGN_OR_RETURN(*seed.mutable_path(),
                       ShownToWorkers("", AbsolutePath(seed.path())));
      return absl::OkStatus();
    }
    // A branch may move on, a commit does not.
    ASSIGN_OR_RETURN(const HubName name, ParseHubName(seed.hf()));
    ASSIGN_OR_RETURN(const HubSnapshot snapshot,
                     FindInHubCache(name, HubCacheFolder()));
    seed.set_hf(absl::StrCat(name.repository, "@", snapshot.commit));
    return absl::OkStatus();
  }

  absl::Status WriteLanguageModel(v1::CampaignSpec& spec) const {
    const LanguageSeeds& language = *seeds_.language;
    v1::ModelSpec& model = *spec.mutable_model();
    model.set_tokenizer(spec.seeds(language.tokenizer).name());
    if (model.compute_dtype().empty()) model.set_compute_dtype("float32");
    // What the seeds have in common, which their files need not say again.
    if (model.weights_dtype().empty()) {
      model.set_weights_dtype(TorchNameOf(seeds_.dtype));
    }
    if (model.vocabulary().empty()) model.set_vocabulary("same");
    ASSIGN_OR_RETURN(const Digest companions,
                     CompanionDigest(language.tokenizer_seed()));
    model.set_companions_digest(companions.ToBytes());
    const std::vector<v1::SeedSpec*> seeds = MutableRecipeSeeds(spec);
    for (size_t k = 0; k < seeds.size(); ++k) {
      if (!seeds[k]->licence().empty()) continue;
      seeds[k]->set_licence(language.checkpoints[k]->licence());
    }
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

  absl::Status ResolveClassification(const std::string& path,
                                     v1::TaskSpec& task) const {
    RETURN_IF_ERROR(
        ResolveDataset(absl::StrCat(path, ".search"), *task.mutable_search()));
    if (!task.has_holdout()) return absl::OkStatus();
    return ResolveDataset(absl::StrCat(path, ".holdout"),
                          *task.mutable_holdout());
  }

  // Makes tokens of all datapoints, as workers will.
  absl::Status ResolveLanguageTask(const std::string& path,
                                   v1::TaskSpec& task) {
    if (!seeds_.language.has_value()) {
      return FieldError(absl::StrCat(path, ".kind"),
                        "expected classification, unless model.family is "
                        "language_model");
    }
    if (!tools_.has_value()) {
      ASSIGN_OR_RETURN(tools_,
                       OpenLanguageTools(seeds_.language->tokenizer_seed(),
                                         seeds_.language->maximum_length()));
    }
    v1::TaskSpec unresolved = task;
    unresolved.mutable_search()->clear_digest();
    if (task.has_holdout()) unresolved.mutable_holdout()->clear_digest();
    if (task.has_few_shot()) {
      unresolved.mutable_few_shot()->mutable_examples()->clear_digest();
    }
    const auto path_of =
        [this](const std::string& file,
               const std::string& field) -> absl::StatusOr<std::string> {
      RETURN_IF_ERROR(ShownToWorkers(field, AbsolutePath(file)).status());
      return AbsolutePath(file);
    };
    const auto loaded =
        LoadLanguageTask(unresolved, tools_->tools, path_of, path);
    if (!loaded.ok()) {
      return absl::InvalidArgumentError(loaded.status().message());
    }
    RETURN_IF_ERROR(WriteDataset(loaded->search.file_digest,
                                 loaded->search.task->datapoints(),
                                 *task.mutable_search()));
    if (loaded->holdout.has_value()) {
      RETURN_IF_ERROR(WriteDataset(loaded->holdout->file_digest,
                                   loaded->holdout->task->datapoints(),
                                   *task.mutable_holdout()));
    }
    if (!loaded->examples_digest.has_value()) return absl::OkStatus();
    return WriteDataset(*loaded->examples_digest, loaded->examples_rows,
                        *task.mutable_few_shot()->mutable_examples());
  }

  absl::Status WriteDataset(const Digest& digest, int64_t rows,
                            v1::DatasetSpec& dataset) const {
    ASSIGN_OR_RETURN(*dataset.mutable_file(),
                     ShownToWorkers("", AbsolutePath(dataset.file())));
    dataset.set_digest(digest.ToBytes());
    dataset.set_rows(rows);
    return absl::OkStatus();
  }

  absl::Status ResolveDataset(const std::string& field,
                              v1::DatasetSpec& dataset) const {
    const std::string file_field = absl::StrCat(field, ".file");
    const std::string path = AbsolutePath(dataset.file());
    RETURN_IF_ERROR(ShownToWorkers(file_field, path).status());
    CsvOptions options{.begin = dataset.first_row(), .scale = dataset.scale()};
    if (dataset.end_row() != 0) options.end = dataset.end_row();
    const absl::StatusOr<CsvDataset> read = ReadCsvDataset(path, options);
    RETURN_IF_ERROR(AsBadInput(absl::IsOutOfRange(read.status())
                                   ? absl::StrCat(field, ".rows")
                                   : file_field,
                               read.status()));
    RETURN_IF_ERROR(AsBadInput(file_field, CheckFitsModel(*read)));
    return WriteDataset(read->file_digest, read->rows, dataset);
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
  CampaignSeeds seeds_;                    // none where they are random
  std::optional<LanguageTools> tools_;     // of language models
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
