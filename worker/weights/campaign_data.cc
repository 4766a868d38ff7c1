#include "worker/weights/campaign_data.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

absl::Status Expect(bool right, const std::string& field,
                    const std::string& message) {
  if (right) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", message));
}

// The layout that the client resolved must be that of the files.
absl::Status CheckTensors(const v1::ModelSpec& model,
                          const ParameterLayout& layout,
                          const std::string& path) {
  if (model.tensors().empty()) return absl::OkStatus();
  ParameterLayout resolved;  // names and shapes are all that is compared
  for (const v1::TensorSpec& tensor : model.tensors()) {
    resolved.tensors.push_back(
        {.name = tensor.name(),
         .shape = {tensor.shape().begin(), tensor.shape().end()}});
  }
  return CheckSameLayout(resolved, "model.tensors", layout, path);
}

// Digests are resolved by the client; a spec without one is taken as it is.
absl::Status CheckDigest(const std::string& expected, const Digest& actual,
                         const std::string& field, const std::string& path) {
  if (expected.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Digest digest,
                   DigestFromProto(expected, field.c_str()));
  return Expect(
      digest == actual, field,
      absl::StrCat(path, " has digest ", actual.ToHex(),
                   "; the campaign was submitted with ", digest.ToHex()));
}

absl::StatusOr<CsvDataset> LoadDataset(const v1::DatasetSpec& spec,
                                       const PathRules& paths,
                                       const std::string& field) {
  ASSIGN_OR_RETURN(const std::string path,
                   paths.Resolve(spec.file(), absl::StrCat(field, ".file")));
  CsvOptions options;
  if (spec.first_row() > 0) options.begin = spec.first_row();
  if (spec.end_row() > 0) options.end = spec.end_row();
  if (spec.scale() != 0) options.scale = spec.scale();
  auto dataset = ReadCsvDataset(path, options);
  if (!dataset.ok()) {
    return Annotate(dataset.status(), absl::StrCat(field, ".file"));
  }
  RETURN_IF_ERROR(CheckDigest(spec.digest(), dataset->file_digest,
                              absl::StrCat(field, ".digest"), path));
  RETURN_IF_ERROR(Expect(
      spec.rows() == 0 || spec.rows() == dataset->rows,
      absl::StrCat(field, ".rows"),
      absl::StrCat(path, " gives ", dataset->rows,
                   " rows; the campaign was submitted with ", spec.rows())));
  return dataset;
}

absl::Status CheckFits(const CsvDataset& dataset, const MlpShape& shape,
                       const std::string& field) {
  RETURN_IF_ERROR(Expect(
      dataset.columns == shape.inputs, absl::StrCat(field, ".file"),
      absl::StrCat(dataset.path, " has ", dataset.columns,
                   " features in a row; the seeds take ", shape.inputs)));
  return Annotate(CheckLabels(dataset, shape.outputs),
                  absl::StrCat(field, ".file"));
}

}  // namespace

MlpShape ShapeOfMlp(const ParameterLayout& layout) {
  return {.inputs = layout.tensors.front().shape.front(),
          .outputs = layout.tensors.back().shape.front()};
}

absl::StatusOr<std::unique_ptr<CampaignData>> CampaignData::Load(
    const v1::CampaignSpec& spec, const PathRules& paths, ThreadTeam& team) {
  RETURN_IF_ERROR(Expect(
      spec.model().family() == "mlp", "model.family",
      absl::StrCat("\"", spec.model().family(), "\"; this worker knows mlp")));
  std::unique_ptr<CampaignData> data(new CampaignData);
  RETURN_IF_ERROR(KeepsWeights(spec) ? data->TakeRandomSeeds(spec)
                                     : data->LoadSeeds(spec, paths, team));
  RETURN_IF_ERROR(data->LoadTasks(spec, paths));
  return data;
}

absl::Status CampaignData::LoadSeeds(const v1::CampaignSpec& spec,
                                     const PathRules& paths, ThreadTeam& team) {
  RETURN_IF_ERROR(
      Expect(spec.seeds_size() > 0, "seeds", "expected at least one seed"));
  for (int i = 0; i < spec.seeds_size(); ++i) {
    RETURN_IF_ERROR(LoadSeed(spec.seeds(i), absl::StrCat("seeds[", i, "]"),
                             spec.model(), paths, team));
  }
  has_base_ = HasBaseOrigin(spec);
  if (has_base_) {
    RETURN_IF_ERROR(
        LoadSeed(spec.model().base(), "model.base", spec.model(), paths, team));
  }
  for (const SeedWeights& seed : seeds_) seed_pointers_.push_back(&seed);
  weights_dtype_ = CommonDType(seed_pointers_);
  if (!spec.model().weights_dtype().empty()) {
    ASSIGN_OR_RETURN(weights_dtype_, WeightsDTypeOf(spec));
  }
  return absl::OkStatus();
}

absl::Status CampaignData::LoadSeed(const v1::SeedSpec& seed,
                                    const std::string& field,
                                    const v1::ModelSpec& model,
                                    const PathRules& paths, ThreadTeam& team) {
  const std::string path_field = absl::StrCat(field, ".path");
  ASSIGN_OR_RETURN(const std::string path,
                   paths.Resolve(seed.path(), path_field));
  auto file = SafetensorsFile::Open(path);
  if (!file.ok()) return Annotate(file.status(), path_field);
  seed_digests_.push_back(SeedDigest(**file));
  RETURN_IF_ERROR(CheckDigest(seed.digest(), seed_digests_.back(),
                              absl::StrCat(field, ".digest"), path));
  auto layout = MlpLayout(**file);
  if (!layout.ok()) return Annotate(layout.status(), path_field);
  if (seeds_.empty()) {
    RETURN_IF_ERROR(CheckTensors(model, *layout, path));
    ASSIGN_OR_RETURN(layout_, GroupByPatterns(*std::move(layout), model));
  } else {
    RETURN_IF_ERROR(
        Annotate(CheckSameLayout(layout_.parameters,
                                 seeds_.front().file().path(), *layout, path),
                 path_field));
  }
  auto weights =
      SeedWeights::Create(*std::move(file), layout_.parameters, team);
  if (!weights.ok()) return Annotate(weights.status(), path_field);
  seeds_.push_back(*std::move(weights));
  return absl::OkStatus();
}

GramSums CampaignData::MakeGramSums(ThreadTeam& team) const {
  if (!has_base_) return GramSums::Create(layout_, seed_pointers_, team);
  return GramSums::Create(layout_, seeds().first(seeds().size() - 1),
                          seed_pointers_.back(), team);
}

absl::Status CampaignData::TakeRandomSeeds(const v1::CampaignSpec& spec) {
  ASSIGN_OR_RETURN(ParameterLayout layout, LayoutOfLayers(spec.model()));
  RETURN_IF_ERROR(CheckTensors(spec.model(), layout, "model.layers"));
  layout_ = SingleChromosome(std::move(layout));
  ASSIGN_OR_RETURN(weights_dtype_, WeightsDTypeOf(spec));
  random_seeds_ = {.count = spec.seeds_size(),
                   .sigma = spec.model().init_sigma(),
                   .campaign_seed = spec.random_seed()};
  return absl::OkStatus();
}

absl::Status CampaignData::LoadTasks(const v1::CampaignSpec& spec,
                                     const PathRules& paths) {
  RETURN_IF_ERROR(
      Expect(spec.tasks_size() > 0, "tasks", "expected at least one task"));
  const MlpShape shape = ShapeOfMlp(layout_.parameters);
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const v1::TaskSpec& task = spec.tasks(i);
    const std::string field = absl::StrCat("tasks[", i, "]");
    RETURN_IF_ERROR(Expect(task.kind() == "classification",
                           absl::StrCat(field, ".kind"),
                           absl::StrCat("\"", task.kind(),
                                        "\"; this worker knows "
                                        "classification")));
    TaskData data;
    const std::string search_field = absl::StrCat(field, ".search");
    ASSIGN_OR_RETURN(data.search,
                     LoadDataset(task.search(), paths, search_field));
    RETURN_IF_ERROR(CheckFits(data.search, shape, search_field));
    if (task.has_holdout()) {
      const std::string holdout_field = absl::StrCat(field, ".holdout");
      ASSIGN_OR_RETURN(data.holdout,
                       LoadDataset(task.holdout(), paths, holdout_field));
      RETURN_IF_ERROR(CheckFits(*data.holdout, shape, holdout_field));
    }
    data.chunk_size = ChunkSize(task);
    tasks_.push_back(std::move(data));
  }
  return absl::OkStatus();
}

std::vector<TaskShape> CampaignData::SearchShapes() const {
  std::vector<TaskShape> shapes;
  for (const TaskData& task : tasks_) {
    shapes.push_back({task.search.rows, task.chunk_size});
  }
  return shapes;
}

std::vector<TaskShape> CampaignData::HoldoutShapes() const {
  std::vector<TaskShape> shapes;
  for (const TaskData& task : tasks_) {
    shapes.push_back({task.holdout ? task.holdout->rows : 0, task.chunk_size});
  }
  return shapes;
}

absl::StatusOr<LinearRecipe> CampaignData::RecipeOf(const v1::Job& job) const {
  RETURN_IF_ERROR(Expect(!random_seeds_.has_value(), "job.recipe",
                         "candidates of this campaign are kept as weights"));
  ASSIGN_OR_RETURN(LinearRecipe recipe, RecipeFromProto(job.recipe()));
  RETURN_IF_ERROR(Annotate(
      Validate(recipe, static_cast<int>(seeds_.size()), layout_.chromosomes),
      "job.recipe"));
  ASSIGN_OR_RETURN(const Digest expected,
                   DigestFromProto(job.genome_digest(), "job.genome_digest"));
  const Digest actual = GenomeDigest(recipe, seed_digests_);
  RETURN_IF_ERROR(
      Expect(actual == expected, "job.genome_digest",
             absl::StrCat(expected.ToHex(),
                          "; the recipe and this worker's seeds give ",
                          actual.ToHex())));
  return recipe;
}

}  // namespace merganser
