// Where campaigns are kept: the one durable truth (DESIGN.md section 8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace merganser {

// A campaign's maps, int64 key to opaque value. What the keys and values mean
// is the caller's affair.
enum class Collection {
  kSpec,
  kState,
  kSlots,
  kProposals,
  kResults,  // reported, not applied yet
  kLayouts,
  kCandidates,  // accepted ones
  kHoldout,
  kGram,
};

// A campaign's lists, which only grow.
enum class ListCollection { kLog, kCurve };

inline constexpr Collection kCollections[] = {
    Collection::kSpec,       Collection::kState,   Collection::kSlots,
    Collection::kProposals,  Collection::kResults, Collection::kLayouts,
    Collection::kCandidates, Collection::kHoldout, Collection::kGram};
inline constexpr ListCollection kListCollections[] = {ListCollection::kLog,
                                                      ListCollection::kCurve};

// "slots", "log", …: part of the stored format, and used in messages.
absl::string_view CollectionName(Collection collection);
absl::string_view CollectionName(ListCollection list);

// Sets one value, or erases it if `value` is nullopt (erasing what is not
// there is no error).
struct Write {
  Collection collection = Collection::kState;
  int64_t key = 0;
  std::optional<std::string> value;
};

struct Append {
  ListCollection list = ListCollection::kLog;
  std::string value;
};

// What is written at once; all of it or nothing. Applied in order, so of two
// writes to one key the later stands. At most kMaxBatchItems writes and
// appends with kMaxBatchBytes of values.
struct Batch {
  std::vector<Write> writes;
  std::vector<Append> appends;
  bool empty() const { return writes.empty() && appends.empty(); }
};

inline constexpr size_t kMaxBatchItems = 200'000;
inline constexpr size_t kMaxBatchBytes = size_t{256} << 20;

// Errors: InvalidArgument, naming the bound that `batch` breaks.
absl::Status CheckBatch(const Batch& batch);

// Collections without entries are absent.
using StoredMaps = std::map<Collection, std::map<int64_t, std::string>>;

struct StoredCampaign {
  int64_t revision = 0;
  uint64_t epoch = 0;
  StoredMaps maps;
  int64_t log_length = 0;
  int64_t curve_length = 0;
};

// Who may write. Epoch 0 and counter 0: nobody ever did.
struct OwnerRecord {
  uint64_t epoch = 0;    // random, another one for each owner
  uint64_t counter = 0;  // the owner moves it to show that it lives
  std::string address;   // where clients reach the owner

  friend bool operator==(const OwnerRecord&, const OwnerRecord&) = default;
};

// Campaigns by name, each with a revision that every commit raises by one and
// the epoch of the owner that may write it. Names match [A-Za-z0-9._-]{1,128};
// epochs are never 0 (InvalidArgument otherwise, from every call).
//
// A new owner calls TakeOwnership, then Claim for each campaign, then Load.
// From Claim's return on no write of the previous owner can happen, not even
// one that it sent before.
//
// Unavailable from a write means that its outcome is unknown. The answer of
// the next read by the same store object is final: a write whose outcome was
// unknown has happened before that read or never happens. So after a Commit,
// ReadRevision tells: one more is ours, else it did not happen.
//
// Errors of every call, besides its own: Unavailable (cannot reach the store,
// or no answer in time), Unauthenticated and PermissionDenied (the store
// refuses our credentials), ResourceExhausted (the store is full; nothing was
// written), InvalidArgument. DataLoss where stored bytes fail their check; the
// message names campaign, collection and key.
// Threads: safe. Calls block.
class CampaignStore {
 public:
  virtual ~CampaignStore() = default;

  virtual absl::Status Ping() = 0;

  // --- The owner.

  // All zero and empty if there never was one.
  virtual absl::StatusOr<OwnerRecord> ReadOwner() = 0;
  // Makes `new_epoch` the owner, with a counter one above the expected one.
  // Errors: FailedPrecondition unless the stored epoch and counter are those
  // of `expected`.
  virtual absl::Status TakeOwnership(const OwnerRecord& expected,
                                     uint64_t new_epoch,
                                     const std::string& address) = 0;
  // The owner's sign of life. One thread of the owner calls it.
  // Errors: FailedPrecondition if another epoch owns the store.
  virtual absl::Status MoveOwnerCounter(uint64_t epoch) = 0;

  // --- Campaigns.

  // Ascending.
  virtual absl::StatusOr<std::vector<std::string>> ListCampaigns() = 0;
  // Makes the campaign, at revision 1, with `batch` in it.
  // Errors: AlreadyExists; FailedPrecondition if another epoch owns the store.
  virtual absl::Status Create(const std::string& name, uint64_t epoch,
                              const Batch& batch) = 0;
  // Hands the campaign to `epoch`; returns its revision.
  // Errors: NotFound; FailedPrecondition if another epoch owns the store.
  virtual absl::StatusOr<int64_t> Claim(const std::string& name,
                                        uint64_t epoch) = 0;
  // Applies `batch`, which may be empty; the revision becomes
  // expected_revision + 1.
  // Errors: NotFound; FailedPrecondition if the campaign is another epoch's;
  // Aborted if its revision is another.
  virtual absl::Status Commit(const std::string& name, uint64_t epoch,
                              int64_t expected_revision,
                              const Batch& batch) = 0;
  // Removes everything of the campaign.
  // Errors: NotFound; FailedPrecondition if the campaign is another epoch's.
  virtual absl::Status Delete(const std::string& name, uint64_t epoch) = 0;

  // Errors: NotFound.
  virtual absl::StatusOr<int64_t> ReadRevision(const std::string& name) = 0;
  // All maps as of one revision, and how long the lists are; not the lists.
  // Errors: NotFound.
  virtual absl::StatusOr<StoredCampaign> Load(const std::string& name) = 0;
  // Entries first … first + count - 1 of a list, fewer where it ends.
  // Errors: NotFound; InvalidArgument if first or count is negative.
  virtual absl::StatusOr<std::vector<std::string>> ReadList(
      const std::string& name, ListCollection list, int64_t first,
      int64_t count) = 0;
  // Every stored key of the campaign, ascending, with what it holds in a few
  // words ("hash of 12 fields"): for debugging.
  // Errors: NotFound.
  virtual absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Dump(
      const std::string& name) = 0;
};

}  // namespace merganser
