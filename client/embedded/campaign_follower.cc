#include "client/embedded/campaign_follower.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// The coordinator of an embedded run is only away until it is started again,
// and the supervisor says when that has no sense any more.
constexpr absl::Duration kPatience = absl::Hours(24 * 365);

bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

absl::Status NobodyServes(const v1::Campaign& campaign) {
  return absl::InvalidArgumentError(
      absl::StrCat("campaign ", campaign.name(), ": ",
                   absl::StrJoin(campaign.conditions(), "; ")));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CampaignFollower>> CampaignFollower::Start(
    const Options& options) {
  ASSIGN_OR_RETURN(auto client, CampaignClient::Create(options.address));
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "eventfd");
  std::unique_ptr<CampaignFollower> follower(
      new CampaignFollower(options, std::move(client), descriptor));
  CampaignFollower* borrowed = follower.get();
  follower->thread_ =
      std::thread([borrowed] { borrowed->PublishEnd(borrowed->Follow()); });
  return follower;
}

CampaignFollower::CampaignFollower(const Options& options,
                                   std::unique_ptr<CampaignClient> client,
                                   int descriptor)
    : options_(options), client_(std::move(client)), descriptor_(descriptor) {}

CampaignFollower::~CampaignFollower() {
  Cancel();
  if (thread_.joinable()) thread_.join();
  close(descriptor_);
}

CampaignFollower::News CampaignFollower::Take() {
  eventfd_t ignored;
  eventfd_read(descriptor_, &ignored);
  absl::MutexLock lock(&mutex_);
  return std::exchange(news_, News());
}

void CampaignFollower::Wake() const { eventfd_write(descriptor_, 1); }

void CampaignFollower::Publish(const v1::Campaign& campaign) {
  {
    absl::MutexLock lock(&mutex_);
    news_.campaign = campaign;
  }
  Wake();
}

void CampaignFollower::PublishEnd(absl::StatusOr<FollowEnd> end) {
  {
    absl::MutexLock lock(&mutex_);
    news_.end = std::move(end);
  }
  Wake();
}

template <typename Result, typename Call>
absl::StatusOr<Result> CampaignFollower::Persist(Call call) {
  while (true) {
    absl::StatusOr<Result> result = call();
    if (result.ok() || !IsAway(result.status())) return result;
    if (cancelled_) return absl::CancelledError("interrupted");
    absl::SleepFor(options_.retry_interval);
  }
}

absl::StatusOr<v1::Campaign> CampaignFollower::Submit() {
  const v1::CampaignSpec& spec = options_.identity.spec;
  auto campaign =
      Persist<v1::Campaign>([&] { return client_->GetCampaign(spec.name()); });
  if (absl::IsNotFound(campaign.status())) {
    campaign = Persist<v1::Campaign>([&] {
      return client_->CreateCampaign(spec, options_.identity.request_id);
    });
  }
  RETURN_IF_ERROR(campaign.status());
  const int64_t wanted = spec.budget().evaluations();
  if (campaign->spec().budget().evaluations() >= wanted) return campaign;
  return Persist<v1::Campaign>(
      [&] { return client_->ExtendBudget(spec.name(), wanted); });
}

absl::StatusOr<WrittenResults> CampaignFollower::Write() {
  ResultOptions options = options_.results;
  options.wall_seconds =
      absl::ToDoubleSeconds(Clock::Monotonic().Now() - options_.started);
  const auto source = [&](ExportPart part) {
    const auto stop_early = [&](v1::ExportCampaignResponse& response) {
      if (cancelled_) return absl::CancelledError("interrupted");
      return part(response);
    };
    return client_->Export(options_.identity.spec.name(),
                           /*without_log=*/false, stop_early);
  };
  return WriteResults(source, options);
}

absl::StatusOr<v1::Campaign> CampaignFollower::WatchToEnd(
    const v1::Campaign& submitted) {
  absl::Status refused;  // OK while somebody may serve it
  const CampaignClient::WatchOptions watch{
      .interval = options_.interval, .patience = kPatience, .interrupted = [&] {
        return cancelled_.load() || !refused.ok();
      }};
  auto campaign =
      client_->Watch(submitted.name(), watch, [&](const v1::Campaign& seen) {
        Publish(seen);
        if (seen.refusing_workers() >= options_.workers) {
          refused = NobodyServes(seen);
        }
      });
  RETURN_IF_ERROR(refused);
  return campaign;
}

absl::StatusOr<FollowEnd> CampaignFollower::Follow() {
  ASSIGN_OR_RETURN(v1::Campaign campaign, Submit());
  Publish(campaign);
  ASSIGN_OR_RETURN(campaign, WatchToEnd(campaign));
  FollowEnd end{.campaign = std::move(campaign)};
  if (end.campaign.state() != v1::CAMPAIGN_STATE_FAILED) {
    ASSIGN_OR_RETURN(end.results,
                     Persist<WrittenResults>([this] { return Write(); }));
  }
  return end;
}

}  // namespace merganser
