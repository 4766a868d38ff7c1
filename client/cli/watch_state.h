// What a live view of a campaign knows: its present state, and what has been
// seen of it so far.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/progress_rate.h"
#include "common/evolution/archive.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// The scores at some moment of the campaign.
struct WatchSample {
  int64_t evaluations = 0;
  std::optional<double> best;
  // Of the members; not known of the time before the view was opened.
  std::optional<double> mean;
  // The best member's, task by task; likewise.
  std::vector<double> tasks;
};

struct WatchEvent {
  enum class Kind { kInfo, kGood, kWarning };

  absl::Time time;
  Kind kind = Kind::kInfo;
  std::string text;
};

// Takes what the coordinator tells; draws nothing and asks nobody.
// Threads: none.
class WatchState {
 public:
  // `now`: monotonic, for the rate; `time`: of day, for events.
  void TakeCampaign(const v1::Campaign& campaign, absl::Time now,
                    absl::Time time);
  // `header` is the archive's export.
  void TakeArchive(const v1::ExportHeader& header, Archive archive,
                   absl::Time time);
  void TakeWorkers(const std::vector<v1::Worker>& workers, absl::Time time);
  // Whether the coordinator answers.
  void TakeContact(bool answers, absl::Time time);
  // Why the archive is not shown; empty: it is, or is not known yet.
  void TakeArchiveProblem(const std::string& problem) {
    archive_problem_ = problem;
  }

  const v1::Campaign& campaign() const { return campaign_; }
  double rate() const { return rate_.PerSecond(); }
  const std::optional<Archive>& archive() const { return archive_; }
  const std::string& archive_problem() const { return archive_problem_; }
  const std::vector<v1::Worker>& workers() const { return workers_; }
  bool answers() const { return answers_; }
  // Ascending in evaluations; at most kMostSamples.
  const std::vector<WatchSample>& samples() const { return samples_; }
  // The last ones, at most kMostEvents, oldest first.
  const std::deque<WatchEvent>& events() const { return events_; }

  static constexpr size_t kMostSamples = 4096;
  static constexpr size_t kMostEvents = 200;

 private:
  void Tell(absl::Time time, WatchEvent::Kind kind, std::string text);
  void TellOfCampaign(const v1::Campaign& next, absl::Time time);
  void TellOfSlots(const v1::ExportHeader& header, absl::Time time);
  void AddSample(WatchSample sample);

  v1::Campaign campaign_;
  ProgressRate rate_;
  std::optional<Archive> archive_;
  std::string archive_problem_;
  std::map<int, int64_t> slots_;  // of the last archive
  std::vector<v1::Worker> workers_;
  bool knows_workers_ = false;
  bool answers_ = true;
  std::vector<WatchSample> samples_;
  std::deque<WatchEvent> events_;
};

// "seed digits-0-4" of a seed, else "candidate 812".
std::string CandidateName(const v1::CampaignSpec& spec, int64_t candidate);

}  // namespace merganser
