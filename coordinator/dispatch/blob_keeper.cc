#include "coordinator/dispatch/blob_keeper.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace merganser {

BlobKeeper::BlobKeeper(EventLoop& loop, TaskPool& pool,
                       const CampaignRegistry& registry, BlobStore& store,
                       const Clock& clock, Options options)
    : loop_(loop),
      pool_(pool),
      registry_(registry),
      store_(store),
      clock_(clock),
      options_(options) {
  for (const auto& [digest, size_bytes] : store_.List()) {
    at_start_.insert(digest);
  }
  SweepLater();
}

void BlobKeeper::SweepLater() {
  loop_.PostAfter(options_.interval, [this] {
    Sweep();
    SweepLater();
  });
}

void BlobKeeper::Sweep() {
  // Their new owner decides.
  if (registry_.lost_ownership()) return;
  std::vector<Digest> garbage = FindUnpinned();
  if (garbage.empty()) return;
  spdlog::debug("{} blobs are needed no more", garbage.size());
  pool_.Post([&store = store_, garbage = std::move(garbage)] {
    for (const Digest& digest : garbage) store.Delete(digest);
  });
}

std::vector<Digest> BlobKeeper::FindUnpinned() {
  std::set<Digest> pinned;
  const auto is_stored = [this](const Digest& digest) {
    return store_.Has(digest);
  };
  bool brings_blobs = false;
  for (const auto& [name, entry] : registry_.entries()) {
    pinned.merge(entry.runner->PinnedBlobs(is_stored));
    brings_blobs = brings_blobs ||
                   (entry.runner->keeps_weights() && !entry.runner->ended());
  }
  const bool crowded =
      static_cast<double>(store_.total_bytes()) >
      options_.crowded * static_cast<double>(store_.max_bytes());
  const absl::Duration grace = !brings_blobs ? absl::ZeroDuration()
                               : crowded     ? options_.short_grace
                                             : options_.grace;
  const absl::Time now = clock_.Now();
  std::map<Digest, absl::Time> unpinned;
  std::vector<Digest> garbage;
  for (const auto& [digest, size_bytes] : store_.List()) {
    // What a campaign pins that cannot be read is not known, but it brings
    // nothing new.
    if (pinned.contains(digest) ||
        (registry_.has_unreadable() && at_start_.contains(digest))) {
      continue;
    }
    const auto before = unpinned_.find(digest);
    const absl::Time since = before == unpinned_.end() ? now : before->second;
    if (now - since >= grace) {
      garbage.push_back(digest);
    } else {
      unpinned[digest] = since;
    }
  }
  unpinned_ = std::move(unpinned);
  return garbage;
}

}  // namespace merganser
