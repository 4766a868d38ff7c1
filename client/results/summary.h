// summary.json: a campaign's outcome for people and scripts. docs/formats.md
// has its fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

struct Summary {
  struct Task {
    std::string name;
    double search_accuracy = 0;
    std::optional<double> holdout_accuracy;
  };
  struct Best {
    int64_t candidate = 0;
    double search_accuracy = 0;
    std::optional<double> holdout_accuracy;
    std::string genome_digest;  // hexadecimal
    std::vector<Task> tasks;
  };
  struct Seed {
    std::string name;
    double search_accuracy = 0;
    std::optional<double> holdout_accuracy;
    std::vector<Task> tasks;
  };
  struct Point {
    int64_t evaluations = 0;
    int64_t candidate = 0;
    double search_accuracy = 0;
    std::optional<double> holdout_accuracy;
    double coverage = 0;
    double entropy = 0;
  };

  std::string name;
  std::string uid;
  std::string method;  // search.method
  std::string state;   // "COMPLETED", as in CampaignState without its prefix
  int64_t evaluations = 0;
  int64_t budget_evaluations = 0;
  int64_t accepted = 0;
  int64_t quarantined = 0;
  int64_t conflicts = 0;
  int64_t nan_chunks = 0;  // in which a logit was NaN
  // Children dropped by some of their scores, those that a worker parked, and
  // those of them that their own archive rejected, too.
  int64_t rejected_early = 0;
  int64_t parked = 0;
  int64_t parked_confirmed = 0;
  // Search datapoints that workers evaluated for children, repeats and
  // resumptions included; and evaluations times search datapoints.
  int64_t datapoint_evaluations = 0;
  int64_t datapoint_evaluations_possible = 0;
  std::string archive_digest;  // hexadecimal
  std::optional<Best> best;
  double coverage = 0;
  double entropy = 0;
  // Of the command that wrote it, or of the campaign where no command ran it.
  double wall_seconds = 0;
  // Evaluations per second from the first lease to the last apply.
  double evaluations_per_second = 0;
  std::vector<Seed> seeds;   // in file order
  std::vector<Point> curve;  // in the order of evaluations
};

// `wall_seconds` absent: the campaign's own active time.
Summary MakeSummary(const v1::ExportHeader& header,
                    std::optional<double> wall_seconds);

// "COMPLETED", "RUNNING", …
std::string ShortStateName(v1::CampaignState state);

// On several lines, as in the file.
std::string SummaryToJson(const Summary& summary);
// On one line.
std::string SummaryToJsonLine(const Summary& summary);
// Errors: InvalidArgument naming the field; unknown fields are passed over.
absl::StatusOr<Summary> SummaryFromJson(const std::string& json);

}  // namespace merganser
