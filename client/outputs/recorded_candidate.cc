#include "client/outputs/recorded_candidate.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "client/replay/replay.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/evolution/scores.h"
#include "common/genome/thread_team.h"

namespace merganser {
namespace {

// Ends the replay at the candidate.
class CandidateFinder : public ReplayObserver {
 public:
  CandidateFinder(int64_t number, const std::function<bool()>& interrupted)
      : interrupted_(interrupted) {
    found_.number = number;
  }

  absl::Status OnStart(const v1::CampaignSpec& spec,
                       std::span<const TaskExtent> tasks) override {
    kind_ = ScoreKindOf(spec);
    tasks_.assign(tasks.begin(), tasks.end());
    return absl::OkStatus();
  }
  absl::Status OnCandidate(const Candidate& candidate) override {
    if (interrupted_ && interrupted_()) {
      return absl::CancelledError("interrupted");
    }
    if (candidate.number != found_.number) return absl::OkStatus();
    is_found_ = true;
    if (candidate.recipe != nullptr) found_.recipe = *candidate.recipe;
    for (const TaskExtent& task : tasks_) Take(task, candidate);
    return absl::CancelledError("found");
  }
  absl::Status OnKept(const RemadeWeights&) override {
    return absl::OkStatus();
  }
  void OnForgotten(const Digest&) override {}

  bool is_found() const { return is_found_; }
  RecordedCandidate& found() { return found_; }

 private:
  void Take(const TaskExtent& task, const Candidate& candidate) {
    const uint32_t unit = kScoreUnit / FullScore(kind_);
    auto& order = found_.orders.emplace_back();
    auto& scores = found_.scores.emplace_back(task.end - task.begin);
    for (int64_t i = task.begin; i < task.end; ++i) {
      order.push_back((*candidate.layout)[i] -
                      static_cast<uint32_t>(task.begin));
    }
    for (const uint32_t datapoint : candidate.scores.KnownDatapoints()) {
      if (datapoint < task.begin || datapoint >= task.end) continue;
      scores[datapoint - task.begin] =
          candidate.scores.scores()[datapoint] * unit;
    }
  }

  const std::function<bool()>& interrupted_;
  ScoreKind kind_ = ScoreKind::kBinary;
  std::vector<TaskExtent> tasks_;
  RecordedCandidate found_;
  bool is_found_ = false;
};

absl::StatusOr<int64_t> NumberOf(const v1::Campaign& campaign,
                                 std::optional<int64_t> number) {
  if (KeepsWeights(campaign.spec())) {
    return absl::FailedPreconditionError(
        absl::StrCat("campaign ", campaign.name(),
                     " has random seeds; only language models have outputs"));
  }
  if (number.has_value()) return *number;
  if (campaign.progress().has_best()) {
    return campaign.progress().best().candidate();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("campaign ", campaign.name(), " has no best member yet"));
}

}  // namespace

absl::StatusOr<RecordedCandidate> FindCandidate(
    RecordReader& record, std::optional<int64_t> number,
    const std::function<bool()>& interrupted) {
  const v1::Campaign& campaign = record.header().campaign();
  ASSIGN_OR_RETURN(const int64_t wanted, NumberOf(campaign, number));
  CandidateFinder finder(wanted, interrupted);
  ThreadTeam team(1);
  DifferenceList differences;
  const auto replayed = Replay(record, &finder, {}, team, differences);
  if (finder.is_found()) {
    finder.found().replays = differences.empty();
    return std::move(finder.found());
  }
  RETURN_IF_ERROR(replayed.status());
  return absl::NotFoundError(
      absl::StrCat("campaign ", campaign.name(), ": candidate ", wanted,
                   ": expected a seed, -", campaign.spec().seeds_size(),
                   " … -1, or a child that was evaluated, 0 … ",
                   campaign.progress().evaluations() - 1));
}

}  // namespace merganser
