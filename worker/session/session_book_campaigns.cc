// What the book knows of campaigns: joining them, their layouts and archives.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/session/session_book.h"

namespace merganser {
namespace {

// Layouts kept per campaign beyond those that queued jobs need.
constexpr size_t kLayoutsKept = 8;

// Whether a join that failed with it may succeed later with nothing changed by
// anybody.
bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status) ||
         absl::IsAborted(status) ||
         // A device that is busy, a disk that cannot be read just now.
         absl::IsInternal(status) || absl::IsUnknown(status);
}

}  // namespace

void SessionBook::TakeJoins(const v1::ExchangeResponse& response,
                            Orders& orders) {
  if (draining_) return;
  for (const std::string& uid : response.join()) {
    const auto [entry, is_new] = campaigns_.try_emplace(uid);
    Campaign& campaign = entry->second;
    campaign.asked_for = true;
    if (campaign.served.evaluator != nullptr) {
      TellReady(uid, campaign);
    } else if (is_new || !campaign.joining) {
      campaign.joining = true;
      orders.join.push_back(uid);
    }
  }
  if (!orders.join.empty()) ForgetStaleCampaigns();
}

void SessionBook::ForgetStaleCampaigns() {
  std::erase_if(campaigns_, [&](const auto& entry) {
    const auto& [uid, campaign] = entry;
    const bool needed = std::any_of(
        queue_.begin(), queue_.end(), [&uid = uid](const QueuedJob& queued) {
          return queued.job.key().campaign_uid() == uid;
        });
    return !campaign.asked_for && !campaign.joining && !needed;
  });
}

void SessionBook::TellReady(const std::string& campaign_uid,
                            const Campaign& campaign) {
  v1::CampaignReadiness& readiness = readiness_.emplace_back();
  readiness.set_campaign_uid(campaign_uid);
  readiness.set_probe_digest(campaign.probe.ToBytes());
}

void SessionBook::FinishJoin(const std::string& campaign_uid,
                             ServedCampaign served,
                             const absl::StatusOr<Digest>& probe) {
  const auto found = campaigns_.find(campaign_uid);
  if (found == campaigns_.end()) return;  // it has left meanwhile
  Campaign& campaign = found->second;
  campaign.joining = false;
  if (probe.ok()) {
    campaign.served = std::move(served);
    campaign.probe = *probe;
    if (campaign.asked_for) TellReady(campaign_uid, campaign);
    return;
  }
  if (!campaign.asked_for) return;
  v1::CampaignReadiness& readiness = readiness_.emplace_back();
  readiness.set_campaign_uid(campaign_uid);
  readiness.set_error(std::string(probe.status().message()));
  readiness.set_passing(IsPassing(probe.status()));
}

void SessionBook::ForgetJoin(const std::string& campaign_uid) {
  const auto found = campaigns_.find(campaign_uid);
  if (found != campaigns_.end()) found->second.joining = false;
}

void SessionBook::TakeLayouts(const v1::ExchangeResponse& response) {
  for (const v1::ChunkLayout& layout : response.layouts()) {
    const auto campaign = campaigns_.find(layout.campaign_uid());
    if (campaign == campaigns_.end()) continue;
    campaign->second.layouts[layout.version()] =
        std::make_shared<const ChunkOrder>(OrderFromProto(layout));
  }
}

void SessionBook::TakeArchives(const v1::ExchangeResponse& response,
                               Orders& orders) {
  for (const v1::ArchiveUpdate& update : response.archives()) {
    const auto campaign = campaigns_.find(update.campaign_uid());
    if (campaign == campaigns_.end() ||
        campaign->second.served.archive == nullptr) {
      continue;
    }
    auto updated = campaign->second.served.archive->Updated(update);
    if (updated.ok()) {
      campaign->second.served.archive = *std::move(updated);
    } else {
      orders.notes.push_back(absl::StrCat("archive of campaign ",
                                          update.campaign_uid(), ": ",
                                          updated.status().message()));
    }
  }
}

void SessionBook::ForgetOldLayouts(const std::string& campaign_uid,
                                   Campaign& campaign) {
  if (campaign.layouts.size() <= kLayoutsKept) return;
  std::set<int64_t> needed;
  for (const auto& [job, since] : queue_) {
    if (job.key().campaign_uid() == campaign_uid) {
      needed.insert(job.layout_version());
    }
  }
  for (auto layout = campaign.layouts.begin();
       layout != campaign.layouts.end() &&
       campaign.layouts.size() > kLayoutsKept;) {
    layout = needed.contains(layout->first) ? std::next(layout)
                                            : campaign.layouts.erase(layout);
  }
}

}  // namespace merganser
