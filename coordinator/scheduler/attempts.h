// How often a job went wrong, and what follows from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace merganser {

struct AttemptLimits {
  // Deaths of a worker during the job after which it runs alone.
  int deaths_before_alone = 2;
  // Deaths while it ran alone that quarantine it, on workers_to_quarantine
  // different workers.
  int deaths_to_quarantine = 3;
  // Errors that quarantine it, on workers_to_quarantine different workers.
  int errors_to_quarantine = 3;
  int workers_to_quarantine = 2;
  // So many errors, or deaths alone, quarantine it whatever the workers:
  // a cluster of one worker must not try for ever.
  int failures_anywhere_to_quarantine = 6;
};

// The failures of one job. Workers are told apart by their worker id, which
// outlives a session.
// Threads: none.
class Attempts {
 public:
  // The worker died while it executed the job. `alone`: it held no other.
  void RecordDeath(const std::string& worker_id, bool alone);
  // The worker died before it said whether it had begun the job. The first
  // such death is free, later ones count as RecordDeath: a job that kills its
  // worker at once would otherwise never be found out.
  void RecordUnreportedDeath(const std::string& worker_id, bool alone);
  // The job itself failed on the worker; `error` is for a person.
  void RecordError(const std::string& worker_id, const std::string& error);

  // Something above was recorded, so that WorkersToAvoid may be non-empty.
  bool any() const { return !failed_on_.empty(); }
  bool RunsAlone(const AttemptLimits& limits) const;
  // Why the job must not run again, for a person; nullopt while it may.
  std::optional<std::string> QuarantineReason(
      const AttemptLimits& limits) const;
  // Workers on which the job had better not run next, without repeats: where
  // it erred or killed; once it runs alone, where it erred or killed alone.
  std::vector<std::string> WorkersToAvoid(const AttemptLimits& limits) const;

 private:
  int unreported_deaths_ = 0;
  int deaths_ = 0;  // all that count, alone or not
  int deaths_alone_ = 0;
  int errors_ = 0;
  std::string last_error_;
  // Each sorted, without repeats.
  std::vector<std::string> failed_on_;  // errors and all deaths that count
  std::vector<std::string> erred_on_;
  std::vector<std::string> died_alone_on_;
};

}  // namespace merganser
