#include "client/embedded/run_session.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(1);
// Between two looks at a server that is starting.
constexpr absl::Duration kStartPoll = absl::Milliseconds(20);

class Session {
 public:
  Session(const SessionOptions& options, SignalWatch& signals,
          const SessionListener& listener)
      : options_(options),
        signals_(signals),
        listener_(listener),
        supervisor_(Clock::Monotonic(), options.restart, listener.on_event) {}

  absl::StatusOr<SessionEnd> Run() {
    absl::Status status = Start();
    if (status.ok() && signal_ == 0) status = Follow();
    if (follower_ != nullptr) follower_->Cancel();
    const int ended_by = signal_;
    supervisor_.Stop(options_.grace, [&] {
      // A second request to end does not wait for the first one.
      signal_ = 0;
      NoticeSignals();
      return signal_ != 0;
    });
    RETURN_IF_ERROR(status);
    return SessionEnd{ended_by, std::move(end_)};
  }

 private:
  absl::Status Start() {
    const ClusterOptions& cluster = options_.cluster;
    RETURN_IF_ERROR(supervisor_.Start(RedisChild(cluster)));
    RETURN_IF_ERROR(
        WaitUntil([&] { return RedisAnswers(cluster.redis_socket); }));
    if (signal_ != 0) return absl::OkStatus();
    RETURN_IF_ERROR(supervisor_.Start(CoordinatorChild(cluster)));
    for (int i = 1; i <= options_.workers; ++i) {
      RETURN_IF_ERROR(supervisor_.Start(WorkerChild(cluster, i)));
    }
    RETURN_IF_ERROR(WaitUntil(
        [&] { return TakesConnections(cluster.coordinator_socket); }));
    if (signal_ != 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(follower_, CampaignFollower::Start(options_.follower));
    return absl::OkStatus();
  }

  // Returns OK, too, when a signal comes.
  absl::Status WaitUntil(absl::FunctionRef<bool()> ready) {
    while (signal_ == 0 && !ready()) {
      Wait(kStartPoll);
      RETURN_IF_ERROR(supervisor_.Tick());
    }
    return absl::OkStatus();
  }

  absl::Status Follow() {
    while (true) {
      Wait(kLongestWait);
      if (signal_ != 0) return absl::OkStatus();
      CampaignFollower::News news = follower_->Take();
      if (news.campaign.has_value()) listener_.on_campaign(*news.campaign);
      if (news.end.has_value()) {
        ASSIGN_OR_RETURN(end_, *std::move(news.end));
        return absl::OkStatus();
      }
      RETURN_IF_ERROR(supervisor_.Tick());
    }
  }

  // Until something happens, or `longest`.
  void Wait(absl::Duration longest) {
    const absl::Duration until_wake =
        std::max(supervisor_.NextWake() - Clock::Monotonic().Now(),
                 absl::ZeroDuration());
    // Rounded up, so that the wait is not over just before its time.
    const int64_t wait_ms = absl::ToInt64Milliseconds(
        absl::Ceil(std::min(longest, until_wake), absl::Milliseconds(1)));
    std::array<pollfd, 2> sources = {
        pollfd{signals_.descriptor(), POLLIN, 0},
        pollfd{follower_ == nullptr ? -1 : follower_->descriptor(), POLLIN, 0}};
    poll(sources.data(), sources.size(), static_cast<int>(wait_ms));
    NoticeSignals();
  }

  void NoticeSignals() {
    for (const int signal : signals_.Take()) {
      if (signal != SIGCHLD) signal_ = signal;
    }
  }

  const SessionOptions& options_;
  SignalWatch& signals_;
  const SessionListener& listener_;
  Supervisor supervisor_;
  std::unique_ptr<CampaignFollower> follower_;
  FollowEnd end_;
  int signal_ = 0;
};

}  // namespace

absl::StatusOr<SessionEnd> RunSession(const SessionOptions& options,
                                      SignalWatch& signals,
                                      const SessionListener& listener) {
  return Session(options, signals, listener).Run();
}

}  // namespace merganser
