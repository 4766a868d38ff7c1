// What `merganser eval` makes of a model's scores.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "merganser/v1/eval_stream.pb.h"

namespace merganser {

// One dataset of one task.
struct EvalPartSummary {
  std::string task;
  std::string kind;
  bool holdout = false;
  int64_t first_row = 0;   // of its file, from 0
  int64_t datapoints = 0;  // to be scored
  int64_t scored = 0;
  int64_t sum = 0;            // of k / 2^20
  double sum_of_squares = 0;  // of scores
  double log_likelihood = 0;  // perplexity alone
  int64_t tokens = 0;         // perplexity alone
  bool saw_nan = false;

  // Mean of the scores so far, 0 … 1; 0 without any.
  double Score() const;
  // Standard error of the mean: the datapoints' standard deviation (n - 1)
  // divided by the root of their number; nullopt of fewer than two.
  std::optional<double> StandardError() const;
  // exp(-mean negative log-likelihood of all tokens), inverted: as lm-eval has
  // it; nullopt for other kinds.
  std::optional<double> Perplexity() const;
};

// Threads: none.
class EvalSummary {
 public:
  // `tasks` are those of the request. Errors: Internal for a plan that does not
  // fit them.
  absl::Status Begin(const v1::EvalRequest& request, const v1::EvalPlan& plan);
  // Errors: Internal for scores of no part, of too many datapoints, or out of
  // range.
  absl::Status Add(const v1::EvalScores& scores);

  const std::vector<EvalPartSummary>& parts() const { return parts_; }
  // Whether all datapoints are scored, and there was a plan.
  bool complete() const;

 private:
  std::vector<EvalPartSummary> parts_;
};

// A table for people.
std::string EvalText(const EvalSummary& summary);
// A line of JSON per part.
std::string EvalJson(const EvalSummary& summary);

// k = 0 … 2^20 as a number 0 … 1.
double EvalScoreOf(uint32_t units);

// What is said of one datapoint: row `row` of its file.
nlohmann::ordered_json EvalOutputJson(const EvalPartSummary& part, int64_t row,
                                      const v1::EvalOutput& output,
                                      uint32_t score);
// As a line; text that is not UTF-8 has replacement characters.
std::string JsonLine(const nlohmann::ordered_json& object);
// The lines of --output for one answer in the order of the file, the last one
// that `part` counts.
std::string EvalOutputLines(const EvalPartSummary& part,
                            const v1::EvalScores& scores);

}  // namespace merganser
