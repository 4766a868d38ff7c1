#include "coordinator/store/memory_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "coordinator/store/keys.h"
#include "coordinator/store/store_errors.h"

namespace merganser {

void InMemoryStore::FailNextCommit(CommitFault fault) {
  absl::MutexLock lock(&mutex_);
  next_fault_ = fault;
}

void InMemoryStore::SetUnreachable(bool unreachable) {
  absl::MutexLock lock(&mutex_);
  unreachable_ = unreachable;
}

absl::Status InMemoryStore::CheckReachable() const {
  if (!unreachable_) return absl::OkStatus();
  return absl::UnavailableError("the store in memory was made unreachable");
}

absl::Status InMemoryStore::CheckOwner(uint64_t epoch) const {
  if (owner_.epoch == epoch) return absl::OkStatus();
  return NotTheOwner(epoch, absl::StrCat(owner_.epoch));
}

absl::StatusOr<InMemoryStore::Campaign*> InMemoryStore::Find(
    const std::string& name) {
  RETURN_IF_ERROR(CheckReachable());
  RETURN_IF_ERROR(CheckCampaignName(name));
  auto it = campaigns_.find(name);
  if (it == campaigns_.end()) return CampaignNotFound(name);
  return &it->second;
}

absl::Status InMemoryStore::Ping() {
  absl::MutexLock lock(&mutex_);
  return CheckReachable();
}

absl::StatusOr<OwnerRecord> InMemoryStore::ReadOwner() {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  return owner_;
}

absl::Status InMemoryStore::TakeOwnership(const OwnerRecord& expected,
                                          uint64_t new_epoch,
                                          const std::string& address) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  RETURN_IF_ERROR(CheckEpoch(new_epoch));
  if (owner_.epoch != expected.epoch || owner_.counter != expected.counter) {
    return OwnerMoved();
  }
  owner_ = {new_epoch, expected.counter + 1, address};
  return absl::OkStatus();
}

absl::Status InMemoryStore::MoveOwnerCounter(uint64_t epoch) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckOwner(epoch));
  ++owner_.counter;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> InMemoryStore::ListCampaigns() {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  std::vector<std::string> names;
  for (const auto& [name, campaign] : campaigns_) names.push_back(name);
  return names;
}

absl::Status InMemoryStore::Create(const std::string& name, uint64_t epoch,
                                   const Batch& batch) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckBatch(batch));
  RETURN_IF_ERROR(CheckOwner(epoch));
  auto [it, created] = campaigns_.try_emplace(name);
  if (!created) return CampaignAlreadyExists(name);
  it->second.revision = 1;
  it->second.epoch = epoch;
  Apply(batch, it->second);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> InMemoryStore::Claim(const std::string& name,
                                             uint64_t epoch) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckReachable());
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckOwner(epoch));
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  campaign->epoch = epoch;
  return campaign->revision;
}

absl::Status InMemoryStore::Commit(const std::string& name, uint64_t epoch,
                                   int64_t expected_revision,
                                   const Batch& batch) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  RETURN_IF_ERROR(CheckBatch(batch));
  const std::optional<CommitFault> fault = std::exchange(next_fault_, {});
  if (fault == CommitFault::kBefore) {
    return absl::UnavailableError("commit failed on purpose, before it");
  }
  if (campaign->epoch != epoch) {
    return CampaignOfAnotherEpoch(name, epoch, absl::StrCat(campaign->epoch));
  }
  if (campaign->revision != expected_revision) {
    return AnotherRevision(name, expected_revision,
                           absl::StrCat(campaign->revision));
  }
  ++campaign->revision;
  Apply(batch, *campaign);
  if (fault == CommitFault::kAfter) {
    return absl::UnavailableError("commit failed on purpose, after it");
  }
  return absl::OkStatus();
}

void InMemoryStore::Apply(const Batch& batch, Campaign& campaign) {
  for (const Write& write : batch.writes) {
    auto& map = campaign.maps[write.collection];
    if (write.value.has_value()) {
      map[write.key] = *write.value;
    } else {
      map.erase(write.key);
    }
    if (map.empty()) campaign.maps.erase(write.collection);
  }
  for (const Append& append : batch.appends) {
    campaign.lists[append.list].push_back(append.value);
  }
}

absl::Status InMemoryStore::Delete(const std::string& name, uint64_t epoch) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  RETURN_IF_ERROR(CheckEpoch(epoch));
  if (campaign->epoch != epoch) {
    return CampaignOfAnotherEpoch(name, epoch, absl::StrCat(campaign->epoch));
  }
  campaigns_.erase(name);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> InMemoryStore::ReadRevision(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(const Campaign* campaign, Find(name));
  return campaign->revision;
}

absl::StatusOr<StoredCampaign> InMemoryStore::Load(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  const auto length = [&](ListCollection list) {
    auto it = campaign->lists.find(list);
    return it == campaign->lists.end()
               ? 0
               : static_cast<int64_t>(it->second.size());
  };
  return StoredCampaign{campaign->revision, campaign->epoch, campaign->maps,
                        length(ListCollection::kLog),
                        length(ListCollection::kCurve)};
}

absl::StatusOr<std::vector<std::string>> InMemoryStore::ReadList(
    const std::string& name, ListCollection list, int64_t first,
    int64_t count) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  RETURN_IF_ERROR(CheckListRange(first, count));
  const std::vector<std::string>& entries = campaign->lists[list];
  const int64_t size = static_cast<int64_t>(entries.size());
  const int64_t begin = std::min(first, size);
  const int64_t end = begin + std::min(count, size - begin);
  return std::vector<std::string>(entries.begin() + begin,
                                  entries.begin() + end);
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>>
InMemoryStore::Dump(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(Campaign * campaign, Find(name));
  std::map<std::string, std::string> keys;
  keys[MetaKey(name)] = "hash of 2 fields";
  for (const auto& [collection, map] : campaign->maps) {
    keys[MapKey(name, collection)] =
        absl::StrCat("hash of ", map.size(), " fields");
  }
  for (const auto& [list, entries] : campaign->lists) {
    if (entries.empty()) continue;
    keys[ListKey(name, list)] =
        absl::StrCat("list of ", entries.size(), " entries");
  }
  return std::vector<std::pair<std::string, std::string>>(keys.begin(),
                                                          keys.end());
}

}  // namespace merganser
