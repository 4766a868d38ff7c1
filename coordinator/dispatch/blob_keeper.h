// Decides which blobs may go.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/storage/blob_store.h"
#include "coordinator/dispatch/campaign_registry.h"
#include "coordinator/dispatch/event_loop.h"
#include "coordinator/dispatch/task_pool.h"

namespace merganser {

// Collects the blobs that no campaign pins. One that is brought before the
// result that makes it needed must not go in between, so that a blob goes only
// once nobody has pinned it for `grace`; for `short_grace` while the store is
// more than `crowded` full; at once while no campaign is under way that keeps
// weights. A blob that went too early is made again when it is needed.
// Threads: the loop's.
class BlobKeeper {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(5);
    absl::Duration grace = absl::Minutes(1);
    absl::Duration short_grace = absl::Seconds(10);
    double crowded = 0.75;
  };

  // Borrows all; begins to sweep with the loop.
  BlobKeeper(EventLoop& loop, TaskPool& pool, const CampaignRegistry& registry,
             BlobStore& store, const Clock& clock, Options options);

  // One round: deletes, on a thread of the pool, what may go.
  void Sweep();

 private:
  void SweepLater();
  // Those that nobody has pinned for long enough.
  std::vector<Digest> FindUnpinned();

  EventLoop& loop_;
  TaskPool& pool_;
  const CampaignRegistry& registry_;
  BlobStore& store_;
  const Clock& clock_;
  const Options options_;
  std::set<Digest> at_start_;
  // Since when, as far as known, nobody pins a blob.
  std::map<Digest, absl::Time> unpinned_;
};

}  // namespace merganser
