// Everything that a campaign's evaluation reads, opened and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/genome/gram.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/seed_weights.h"
#include "common/genome/thread_team.h"
#include "common/storage/csv_dataset.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/tasks/chunk_plan.h"
#include "worker/weights/path_rules.h"

namespace merganser {

struct TaskData {
  CsvDataset search;
  std::optional<CsvDataset> holdout;
  int chunk_size = 1;
};

// Seeds that are noise: seed k of K is MakeRandomSeed() with the sequence
// number k - K.
struct RandomSeeds {
  int count = 0;  // K
  double sigma = 0;
  uint64_t campaign_seed = 0;
};

// A campaign's seeds and datasets. Seeds stay mapped, not copied.
// Threads: immutable after Load(); safe to share.
class CampaignData {
 public:
  // Files that are not the ones that the client resolved are refused.
  // Errors name the field, as in `seeds[1].path`, the file, and what was
  // expected.
  static absl::StatusOr<std::unique_ptr<CampaignData>> Load(
      const v1::CampaignSpec& spec, const PathRules& paths, ThreadTeam& team);

  const GenomeLayout& layout() const { return seeds_.layout; }
  // Set in campaigns that keep weights; they have no seed files, and seeds()
  // and seed_digests() are empty.
  const std::optional<RandomSeeds>& random_seeds() const {
    return random_seeds_;
  }
  // What recipes are made of: the seeds and, with the origin at the base, the
  // base behind them.
  std::span<const SeedWeights* const> seeds() const { return seed_pointers_; }
  std::span<const Digest> seed_digests() const { return seeds_.digests; }
  // Not for random seeds. The team runs nothing else meanwhile.
  GramSums MakeGramSums(ThreadTeam& team) const {
    return seeds_.MakeGramSums(team);
  }
  // What a child's weights are rounded to.
  DType weights_dtype() const { return seeds_.dtype; }
  std::span<const TaskData> tasks() const { return tasks_; }

  // One per task. Tasks without holdout have 0 holdout datapoints.
  std::vector<TaskShape> SearchShapes() const;
  std::vector<TaskShape> HoldoutShapes() const;

  // The job's recipe, checked against the campaign and against the job's
  // genome digest.
  // Errors: InvalidArgument naming the field.
  absl::StatusOr<LinearRecipe> RecipeOf(const v1::Job& job) const;

 private:
  CampaignData() = default;
  absl::Status LoadSeeds(const v1::CampaignSpec& spec, const PathRules& paths,
                         ThreadTeam& team);
  absl::Status TakeRandomSeeds(const v1::CampaignSpec& spec);
  absl::Status LoadTasks(const v1::CampaignSpec& spec, const PathRules& paths);

  // Of random seeds, layout and dtype alone.
  CampaignSeeds seeds_;
  std::vector<const SeedWeights*> seed_pointers_;
  std::optional<RandomSeeds> random_seeds_;
  std::vector<TaskData> tasks_;
};

// Features that an MLP takes, and classes that it gives.
struct MlpShape {
  int64_t inputs = 0;
  int64_t outputs = 0;
};
MlpShape ShapeOfMlp(const ParameterLayout& layout);

}  // namespace merganser
