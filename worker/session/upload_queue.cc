#include "worker/session/upload_queue.h"

#include <algorithm>
#include <utility>

namespace merganser {

void UploadQueue::Add(v1::JobResult result, MadeWeights weights,
                      absl::Time ended) {
  uploads_.push_back(
      std::make_shared<Upload>(Upload{.result = std::move(result),
                                      .weights = std::move(weights),
                                      .ended = ended}));
}

std::shared_ptr<Upload> UploadQueue::Take() {
  const auto next =
      std::find_if(uploads_.begin(), uploads_.end(),
                   [](const auto& entry) { return !entry->taken; });
  if (next == uploads_.end()) return nullptr;
  (*next)->taken = true;
  return *next;
}

void UploadQueue::Remove(const std::shared_ptr<Upload>& upload) {
  uploads_.remove(upload);
}

void UploadQueue::Drop(const JobId& id) {
  DropIf([&](const v1::JobKey& key) { return IdOf(key) == id; });
}

void UploadQueue::DropCampaign(const std::string& campaign_uid) {
  DropIf([&](const v1::JobKey& key) {
    return key.campaign_uid() == campaign_uid;
  });
}

void UploadQueue::DropIf(const std::function<bool(const v1::JobKey&)>& wanted) {
  for (const auto& upload : uploads_) {
    if (wanted(upload->result.key())) upload->dropped = true;
  }
  uploads_.remove_if(
      [](const auto& upload) { return upload->dropped && !upload->taken; });
}

bool UploadQueue::Holds(const JobId& id) const {
  return std::any_of(uploads_.begin(), uploads_.end(), [&](const auto& upload) {
    return !upload->dropped && IdOf(upload->result.key()) == id;
  });
}

std::vector<v1::JobKey> UploadQueue::HeldKeys() const {
  std::vector<v1::JobKey> keys;
  for (const auto& upload : uploads_) {
    if (!upload->dropped) keys.push_back(upload->result.key());
  }
  return keys;
}

}  // namespace merganser
