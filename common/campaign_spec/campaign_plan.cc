#include "common/campaign_spec/campaign_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/genome/offspring_digest.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

// Small enough that hopeless children show early, large enough that a forward
// pass is worth its start; docs/benchmarks.md has the figures.
constexpr int64_t kDefaultChunk = 128;
// The same of language models, whose datapoints are longer.
constexpr int64_t kDefaultTextChunk = 32;

SearchOptions MakeSearchOptions(const v1::SearchSpec& search) {
  return {.method = search.method(),
          .attraction = search.attraction(),
          .split_point = search.split_point(),
          .crossover = search.crossover(),
          .mix_low = search.mix_low(),
          .mix_high = search.mix_high()};
}

// Empty: float32.
absl::StatusOr<DType> DTypeOf(const char* field, const std::string& name) {
  if (name.empty() || name == "float32") return DType::kF32;
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float16") return DType::kF16;
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": \"", name, "\"; expected float32, bfloat16 or float16"));
}

}  // namespace

bool SendsArchive(const ScheduleOptions& options) {
  return RejectionBound::Applies(options.archive) &&
         (options.early_rejection || options.genomes == GenomeKind::kWeights);
}

int ChunkSize(const v1::TaskSpec& task) {
  if (task.chunk_size() > 0) return static_cast<int>(task.chunk_size());
  return static_cast<int>(std::clamp<int64_t>(
      task.search().rows(), 1,
      IsLanguageTask(task) ? kDefaultTextChunk : kDefaultChunk));
}

std::vector<TaskExtent> HoldoutExtents(const v1::CampaignSpec& spec) {
  std::vector<TaskExtent> extents;
  int64_t next = 0;
  for (const v1::TaskSpec& task : spec.tasks()) {
    const int64_t rows = task.has_holdout() ? task.holdout().rows() : 0;
    extents.push_back({next, next + rows, ChunkSize(task)});
    next += rows;
  }
  return extents;
}

bool IsLanguageTask(const v1::TaskSpec& task) {
  return task.kind() == "exact_match" || task.kind() == "generation" ||
         task.kind() == "multiple_choice" || task.kind() == "perplexity";
}

bool HasContinuousScores(const v1::TaskSpec& task) {
  return task.kind() == "perplexity";
}

ScoreKind ScoreKindOf(const v1::CampaignSpec& spec) {
  const auto& tasks = spec.tasks();
  return std::any_of(tasks.begin(), tasks.end(), HasContinuousScores)
             ? ScoreKind::kContinuous
             : ScoreKind::kBinary;
}

bool IsLanguageModel(const v1::ModelSpec& model) {
  return model.family() == "language_model";
}

bool KeepsWeights(const v1::CampaignSpec& spec) {
  return spec.seeds_size() > 0 && spec.seeds(0).random();
}

bool HasBaseOrigin(const v1::CampaignSpec& spec) {
  return spec.search().origin() == "base";
}

std::vector<const v1::SeedSpec*> RecipeSeeds(const v1::CampaignSpec& spec) {
  std::vector<const v1::SeedSpec*> seeds;
  for (const v1::SeedSpec& seed : spec.seeds()) seeds.push_back(&seed);
  if (HasBaseOrigin(spec)) seeds.push_back(&spec.model().base());
  return seeds;
}

std::vector<v1::SeedSpec*> MutableRecipeSeeds(v1::CampaignSpec& spec) {
  std::vector<v1::SeedSpec*> seeds;
  for (v1::SeedSpec& seed : *spec.mutable_seeds()) seeds.push_back(&seed);
  if (HasBaseOrigin(spec))
    seeds.push_back(spec.mutable_model()->mutable_base());
  return seeds;
}

std::vector<std::string> RecipeSeedNames(const v1::CampaignSpec& spec) {
  std::vector<std::string> names;
  for (const v1::SeedSpec* seed : RecipeSeeds(spec)) {
    names.push_back(seed->name());
  }
  return names;
}

absl::StatusOr<DType> WeightsDTypeOf(const v1::CampaignSpec& spec) {
  return DTypeOf("model.weights_dtype", spec.model().weights_dtype());
}

absl::StatusOr<DType> ComputeDTypeOf(const v1::CampaignSpec& spec) {
  return DTypeOf("model.compute_dtype", spec.model().compute_dtype());
}

absl::StatusOr<ParameterLayout> LayoutOfLayers(const v1::ModelSpec& model) {
  const std::vector<int64_t> widths(model.layers().begin(),
                                    model.layers().end());
  absl::StatusOr<ParameterLayout> layout = MlpLayoutOfWidths(widths);
  if (!layout.ok()) return Annotate(layout.status(), "model.layers");
  return layout;
}

absl::StatusOr<ParameterLayout> LayoutOfModel(const v1::ModelSpec& model) {
  ParameterLayout layout;
  for (const v1::TensorSpec& tensor : model.tensors()) {
    RETURN_IF_ERROR(Annotate(
        AppendTensor(tensor.name(),
                     {tensor.shape().begin(), tensor.shape().end()}, layout),
        "model.tensors"));
  }
  if (layout.tensors.empty()) {
    return absl::InvalidArgumentError(
        "model.tensors: expected the seeds' tensors; the client fills them in");
  }
  return layout;
}

Digest RandomSeedDigestOf(const v1::CampaignSpec& spec,
                          const ParameterLayout& layout, int seed) {
  return RandomSeedDigest(layout, spec.model().init_sigma(),
                          {.campaign_seed = spec.random_seed(),
                           .sequence_number = seed - spec.seeds_size()});
}

absl::StatusOr<ScheduleOptions> MakeScheduleOptions(
    const v1::CampaignSpec& spec) {
  ScheduleOptions options;
  options.search = MakeSearchOptions(spec.search());
  options.window = spec.schedule().window();
  options.async = spec.schedule().mode() == "async";
  options.shards = std::max(1, spec.schedule().shards());
  options.random_seed = spec.random_seed();
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const v1::TaskSpec& task = spec.tasks(i);
    const int64_t rows = task.search().rows();
    if (rows < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("tasks[", i, "].search.rows: expected at least 1"));
    }
    const int64_t begin = options.archive.datapoints;
    options.tasks.push_back({begin, begin + rows, ChunkSize(task)});
    options.archive.datapoints += rows;
    options.archive.task_weight.insert(options.archive.task_weight.end(), rows,
                                       std::max<uint32_t>(1, task.weight()));
  }
  options.archive.kind = ScoreKindOf(spec);
  options.archive.population = spec.search().population();
  options.archive.alpha = EffectiveAlpha(options.search, spec.search().alpha());
  options.early_rejection = spec.search().early_rejection() &&
                            RejectionBound::Applies(options.archive);
  for (int i = 0; i < spec.seeds_size(); ++i) {
    absl::StatusOr<Digest> digest = Digest::FromBytes(spec.seeds(i).digest());
    if (!digest.ok()) {
      return Annotate(digest.status(), absl::StrCat("seeds[", i, "].digest"));
    }
    options.seed_digests.push_back(*digest);
  }
  if (HasBaseOrigin(spec)) {
    options.base_digest.emplace();
    ASSIGN_OR_RETURN(
        *options.base_digest,
        DigestFromProto(spec.model().base().digest(), "model.base.digest"));
  }
  options.coefficient_sigma = spec.search().coefficient_mutation();
  options.genomes =
      KeepsWeights(spec) ? GenomeKind::kWeights : GenomeKind::kRecipes;
  options.mutation_sigma = spec.search().mutation_sigma();
  ASSIGN_OR_RETURN(ParameterLayout layout, LayoutOfModel(spec.model()));
  ASSIGN_OR_RETURN(options.layout,
                   GroupByPatterns(std::move(layout), spec.model()));
  return options;
}

}  // namespace merganser
