// Sees one campaign through a coordinator, from its submission to its results.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/api/campaign_client.h"
#include "client/embedded/run_directory.h"
#include "client/results/write_results.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// How a campaign ended.
struct FollowEnd {
  v1::Campaign campaign;
  // Written unless the campaign failed.
  std::optional<WrittenResults> results;
};

// Creates the campaign, or finds it again; raises its budget if it should be
// larger; watches it; writes its results. Gives up when all of the run's
// workers refuse the campaign for good. Works in a thread of its own and
// outlasts a coordinator that is away for a while.
// Threads: its owner's; the other thread is its own affair.
class CampaignFollower {
 public:
  struct Options {
    std::string address;
    RunIdentity identity;
    ResultOptions results;
    // Of the run; none of them is missing in vain.
    int workers = 1;
    // Since when the wall time of the results counts.
    absl::Time started;
    // Between two messages about the campaign.
    absl::Duration interval = absl::Milliseconds(200);
    // Between two attempts to reach a coordinator that is away.
    absl::Duration retry_interval = absl::Milliseconds(100);
  };

  struct News {
    // As it stands, if it has changed since the last call.
    std::optional<v1::Campaign> campaign;
    // Once it is over. Errors: those of the coordinator, and WriteResults();
    // InvalidArgument with the workers' reasons when none can serve it.
    std::optional<absl::StatusOr<FollowEnd>> end;
  };

  // Starts the thread.
  static absl::StatusOr<std::unique_ptr<CampaignFollower>> Start(
      const Options& options);
  // Cancels and waits for the thread.
  ~CampaignFollower();

  // Readable when there is news.
  int descriptor() const { return descriptor_; }
  News Take();
  // Ends it soon, with Cancelled; a call under way still takes its time.
  void Cancel() { cancelled_ = true; }

 private:
  CampaignFollower(const Options& options,
                   std::unique_ptr<CampaignClient> client, int descriptor);

  absl::StatusOr<FollowEnd> Follow();
  absl::StatusOr<v1::Campaign> Submit();
  absl::StatusOr<v1::Campaign> WatchToEnd(const v1::Campaign& submitted);
  absl::StatusOr<WrittenResults> Write();
  // Repeats `call` while the coordinator is away and nobody cancels.
  template <typename Result, typename Call>
  absl::StatusOr<Result> Persist(Call call);
  void Publish(const v1::Campaign& campaign);
  void PublishEnd(absl::StatusOr<FollowEnd> end);
  void Wake() const;

  const Options options_;
  const std::unique_ptr<CampaignClient> client_;
  const int descriptor_;
  std::atomic<bool> cancelled_{false};
  absl::Mutex mutex_;
  News news_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace merganser
