#include "coordinator/scheduler/attempts.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace merganser {
namespace {

void InsertSorted(const std::string& worker_id,
                  std::vector<std::string>& workers) {
  auto at = std::lower_bound(workers.begin(), workers.end(), worker_id);
  if (at == workers.end() || *at != worker_id) workers.insert(at, worker_id);
}

bool TooMany(int failures, int bound, size_t workers,
             const AttemptLimits& limits) {
  if (failures >= limits.failures_anywhere_to_quarantine) return true;
  return failures >= bound &&
         workers >= static_cast<size_t>(limits.workers_to_quarantine);
}

}  // namespace

void Attempts::RecordDeath(const std::string& worker_id, bool alone) {
  ++deaths_;
  InsertSorted(worker_id, failed_on_);
  if (!alone) return;
  ++deaths_alone_;
  InsertSorted(worker_id, died_alone_on_);
}

void Attempts::RecordUnreportedDeath(const std::string& worker_id, bool alone) {
  if (++unreported_deaths_ > 1) RecordDeath(worker_id, alone);
}

void Attempts::RecordError(const std::string& worker_id,
                           const std::string& error) {
  ++errors_;
  last_error_ = error;
  InsertSorted(worker_id, failed_on_);
  InsertSorted(worker_id, erred_on_);
}

bool Attempts::RunsAlone(const AttemptLimits& limits) const {
  return deaths_ >= limits.deaths_before_alone;
}

std::optional<std::string> Attempts::QuarantineReason(
    const AttemptLimits& limits) const {
  if (TooMany(errors_, limits.errors_to_quarantine, erred_on_.size(), limits)) {
    return absl::StrCat("failed ", errors_, " times, on ",
                        absl::StrJoin(erred_on_, ", "),
                        "; last error: ", last_error_);
  }
  if (TooMany(deaths_alone_, limits.deaths_to_quarantine, died_alone_on_.size(),
              limits)) {
    return absl::StrCat("its worker died ", deaths_alone_,
                        " times while running nothing else, on ",
                        absl::StrJoin(died_alone_on_, ", "));
  }
  return std::nullopt;
}

std::vector<std::string> Attempts::WorkersToAvoid(
    const AttemptLimits& limits) const {
  if (!RunsAlone(limits)) return failed_on_;
  std::vector<std::string> workers;
  std::set_union(erred_on_.begin(), erred_on_.end(), died_alone_on_.begin(),
                 died_alone_on_.end(), std::back_inserter(workers));
  return workers;
}

}  // namespace merganser
