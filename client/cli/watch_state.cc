#include "client/cli/watch_state.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/api/campaign_state.h"
#include "client/archive/niche_map.h"

namespace merganser {
namespace {

using Kind = WatchEvent::Kind;

// Of more children at once only the number is told.
constexpr size_t kMostChildrenByName = 3;

Kind KindOfState(v1::CampaignState state) {
  switch (state) {
    case v1::CAMPAIGN_STATE_COMPLETED:
      return Kind::kGood;
    case v1::CAMPAIGN_STATE_FAILED:
    case v1::CAMPAIGN_STATE_CANCELLED:
    case v1::CAMPAIGN_STATE_PAUSED:
      return Kind::kWarning;
    default:
      return Kind::kInfo;
  }
}

std::set<std::string> ConditionsOf(const v1::Campaign& campaign) {
  return {campaign.conditions().begin(), campaign.conditions().end()};
}

// Every other one, and the last one.
void Thin(std::vector<WatchSample>& samples) {
  std::vector<WatchSample> kept;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (i % 2 == 0 || i + 1 == samples.size()) {
      kept.push_back(std::move(samples[i]));
    }
  }
  samples = std::move(kept);
}

}  // namespace

std::string CandidateName(const v1::CampaignSpec& spec, int64_t candidate) {
  const int64_t seed = candidate + spec.seeds_size();
  if (candidate < 0 && seed >= 0) {
    return absl::StrCat("seed ", spec.seeds(static_cast<int>(seed)).name());
  }
  return absl::StrCat("candidate ", WithThousands(candidate));
}

void WatchState::Tell(absl::Time time, Kind kind, std::string text) {
  events_.push_back({time, kind, std::move(text)});
  if (events_.size() > kMostEvents) events_.pop_front();
}

void WatchState::TellOfCampaign(const v1::Campaign& next, absl::Time time) {
  if (next.state() != campaign_.state()) {
    Tell(time, KindOfState(next.state()),
         absl::StrCat("campaign ", StateName(next.state()),
                      next.message().empty() ? "" : ": ", next.message()));
  }
  const std::set<std::string> before = ConditionsOf(campaign_);
  const std::set<std::string> now = ConditionsOf(next);
  for (const std::string& condition : now) {
    if (!before.contains(condition)) Tell(time, Kind::kWarning, condition);
  }
  for (const std::string& condition : before) {
    if (!now.contains(condition)) {
      Tell(time, Kind::kGood, absl::StrCat("over: ", condition));
    }
  }
  const v1::Progress& old = campaign_.progress();
  const v1::Progress& progress = next.progress();
  if (progress.has_best() &&
      (!old.has_best() ||
       old.best().candidate() != progress.best().candidate())) {
    Tell(
        time, Kind::kGood,
        absl::StrFormat("best: %s, %.4f",
                        CandidateName(next.spec(), progress.best().candidate()),
                        progress.best().search_accuracy()));
  }
  const bool is_first = campaign_.uid().empty();
  const std::pair<int64_t, const char*> counts[] = {
      {progress.quarantined() - (is_first ? 0 : old.quarantined()),
       "quarantined after repeated failures"},
      {progress.conflicts() - (is_first ? 0 : old.conflicts()),
       "reported twice with different scores"}};
  for (const auto& [count, what] : counts) {
    if (count > 0) Tell(time, Kind::kWarning, absl::StrCat(count, " ", what));
  }
}

void WatchState::TakeCampaign(const v1::Campaign& campaign, absl::Time now,
                              absl::Time time) {
  TellOfCampaign(campaign, time);
  campaign_ = campaign;
  const v1::Progress& progress = campaign.progress();
  rate_.Add(now, progress.evaluations());
  if (!progress.has_best()) return;
  WatchSample sample{.evaluations = progress.evaluations(),
                     .best = progress.best().search_accuracy()};
  for (const v1::TaskScore& task : progress.best().tasks()) {
    sample.tasks.push_back(task.search_accuracy());
  }
  AddSample(std::move(sample));
}

void WatchState::TellOfSlots(const v1::ExportHeader& header, absl::Time time) {
  std::map<int, int64_t> slots;
  std::vector<std::pair<int64_t, int>> entered;
  for (int i = 0; i < header.slots_size(); ++i) {
    if (!header.slots(i).has_candidate()) continue;
    slots[i] = header.slots(i).candidate();
    const auto before = slots_.find(i);
    if (before == slots_.end() || before->second != slots[i]) {
      entered.emplace_back(slots[i], i);
    }
  }
  // What is there already when the view opens is no news.
  const bool is_first = !archive_.has_value();
  slots_ = std::move(slots);
  if (is_first || entered.empty()) return;
  std::sort(entered.begin(), entered.end());
  if (entered.size() > kMostChildrenByName) {
    Tell(time, Kind::kInfo,
         absl::StrCat(entered.size(), " new members, the last one ",
                      CandidateName(campaign_.spec(), entered.back().first)));
    return;
  }
  for (const auto& [candidate, slot] : entered) {
    Tell(time, Kind::kInfo,
         absl::StrCat(CandidateName(campaign_.spec(), candidate),
                      " enters slot ", slot));
  }
}

void WatchState::TakeArchive(const v1::ExportHeader& header, Archive archive,
                             absl::Time time) {
  TellOfSlots(header, time);
  const bool is_first = !archive_.has_value();
  archive_ = std::move(archive);
  archive_problem_.clear();
  if (is_first) {
    std::vector<WatchSample> earlier;
    for (const v1::CurvePoint& point : header.curve()) {
      if (!samples_.empty() &&
          point.evaluations() >= samples_.front().evaluations) {
        break;
      }
      earlier.push_back({.evaluations = point.evaluations(),
                         .best = point.search_accuracy()});
    }
    samples_.insert(samples_.begin(), earlier.begin(), earlier.end());
  }
  const v1::Progress& progress = header.campaign().progress();
  if (!progress.has_best()) return;
  AddSample({.evaluations = progress.evaluations(),
             .best = progress.best().search_accuracy(),
             .mean = MeanScoreOf(*archive_)});
}

// One sample per number of evaluations: what one knows and the other does not
// is put together.
void WatchState::AddSample(WatchSample sample) {
  const auto at =
      std::lower_bound(samples_.begin(), samples_.end(), sample.evaluations,
                       [](const WatchSample& left, int64_t evaluations) {
                         return left.evaluations < evaluations;
                       });
  if (at != samples_.end() && at->evaluations == sample.evaluations) {
    if (sample.mean.has_value()) at->mean = sample.mean;
    if (!sample.tasks.empty()) at->tasks = std::move(sample.tasks);
    return;
  }
  samples_.insert(at, std::move(sample));
  if (samples_.size() > kMostSamples) Thin(samples_);
}

void WatchState::TakeWorkers(const std::vector<v1::Worker>& workers,
                             absl::Time time) {
  std::map<std::string, std::string> before;
  std::map<std::string, std::string> now;
  for (const v1::Worker& worker : workers_) {
    before[worker.session_id()] = worker.name();
  }
  for (const v1::Worker& worker : workers) {
    now[worker.session_id()] = worker.name();
  }
  for (const auto& [session, name] : now) {
    if (knows_workers_ && !before.contains(session)) {
      Tell(time, Kind::kInfo, absl::StrCat("worker ", name, " connected"));
    }
  }
  for (const auto& [session, name] : before) {
    if (!now.contains(session)) {
      Tell(time, Kind::kWarning, absl::StrCat("worker ", name, " is gone"));
    }
  }
  workers_ = workers;
  knows_workers_ = true;
}

void WatchState::TakeContact(bool answers, absl::Time time) {
  if (answers != answers_) {
    Tell(time, answers ? Kind::kGood : Kind::kWarning,
         answers ? "the coordinator answers again"
                 : "the coordinator does not answer");
  }
  answers_ = answers;
}

}  // namespace merganser
