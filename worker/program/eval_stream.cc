#include "worker/program/eval_stream.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/language_tasks.h"
#include "common/campaign_spec/validate_tasks.h"
#include "common/evolution/layout.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"

namespace merganser {
namespace {

namespace io = google::protobuf::io;
namespace util = google::protobuf::util;

constexpr int64_t kDefaultChunk = 128;
// At most, in one answer: its prompts and outputs must fit a message.
constexpr size_t kAnswerDatapoints = 64;

// A dataset of a task, ready to be scored.
struct Part {
  int task = 0;
  bool holdout = false;
  JsonlDataset dataset;
  // Of the task's prompts as text.
  std::shared_ptr<const DatapointTextMaker> texts;
  std::unique_ptr<const LanguageTask> scorer;
};

class EvalStream {
 public:
  EvalStream(const v1::EvalRequest& request, const PathRules& paths, int output)
      : request_(request), paths_(paths), out_(output) {}

  // Answers with everything, an error included.
  absl::Status Run(const ServeModel& serve_model) {
    const absl::Status status = Evaluate(serve_model);
    if (status.ok() || absl::IsUnavailable(closed_)) return closed_;
    v1::EvalResponse response;
    response.mutable_error()->set_message(std::string(status.message()));
    response.mutable_error()->set_code(static_cast<int>(status.code()));
    return Answer(response);
  }

 private:
  absl::Status Evaluate(const ServeModel& serve_model) {
    ASSIGN_OR_RETURN(ServedLanguageModel served, serve_model(request_));
    for (int i = 0; i < request_.tasks_size(); ++i) {
      RETURN_IF_ERROR(AddTask(i, served.tools.tools));
    }
    RETURN_IF_ERROR(AnswerPlan());
    for (size_t i = 0; i < parts_.size(); ++i) {
      RETURN_IF_ERROR(ScorePart(static_cast<int>(i), *served.model));
    }
    return absl::OkStatus();
  }

  absl::Status AddTask(int index, const LanguageTaskTools& tools) {
    const v1::TaskSpec& spec = request_.tasks(index);
    const std::string& name = spec.name();
    ASSIGN_OR_RETURN(LanguageTaskDefinition parsed,
                     ParseLanguageTask(spec, name));
    definitions_.push_back(
        std::make_unique<const LanguageTaskDefinition>(std::move(parsed)));
    const LanguageTaskDefinition& definition = *definitions_.back();
    ASSIGN_OR_RETURN(auto examples, ReadTaskExamples(spec, definition,
                                                     paths_.resolver(), name));
    const JsonlDataset* const shown =
        examples.has_value() ? &*examples : nullptr;
    auto texts =
        DatapointTextMaker::Create(definition, shown, tools.render_chat);
    if (!texts.ok()) return Annotate(texts.status(), name);
    const auto shared =
        std::make_shared<const DatapointTextMaker>(*std::move(texts));
    for (const bool holdout : {false, true}) {
      if (holdout && !spec.has_holdout()) continue;
      Part part{.task = index, .holdout = holdout, .texts = shared};
      ASSIGN_OR_RETURN(part.dataset, ReadRows(spec, holdout, definition));
      auto scorer =
          LanguageTask::Create(definition, part.dataset, shown, tools);
      if (!scorer.ok()) return Annotate(scorer.status(), name);
      part.scorer = *std::move(scorer);
      parts_.push_back(std::move(part));
    }
    return absl::OkStatus();
  }

  // As many as are asked for.
  absl::StatusOr<JsonlDataset> ReadRows(
      const v1::TaskSpec& spec, bool holdout,
      const LanguageTaskDefinition& definition) const {
    ASSIGN_OR_RETURN(
        JsonlDataset dataset,
        ReadTaskDataset(
            holdout ? spec.holdout() : spec.search(), definition,
            paths_.resolver(),
            absl::StrCat(spec.name(), holdout ? ".holdout" : ".search")));
    const auto limit = static_cast<size_t>(request_.limit());
    if (limit > 0 && limit < dataset.rows.size()) dataset.rows.resize(limit);
    return dataset;
  }

  absl::Status AnswerPlan() {
    v1::EvalResponse response;
    for (const Part& part : parts_) {
      v1::EvalPart& planned = *response.mutable_plan()->add_parts();
      planned.set_task(part.task);
      planned.set_holdout(part.holdout);
      planned.set_datapoints(part.scorer->datapoints());
    }
    return Answer(response);
  }

  absl::Status ScorePart(int index, LanguageModel& model) {
    const Part& part = parts_[static_cast<size_t>(index)];
    const int64_t datapoints = part.scorer->datapoints();
    const int64_t asked = request_.tasks(part.task).chunk_size();
    const int64_t chunk_size = asked > 0 ? asked : kDefaultChunk;
    ASSIGN_OR_RETURN(const std::vector<uint32_t> order, OrderOf(part));
    for (int64_t begin = 0; begin < datapoints; begin += chunk_size) {
      const int64_t count = std::min(chunk_size, datapoints - begin);
      RETURN_IF_ERROR(
          ScoreChunk(index, model, std::span(order).subspan(begin, count)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<uint32_t>> OrderOf(const Part& part) const {
    std::vector<uint32_t> order = FileOrder(0, part.scorer->datapoints());
    if (part.holdout || request_.search_orders().empty()) return order;
    if (part.task < request_.search_orders_size()) {
      const auto& asked = request_.search_orders(part.task).datapoints();
      std::vector<uint32_t> sorted(asked.begin(), asked.end());
      std::sort(sorted.begin(), sorted.end());
      if (sorted == order) {
        order.assign(asked.begin(), asked.end());
        return order;
      }
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "search_orders[", part.task, "]: expected each of the task's ",
        order.size(), " search datapoints once"));
  }

  absl::Status ScoreChunk(int index, LanguageModel& model,
                          std::span<const uint32_t> chunk) {
    const Part& part = parts_[static_cast<size_t>(index)];
    const bool wants_outputs = request_.with_outputs() ||
                               HasContinuousScores(request_.tasks(part.task));
    ASSIGN_OR_RETURN(const LanguageScores result,
                     part.scorer->Score(model, chunk, wants_outputs));
    for (size_t i = 0; i < chunk.size();) {
      v1::EvalResponse response;
      v1::EvalScores& answer = *response.mutable_scores();
      answer.set_part(index);
      answer.set_saw_nan(result.saw_nan);
      const size_t end = std::min(i + kAnswerDatapoints, chunk.size());
      for (; i < end; ++i) {
        answer.add_scores(result.scores[i]);
        if (!wants_outputs) continue;
        RETURN_IF_ERROR(AddOutput(part, chunk[i], result.outputs[i],
                                  *answer.add_outputs()));
      }
      RETURN_IF_ERROR(Answer(response));
    }
    return absl::OkStatus();
  }

  absl::Status AddOutput(const Part& part, uint32_t datapoint,
                         const DatapointOutput& output,
                         v1::EvalOutput& answer) const {
    answer.set_log_likelihood(output.log_likelihood);
    answer.set_tokens(output.tokens);
    if (!request_.with_outputs()) return absl::OkStatus();
    answer.set_text(output.text);
    answer.mutable_token_ids()->Assign(output.token_ids.begin(),
                                       output.token_ids.end());
    ASSIGN_OR_RETURN(
        DatapointTexts texts,
        part.texts->Make(part.dataset, part.dataset.rows[datapoint]));
    answer.set_prompt(std::move(texts.prompt));
    answer.set_expected(std::move(texts.answer));
    return absl::OkStatus();
  }

  absl::Status Answer(const v1::EvalResponse& response) {
    if (util::SerializeDelimitedToZeroCopyStream(response, &out_) &&
        out_.Flush()) {
      return absl::OkStatus();
    }
    closed_ = absl::UnavailableError("standard output is closed");
    return closed_;
  }

  const v1::EvalRequest& request_;
  const PathRules& paths_;
  io::FileOutputStream out_;
  absl::Status closed_;
  std::vector<std::unique_ptr<const LanguageTaskDefinition>> definitions_;
  std::vector<Part> parts_;
};

}  // namespace

absl::Status RunEvalStream(const ServeModel& serve_model,
                           const PathRules& paths, int input, int output) {
  io::FileInputStream in(input);
  v1::EvalRequest request;
  if (!util::ParseDelimitedFromZeroCopyStream(&request, &in, nullptr)) {
    return absl::DataLossError("standard input: expected an EvalRequest");
  }
  return EvalStream(request, paths, output).Run(serve_model);
}

}  // namespace merganser
