#include "common/campaign_spec/campaign_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// Small enough that hopeless children show early, large enough that a forward
// pass is worth its start; docs/benchmarks.md has the figures.
constexpr int64_t kDefaultChunk = 128;

absl::StatusOr<ParameterLayout> LayoutOf(const v1::ModelSpec& model) {
  ParameterLayout layout;
  for (const v1::TensorSpec& tensor : model.tensors()) {
    TensorSlice slice{.name = tensor.name(),
                      .shape = {tensor.shape().begin(), tensor.shape().end()},
                      .offset = layout.length,
                      .elements = 1};
    for (const int64_t extent : slice.shape) {
      if (extent < 1 ||
          __builtin_mul_overflow(slice.elements, extent, &slice.elements)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "model.tensors: the shape of ", tensor.name(), " is not valid"));
      }
    }
    if (__builtin_add_overflow(layout.length, slice.elements, &layout.length)) {
      return absl::InvalidArgumentError("model.tensors: too many parameters");
    }
    layout.tensors.push_back(std::move(slice));
  }
  if (layout.tensors.empty()) {
    return absl::InvalidArgumentError(
        "model.tensors: expected the seeds' tensors; the client fills them in "
        "from the seeds' files");
  }
  return layout;
}

SearchOptions MakeSearchOptions(const v1::SearchSpec& search) {
  return {.method = search.method(),
          .attraction = search.attraction(),
          .split_point = search.split_point(),
          .crossover = search.crossover(),
          .mix_low = search.mix_low(),
          .mix_high = search.mix_high()};
}

}  // namespace

int ChunkSize(const v1::TaskSpec& task) {
  if (task.chunk_size() > 0) return static_cast<int>(task.chunk_size());
  return static_cast<int>(
      std::clamp<int64_t>(task.search().rows(), 1, kDefaultChunk));
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

absl::StatusOr<ScheduleOptions> MakeScheduleOptions(
    const v1::CampaignSpec& spec) {
  ScheduleOptions options;
  options.search = MakeSearchOptions(spec.search());
  options.window = spec.schedule().window();
  options.async = spec.schedule().mode() == "async";
  options.shards = std::max(1, spec.schedule().shards());
  options.random_seed = spec.random_seed();
  if (spec.seeds_size() > 0 && spec.seeds(0).random()) {
    options.genomes = GenomeKind::kWeights;
    options.mutation_sigma = spec.search().mutation_sigma();
  }
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
  ASSIGN_OR_RETURN(ParameterLayout layout, LayoutOf(spec.model()));
  options.layout = SingleChromosome(std::move(layout));
  return options;
}

}  // namespace merganser
