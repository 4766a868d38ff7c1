#include "worker/tasks/language_data.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/validate_tasks.h"
#include "common/huggingface/chat_template.h"
#include "common/huggingface/tokenizer.h"
#include "common/language_task/language_task_definition.h"
#include "common/storage/jsonl_dataset.h"

namespace merganser {
namespace {

// What a text begins with by itself; see LanguageTaskTools.
int32_t PrefixToken(const GenerationSettings& settings) {
  if (settings.begin_token.has_value()) return *settings.begin_token;
  return settings.end_tokens.empty() ? -1 : settings.end_tokens.front();
}

class TaskLoader {
 public:
  TaskLoader(const PathRules& paths, LanguageTaskTools tools)
      : paths_(paths), tools_(std::move(tools)) {}

  absl::StatusOr<LanguageTaskData> Load(const v1::TaskSpec& task,
                                        const std::string& field) const {
    ASSIGN_OR_RETURN(const LanguageTaskDefinition definition,
                     ParseLanguageTask(task, field));
    std::optional<JsonlDataset> examples;
    if (task.has_few_shot()) {
      ASSIGN_OR_RETURN(examples, ReadExamples(task.few_shot(), definition,
                                              field + ".few_shot"));
    }
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
    ASSIGN_OR_RETURN(const JsonlDataset dataset, Read(spec, definition, field));
    auto task = LanguageTask::Create(definition, dataset, examples, tools_);
    if (!task.ok()) return Annotate(task.status(), field);
    return task;
  }

  absl::StatusOr<JsonlDataset> ReadExamples(
      const v1::FewShotSpec& spec, const LanguageTaskDefinition& definition,
      const std::string& field) const {
    ASSIGN_OR_RETURN(JsonlDataset examples,
                     Read(spec.examples(), definition, field + ".examples"));
    const auto count = static_cast<size_t>(spec.count());
    if (count > examples.rows.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".count: expected at most ", examples.rows.size(),
                       ", the rows of ", examples.path, "; got ", count));
    }
    if (count > 0) examples.rows.resize(count);
    return examples;
  }

  absl::StatusOr<JsonlDataset> Read(const v1::DatasetSpec& spec,
                                    const LanguageTaskDefinition& definition,
                                    const std::string& field) const {
    ASSIGN_OR_RETURN(const std::string path,
                     paths_.Resolve(spec.file(), field + ".file"));
    JsonlOptions options{.fields = FieldsOf(definition)};
    if (spec.first_row() > 0) options.begin = spec.first_row();
    if (spec.end_row() > 0) options.end = spec.end_row();
    auto dataset = ReadJsonlDataset(path, options);
    if (!dataset.ok()) return Annotate(dataset.status(), field + ".file");
    if (!spec.digest().empty() &&
        spec.digest() != dataset->file_digest.ToBytes()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".digest: ", path, " has digest ",
                       dataset->file_digest.ToHex(),
                       "; the campaign was submitted with another file"));
    }
    return dataset;
  }

  const PathRules& paths_;
  const LanguageTaskTools tools_;
};

// Only campaigns with a chat task need a chat template.
absl::StatusOr<RenderChat> ChatOf(const v1::CampaignSpec& spec,
                                  const Checkpoint& checkpoint) {
  bool wanted = false;
  for (const v1::TaskSpec& task : spec.tasks()) wanted |= task.chat();
  if (!wanted) return RenderChat();
  ASSIGN_OR_RETURN(const ChatTemplate chat,
                   ChatTemplate::OpenFolder(checkpoint.path()));
  return RenderChat([chat](std::span<const ChatMessage> messages) {
    return chat.Render(messages, /*add_generation_prompt=*/true);
  });
}

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
  const Checkpoint& checkpoint = data->seeds_.language->tokenizer_seed();
  ASSIGN_OR_RETURN(auto tokenizer,
                   Tokenizer::Open(checkpoint.tokenizer_path()));
  data->codec_ = TokenizerCodec(std::move(tokenizer));
  ASSIGN_OR_RETURN(RenderChat chat, ChatOf(spec, checkpoint));
  const TaskLoader loader(paths,
                          {.codec = data->codec_.get(),
                           .render_chat = std::move(chat),
                           .end_tokens = checkpoint.generation().end_tokens,
                           .prefix_token = PrefixToken(checkpoint.generation()),
                           .maximum_length = data->maximum_length()});
  for (int i = 0; i < spec.tasks_size(); ++i) {
    ASSIGN_OR_RETURN(
        LanguageTaskData task,
        loader.Load(spec.tasks(i), absl::StrCat("tasks[", i, "]")));
    data->tasks_.push_back(std::move(task));
  }
  return data;
}

std::vector<TaskShape> LanguageData::SearchShapes() const {
  return ShapesOf(tasks_, &LanguageTaskData::search);
}

std::vector<TaskShape> LanguageData::HoldoutShapes() const {
  return ShapesOf(tasks_, &LanguageTaskData::holdout);
}

}  // namespace merganser
