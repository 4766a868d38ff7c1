// Everything that a campaign of language models reads, opened and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/genome/thread_team.h"
#include "common/language_task/language_task.h"
#include "common/language_task/language_tools.h"
#include "merganser/v1/campaign.pb.h"
#include "worker/tasks/chunk_plan.h"
#include "worker/weights/path_rules.h"

namespace merganser {

// One task of the campaign.
struct LanguageTaskData {
  std::unique_ptr<const LanguageTask> search;
  std::unique_ptr<const LanguageTask> holdout;  // null: there is none
  int chunk_size = 1;
};

// A campaign's seeds and tasks; the seeds stay mapped.
// Threads: immutable after Load(); safe to share.
class LanguageData {
 public:
  // Files that are not the ones that the client resolved are refused.
  // Errors name the field, as in `tasks[1].search.file`, the file, and what was
  // expected.
  static absl::StatusOr<std::unique_ptr<LanguageData>> Load(
      const v1::CampaignSpec& spec, const PathRules& paths, ThreadTeam& team);

  const CampaignSeeds& seeds() const { return seeds_; }
  std::span<const LanguageTaskData> tasks() const { return tasks_; }

  // The parameters that a child has as a model: those of the seeds' layout, and
  // the rows of embedding and head that are kept behind the merged ones.
  const ParameterLayout& model_layout() const { return model_layout_; }
  // Writes the kept rows to a model's parameter vector.
  // Errors: those of Checkpoint::Tensor().
  absl::Status WriteKeptRows(OutputFormat format,
                             std::span<uint8_t> parameters) const;

  // One per task. Tasks without holdout have 0 holdout datapoints.
  std::vector<TaskShape> SearchShapes() const;
  std::vector<TaskShape> HoldoutShapes() const;

 private:
  LanguageData() = default;

  CampaignSeeds seeds_;
  ParameterLayout model_layout_;
  LanguageTools tools_;
  std::vector<LanguageTaskData> tasks_;
};

}  // namespace merganser
