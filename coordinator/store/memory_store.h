// The campaign store without Redis: for tests, and for runs that need not
// outlive their process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/store/campaign_store.h"

namespace merganser {

// Lives as long as the object; otherwise as CampaignStore says.
// Threads: safe.
class InMemoryStore : public CampaignStore {
 public:
  // How the next Commit goes wrong, with Unavailable either way.
  enum class CommitFault {
    kBefore,  // nothing was written
    kAfter,   // everything was written, only the answer got lost
  };
  void FailNextCommit(CommitFault fault);
  // While true, every call returns Unavailable and changes nothing.
  void SetUnreachable(bool unreachable);

  absl::Status Ping() override;
  absl::StatusOr<OwnerRecord> ReadOwner() override;
  absl::Status TakeOwnership(const OwnerRecord& expected, uint64_t new_epoch,
                             const std::string& address) override;
  absl::Status MoveOwnerCounter(uint64_t epoch) override;
  absl::StatusOr<std::vector<std::string>> ListCampaigns() override;
  absl::Status Create(const std::string& name, uint64_t epoch,
                      const Batch& batch) override;
  absl::StatusOr<int64_t> Claim(const std::string& name,
                                uint64_t epoch) override;
  absl::Status Commit(const std::string& name, uint64_t epoch,
                      int64_t expected_revision, const Batch& batch) override;
  absl::Status Delete(const std::string& name, uint64_t epoch) override;
  absl::StatusOr<int64_t> ReadRevision(const std::string& name) override;
  absl::StatusOr<StoredCampaign> Load(const std::string& name) override;
  absl::StatusOr<std::vector<std::string>> ReadList(const std::string& name,
                                                    ListCollection list,
                                                    int64_t first,
                                                    int64_t count) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Dump(
      const std::string& name) override;

 private:
  struct Campaign {
    int64_t revision = 0;
    uint64_t epoch = 0;
    StoredMaps maps;
    std::map<ListCollection, std::vector<std::string>> lists;
  };

  absl::Status CheckReachable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckOwner(uint64_t epoch) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Campaign*> Find(const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Apply(const Batch& batch, Campaign& campaign);

  absl::Mutex mutex_;
  bool unreachable_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<CommitFault> next_fault_ ABSL_GUARDED_BY(mutex_);
  OwnerRecord owner_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Campaign> campaigns_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
