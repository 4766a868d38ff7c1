// What a campaign's log tells beside its outcome: how the archive developed,
// and who descends from whom.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "client/results/campaign_record.h"
#include "common/schedule/ordered_schedule.h"

namespace merganser {

struct HistoryPoint {
  int64_t evaluations = 0;  // children applied by then
  // Scores on the search datapoints, weighted by task, 0 … 1.
  double best = 0;
  double mean = 0;  // of the members
  double coverage = 0;
  double entropy = 0;
};

// A candidate that entered the archive.
struct HistoryCandidate {
  // Children applied by then, itself included; 0 for a seed.
  int64_t evaluations = 0;
  double score = 0;
  // Absent for a seed.
  std::optional<v1::Proposal> proposal;
};

struct CampaignHistory {
  // After the seeds and after each child that entered the archive.
  std::vector<HistoryPoint> points;
  // By sequence number.
  std::map<int64_t, HistoryCandidate> candidates;

  // The candidate and its ancestors, ascending; empty if it is not known.
  std::vector<int64_t> LineageOf(int64_t candidate) const;
};

// Folds the log of a record that was just opened. Where it is in doubt that a
// log is right, `merganser verify` says so; here only its outcome is compared.
// Cost: two passes over a candidate's scores for each that entered.
// Errors: DataLoss when the log does not lead to the archive of the header, and
// those of RecordReader::Next().
absl::StatusOr<CampaignHistory> ReadHistory(const ScheduleOptions& options,
                                            RecordReader& record);

}  // namespace merganser
