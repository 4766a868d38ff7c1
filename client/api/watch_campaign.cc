#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "client/api/campaign_client.h"
#include "client/api/campaign_state.h"
#include "client/api/campaign_watch.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// Whether it may work the next time: the coordinator is away or ending.
bool IsPassing(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsCancelled(status) ||
         absl::IsInternal(status) || absl::IsUnknown(status);
}

}  // namespace

// Follows one campaign over as many connections as it takes.
class CampaignClient::Follower {
 public:
  Follower(CampaignClient& client, const std::string& name,
           const WatchOptions& options,
           absl::FunctionRef<void(const v1::Campaign&)> update)
      : client_(client),
        name_(name),
        options_(options),
        update_(update),
        revision_(options.after_revision),
        backoff_(client.options_.first_backoff) {}

  absl::StatusOr<v1::Campaign> Follow() {
    while (true) {
      const absl::Status status = FollowOnce();
      if (latest_.has_value() && HasEnded(latest_->state())) return *latest_;
      if (Interrupted()) return absl::CancelledError("interrupted");
      // A coordinator that was never reached is an error at once.
      if (!IsPassing(status) || !latest_.has_value()) return status;
      RETURN_IF_ERROR(PauseAfter(status));
    }
  }

 private:
  // One connection: the campaign as it is, then its changes. OK when the
  // stream has ended without an error.
  absl::Status FollowOnce() {
    RETURN_IF_ERROR(Interrupted() ? absl::CancelledError("interrupted")
                                  : absl::OkStatus());
    ASSIGN_OR_RETURN(v1::Campaign now, client_.GetCampaign(name_));
    if (latest_.has_value() && latest_->uid() != now.uid()) {
      return absl::NotFoundError(
          "the campaign was deleted; another has its name now");
    }
    Take(std::move(now));
    if (HasEnded(latest_->state())) return absl::OkStatus();
    v1::WatchCampaignRequest request;
    request.set_name(name_);
    request.set_after_revision(latest_->revision());
    request.set_interval_ms(
        static_cast<int32_t>(absl::ToInt64Milliseconds(options_.interval)));
    CampaignWatch watch(*client_.stub_, request, options_.interrupted);
    const absl::Time began = Clock::Monotonic().Now();
    v1::WatchCampaignResponse response;
    while (watch.Next(response)) {
      Take(response.campaign());
      EndOutage();
    }
    // Nothing may have changed for long.
    if (Clock::Monotonic().Now() - began > client_.options_.longest_backoff) {
      EndOutage();
    }
    return client_.FromGrpc(watch.Finish());
  }

  void EndOutage() {
    outage_began_.reset();
    backoff_ = client_.options_.first_backoff;
  }

  void Take(v1::Campaign campaign) {
    const bool is_news =
        campaign.revision() > revision_ ||
        (latest_.has_value() &&
         !std::equal(campaign.conditions().begin(), campaign.conditions().end(),
                     latest_->conditions().begin(),
                     latest_->conditions().end()));
    // The first one is needed even if its revision is known.
    revision_ = std::max(revision_, campaign.revision());
    latest_ = std::move(campaign);
    if (is_news) update_(*latest_);
  }

  // Waits before the next attempt; the error once patience is at its end.
  absl::Status PauseAfter(const absl::Status& status) {
    const absl::Time now = Clock::Monotonic().Now();
    if (!outage_began_.has_value()) outage_began_ = now;
    if (now - *outage_began_ >= options_.patience) {
      return status.ok() ? absl::UnavailableError(
                               "the coordinator ends the stream at once")
                         : status;
    }
    constexpr absl::Duration kStep = absl::Milliseconds(100);
    const absl::Time until = now + backoff_;
    while (!Interrupted() && Clock::Monotonic().Now() < until) {
      absl::SleepFor(std::min(kStep, backoff_));
    }
    backoff_ = std::min(backoff_ * 2, client_.options_.longest_backoff);
    return absl::OkStatus();
  }

  bool Interrupted() const {
    return options_.interrupted && options_.interrupted();
  }

  CampaignClient& client_;
  const std::string& name_;
  const WatchOptions& options_;
  const absl::FunctionRef<void(const v1::Campaign&)> update_;
  int64_t revision_;  // the last one reported
  absl::Duration backoff_;
  std::optional<v1::Campaign> latest_;
  std::optional<absl::Time> outage_began_;
};

absl::StatusOr<v1::Campaign> CampaignClient::Watch(
    const std::string& name, const WatchOptions& options,
    absl::FunctionRef<void(const v1::Campaign&)> update) {
  return Follower(*this, name, options, update).Follow();
}

}  // namespace merganser
