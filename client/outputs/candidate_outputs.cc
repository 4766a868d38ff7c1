#include "client/outputs/candidate_outputs.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/progress_line.h"
#include "client/eval/model_evaluation.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

// With quotes and escapes, so that spaces and line ends are seen.
std::string Quoted(const std::string& text) {
  return ordered_json(text).dump(-1, ' ', /*ensure_ascii=*/false,
                                 ordered_json::error_handler_t::replace);
}

std::string ScoreText(uint32_t score) {
  return absl::StrFormat("%.4g", EvalScoreOf(score));
}

std::string TextOf(const EvalPartSummary& part, int64_t row,
                   const v1::EvalOutput& output, uint32_t score,
                   std::optional<uint32_t> recorded) {
  std::string text = absl::StrCat(part.task, part.holdout ? " holdout" : "",
                                  " row ", row, ": score ", ScoreText(score));
  if (recorded.has_value() && *recorded != score) {
    absl::StrAppend(&text, ", in the campaign ", ScoreText(*recorded));
  }
  absl::StrAppend(&text, "\n  prompt    ", Quoted(output.prompt()), "\n");
  if (output.tokens() > 0) {
    absl::StrAppendFormat(&text, "  log-likelihood %.4f of %d tokens\n",
                          output.log_likelihood(), output.tokens());
    return text;
  }
  absl::StrAppend(&text, "  output    ", Quoted(output.text()),
                  "\n  expected  ", Quoted(output.expected()), "\n");
  return text;
}

}  // namespace

v1::EvalRequest OutputsRequest(const v1::CampaignSpec& spec,
                               const RecordedCandidate& candidate,
                               const std::string& models_root,
                               const std::string& model) {
  v1::EvalRequest request;
  request.set_model(model);
  request.set_compute_dtype(spec.model().compute_dtype());
  request.set_with_outputs(true);
  for (const v1::TaskSpec& task : spec.tasks()) {
    *request.add_tasks() = WithFilesBelow(models_root, task);
  }
  for (const std::vector<uint32_t>& order : candidate.orders) {
    request.add_search_orders()->mutable_datapoints()->Assign(order.begin(),
                                                              order.end());
  }
  return request;
}

OutputPage::OutputPage(const v1::CampaignSpec& spec,
                       const RecordedCandidate& candidate, bool json,
                       std::ostream& out)
    : candidate_(candidate), json_(json), out_(out) {
  for (const v1::TaskSpec& task : spec.tasks()) {
    tasks_.emplace(task.name(), tasks_.size());
  }
}

absl::Status OutputPage::Take(const EvalPartSummary& part,
                              const v1::EvalScores& scores) {
  const auto task = tasks_.find(part.task);
  const auto end = static_cast<size_t>(part.scored);
  const auto count = static_cast<size_t>(scores.scores_size());
  if (task == tasks_.end() || scores.outputs_size() != scores.scores_size() ||
      (!part.holdout && candidate_.orders[task->second].size() !=
                            static_cast<size_t>(part.datapoints))) {
    return absl::InternalError("merganser-worker scored another task");
  }
  part_.resize(static_cast<size_t>(part.datapoints));
  for (size_t i = 0; i < count; ++i) {
    const size_t position = end - count + i;
    const size_t datapoint =
        part.holdout ? position : candidate_.orders[task->second][position];
    part_[datapoint] = {scores.outputs(static_cast<int>(i)),
                        scores.scores(static_cast<int>(i))};
  }
  if (part.scored < part.datapoints) return absl::OkStatus();
  for (size_t datapoint = 0; datapoint < part_.size(); ++datapoint) {
    Print(part, datapoint, part_[datapoint]);
  }
  part_.clear();
  return absl::OkStatus();
}

std::optional<uint32_t> OutputPage::Recorded(const EvalPartSummary& part,
                                             size_t datapoint) const {
  if (part.holdout) return std::nullopt;
  return candidate_.scores[tasks_.at(part.task)][datapoint];
}

void OutputPage::Compare(std::optional<uint32_t> recorded, uint32_t score) {
  if (!recorded.has_value()) {
    ++unrecorded_;
    return;
  }
  ++compared_;
  if (*recorded != score) ++different_;
}

void OutputPage::Print(const EvalPartSummary& part, size_t datapoint,
                       const Datapoint& shown) {
  const int64_t row = part.first_row + static_cast<int64_t>(datapoint);
  const std::optional<uint32_t> recorded = Recorded(part, datapoint);
  if (!part.holdout) Compare(recorded, shown.score);
  if (!json_) {
    out_ << TextOf(part, row, shown.output, shown.score, recorded);
    return;
  }
  ordered_json object = EvalOutputJson(part, row, shown.output, shown.score);
  if (!part.holdout) {
    object["campaign_score"] = recorded.has_value()
                                   ? ordered_json(EvalScoreOf(*recorded))
                                   : ordered_json();
  }
  out_ << JsonLine(object);
}

std::string OutputPage::Comparison() const {
  std::string text = absl::StrCat("candidate ", candidate_.number, ": ");
  if (different_ > 0) {
    absl::StrAppend(
        &text, WithThousands(different_), " of ", WithThousands(compared_),
        " scores are not those of the campaign; it was evaluated on another "
        "device, with other threads or by another build");
  } else {
    absl::StrAppend(&text, "all ", WithThousands(compared_),
                    " scores of search datapoints are those of the campaign");
  }
  if (unrecorded_ > 0) {
    absl::StrAppend(&text, "; ", WithThousands(unrecorded_),
                    " more were not needed to drop it");
  }
  return text;
}

}  // namespace merganser
