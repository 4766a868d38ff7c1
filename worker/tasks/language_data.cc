#include "worker/tasks/language_data.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/language_tasks.h"
#include "common/campaign_spec/validate_tasks.h"
#include "common/checkpoint/leading_rows.h"
#include "common/genome/vector_kernels.h"
#include "common/language_task/language_task_definition.h"
#include "common/storage/jsonl_dataset.h"

namespace merganser {
namespace {}  // namespace

absl::StatusOr<std::unique_ptr<LanguageData>> LanguageData::Load(
    const v1::CampaignSpec& spec, const PathRules& paths, ThreadTeam& team) {
  std::unique_ptr<LanguageData> data(new LanguageData);
  const auto path_of = [&](const v1::SeedSpec& seed, const std::string& field) {
    return paths.ResolveSeed(seed, field);
  };
  ASSIGN_OR_RETURN(data->seeds_, OpenSeeds(spec, path_of, team));
  data->model_layout_ =
      LanguageModelLayout(data->seeds_.language->tokenizer_seed().config());
  ASSIGN_OR_RETURN(data->tools_,
                   OpenLanguageTools(data->seeds_.language->tokenizer_seed(),
                                     data->seeds_.language->maximum_length()));
  for (int i = 0; i < spec.tasks_size(); ++i) {
    ASSIGN_OR_RETURN(
        LoadedLanguageTask loaded,
        LoadLanguageTask(spec.tasks(i), data->tools_.tools, paths.resolver(),
                         absl::StrCat("tasks[", i, "]")));
    LanguageTaskData& task = data->tasks_.emplace_back();
    task.chunk_size = ChunkSize(spec.tasks(i));
    task.search = std::move(loaded.search.task);
    if (loaded.holdout) task.holdout = std::move(loaded.holdout->task);
  }
  return data;
}

absl::Status LanguageData::WriteKeptRows(OutputFormat format,
                                         std::span<uint8_t> parameters) const {
  const LanguageSeeds& language = *seeds_.language;
  const int64_t element_bytes = DTypeBytes(format.held());
  for (const TensorSlice& whole : model_layout_.tensors) {
    if (!IsPerTokenTensor(whole.name)) continue;
    ASSIGN_OR_RETURN(const TensorView kept,
                     TrailingRows(language.tokenizer_seed(), whole.name,
                                  language.config.vocabulary_size));
    const WeightedInput input{
        .bytes = kept.bytes.data(), .dtype = kept.dtype, .coefficient = 1};
    const int64_t end = whole.offset + whole.elements;
    Combine({&input, 1}, kept.elements, format, /*streaming=*/false,
            parameters.data() + (end - kept.elements) * element_bytes);
  }
  return absl::OkStatus();
}

std::vector<TaskShape> LanguageData::SearchShapes() const {
  std::vector<TaskShape> shapes;
  for (const LanguageTaskData& task : tasks_) {
    shapes.push_back({task.search->datapoints(), task.chunk_size});
  }
  return shapes;
}

std::vector<TaskShape> LanguageData::HoldoutShapes() const {
  std::vector<TaskShape> shapes;
  for (const LanguageTaskData& task : tasks_) {
    shapes.push_back(
        {task.holdout ? task.holdout->datapoints() : 0, task.chunk_size});
  }
  return shapes;
}

}  // namespace merganser
