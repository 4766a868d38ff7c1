#include "worker/tasks/language_data.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/validate_tasks.h"
#include "common/genome/vector_kernels.h"
#include "common/language_task/language_task_definition.h"
#include "common/storage/jsonl_dataset.h"
#include "worker/tasks/task_dataset.h"

namespace merganser {
namespace {

// Reads a campaign's tasks.
class TaskLoader {
 public:
  // Both are borrowed.
  TaskLoader(const PathRules& paths, const LanguageTaskTools& tools)
      : paths_(paths), tools_(tools) {}

  absl::StatusOr<LanguageTaskData> Load(const v1::TaskSpec& task,
                                        const std::string& field) const {
    ASSIGN_OR_RETURN(const LanguageTaskDefinition definition,
                     ParseLanguageTask(task, field));
    ASSIGN_OR_RETURN(const std::optional<JsonlDataset> examples,
                     ReadTaskExamples(task, definition, paths_, field));
    const JsonlDataset* const shown =
        examples.has_value() ? &*examples : nullptr;
    LanguageTaskData data{.chunk_size = ChunkSize(task)};
    ASSIGN_OR_RETURN(data.search, LoadPart(task.search(), definition, shown,
                                           field + ".search"));
    if (task.has_holdout()) {
      ASSIGN_OR_RETURN(data.holdout, LoadPart(task.holdout(), definition, shown,
                                              field + ".holdout"));
    }
    return data;
  }

 private:
  absl::StatusOr<std::unique_ptr<LanguageTask>> LoadPart(
      const v1::DatasetSpec& spec, const LanguageTaskDefinition& definition,
      const JsonlDataset* examples, const std::string& field) const {
    ASSIGN_OR_RETURN(const JsonlDataset dataset,
                     ReadTaskDataset(spec, definition, paths_, field));
    auto task = LanguageTask::Create(definition, dataset, examples, tools_);
    if (!task.ok()) return Annotate(task.status(), field);
    return task;
  }

  const PathRules& paths_;
  const LanguageTaskTools& tools_;
};

std::vector<TaskShape> ShapesOf(
    std::span<const LanguageTaskData> tasks,
    std::unique_ptr<LanguageTask> LanguageTaskData::* part) {
  std::vector<TaskShape> shapes;
  for (const LanguageTaskData& task : tasks) {
    const LanguageTask* const datapoints = (task.*part).get();
    shapes.push_back({datapoints == nullptr ? 0 : datapoints->datapoints(),
                      task.chunk_size});
  }
  return shapes;
}

}  // namespace

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
                                     data->maximum_length()));
  const TaskLoader loader(paths, data->tools_.tools);
  for (int i = 0; i < spec.tasks_size(); ++i) {
    ASSIGN_OR_RETURN(
        LanguageTaskData task,
        loader.Load(spec.tasks(i), absl::StrCat("tasks[", i, "]")));
    data->tasks_.push_back(std::move(task));
  }
  return data;
}

absl::Status LanguageData::WriteKeptRows(std::span<uint8_t> parameters) const {
  const int64_t element_bytes = DTypeBytes(seeds_.dtype);
  const std::vector<TensorSlice>& merged = seeds_.layout.parameters.tensors;
  for (size_t i = 0; i < merged.size(); ++i) {
    const TensorSlice& whole = model_layout_.tensors[i];
    const int64_t kept = whole.elements - merged[i].elements;
    if (kept == 0) continue;
    ASSIGN_OR_RETURN(const TensorView source,
                     seeds_.language->tokenizer_seed().Tensor(whole.name));
    const WeightedInput input{
        .bytes =
            source.bytes.data() + merged[i].elements * DTypeBytes(source.dtype),
        .dtype = source.dtype,
        .coefficient = 1};
    Combine({&input, 1}, kept, seeds_.dtype, /*streaming=*/false,
            parameters.data() +
                (whole.offset + merged[i].elements) * element_bytes);
  }
  return absl::OkStatus();
}

std::vector<TaskShape> LanguageData::SearchShapes() const {
  return ShapesOf(tasks_, &LanguageTaskData::search);
}

std::vector<TaskShape> LanguageData::HoldoutShapes() const {
  return ShapesOf(tasks_, &LanguageTaskData::holdout);
}

}  // namespace merganser
