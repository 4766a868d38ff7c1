#include "client/eval/eval_summary.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/output.h"
#include "common/evolution/scores.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

const char* PartName(const EvalPartSummary& part) {
  return part.holdout ? "holdout" : "search";
}

double ToScore(int64_t units) {
  return static_cast<double>(units) / kScoreUnit;
}

std::string OrDash(const std::optional<double>& value) {
  return value.has_value() ? absl::StrFormat("%.4f", *value) : "-";
}

ordered_json OrNull(const std::optional<double>& value) {
  return value.has_value() && std::isfinite(*value) ? ordered_json(*value)
                                                    : ordered_json();
}

}  // namespace

double EvalPartSummary::Score() const {
  return scored == 0 ? 0 : ToScore(sum) / static_cast<double>(scored);
}

std::optional<double> EvalPartSummary::StandardError() const {
  if (scored < 2) return std::nullopt;
  const auto n = static_cast<double>(scored);
  const double mean = Score();
  // Rounding may leave a little less than nothing.
  const double spread = std::max(0.0, sum_of_squares - n * mean * mean);
  return std::sqrt(spread / (n - 1) / n);
}

std::optional<double> EvalPartSummary::Perplexity() const {
  if (tokens == 0) return std::nullopt;
  return std::exp(-log_likelihood / static_cast<double>(tokens));
}

absl::Status EvalSummary::Begin(const v1::EvalRequest& request,
                                const v1::EvalPlan& plan) {
  parts_.clear();
  for (const v1::EvalPart& part : plan.parts()) {
    if (part.task() < 0 || part.task() >= request.tasks_size()) {
      return absl::InternalError("merganser-worker scores a task of its own");
    }
    const v1::TaskSpec& task = request.tasks(part.task());
    parts_.push_back(
        {.task = task.name(),
         .kind = task.kind(),
         .holdout = part.holdout(),
         .first_row =
             (part.holdout() ? task.holdout() : task.search()).first_row(),
         .datapoints = part.datapoints()});
  }
  return absl::OkStatus();
}

absl::Status EvalSummary::Add(const v1::EvalScores& scores) {
  if (scores.part() < 0 || scores.part() >= static_cast<int>(parts_.size())) {
    return absl::InternalError("merganser-worker scored what it did not plan");
  }
  EvalPartSummary& part = parts_[static_cast<size_t>(scores.part())];
  if (scores.scores_size() > part.datapoints - part.scored) {
    return absl::InternalError("merganser-worker scored more than it planned");
  }
  for (const uint32_t score : scores.scores()) {
    if (score > kScoreUnit) {
      return absl::InternalError("merganser-worker gave a score above 1");
    }
    part.sum += score;
    part.sum_of_squares += ToScore(score) * ToScore(score);
  }
  part.scored += scores.scores_size();
  part.saw_nan |= scores.saw_nan();
  for (const v1::EvalOutput& output : scores.outputs()) {
    part.log_likelihood += output.log_likelihood();
    part.tokens += output.tokens();
  }
  return absl::OkStatus();
}

bool EvalSummary::complete() const {
  for (const EvalPartSummary& part : parts_) {
    if (part.scored < part.datapoints) return false;
  }
  return !parts_.empty();
}

std::string EvalText(const EvalSummary& summary) {
  Table table({"task", "part", "datapoints", "score", "error", "perplexity"});
  for (const EvalPartSummary& part : summary.parts()) {
    table.Add({part.task, PartName(part), absl::StrCat(part.scored),
               Accuracy(part.Score()), OrDash(part.StandardError()),
               OrDash(part.Perplexity())});
  }
  return table.Text();
}

std::string EvalJson(const EvalSummary& summary) {
  std::string lines;
  for (const EvalPartSummary& part : summary.parts()) {
    ordered_json line = {{"task", part.task},
                         {"kind", part.kind},
                         {"part", PartName(part)},
                         {"datapoints", part.scored},
                         {"score", part.Score()},
                         {"standard_error", OrNull(part.StandardError())},
                         {"saw_nan", part.saw_nan}};
    if (part.tokens > 0) {
      line["perplexity"] = OrNull(part.Perplexity());
      line["tokens"] = part.tokens;
    }
    lines += JsonLine(line);
  }
  return lines;
}

double EvalScoreOf(uint32_t units) { return ToScore(units); }

ordered_json EvalOutputJson(const EvalPartSummary& part, int64_t row,
                            const v1::EvalOutput& output, uint32_t score) {
  ordered_json object = {{"task", part.task},
                         {"part", PartName(part)},
                         {"row", row},
                         {"prompt", output.prompt()}};
  if (output.tokens() > 0) {
    object["log_likelihood"] = OrNull(output.log_likelihood());
    object["tokens"] = output.tokens();
  } else {
    object["output"] = output.text();
    if (output.token_ids_size() > 0) object["token_ids"] = output.token_ids();
    object["expected"] = output.expected();
  }
  object["score"] = ToScore(score);
  return object;
}

std::string JsonLine(const ordered_json& object) {
  return object.dump(-1, ' ', /*ensure_ascii=*/false,
                     ordered_json::error_handler_t::replace) +
         "\n";
}

std::string EvalOutputLines(const EvalPartSummary& part,
                            const v1::EvalScores& scores) {
  std::string lines;
  const int64_t first = part.first_row + part.scored - scores.scores_size();
  for (int i = 0; i < scores.outputs_size() && i < scores.scores_size(); ++i) {
    lines += JsonLine(
        EvalOutputJson(part, first + i, scores.outputs(i), scores.scores(i)));
  }
  return lines;
}

}  // namespace merganser
