// What the scheduler knows of a job: its name.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace merganser {

// Inside a campaign jobs are leased in this order.
enum class JobKind { kGram, kSeed, kMakeBlob, kHoldout, kSearch };

// "gram", "seed", "make_blob", "holdout" or "search": for messages and metrics.
absl::string_view JobKindName(JobKind kind);

// Names one job of one campaign. Ordered by kind, then candidate, then part,
// then campaign: inside a campaign that is the order of leasing, oldest first.
struct JobKey {
  std::string campaign_uid;
  JobKind kind = JobKind::kSearch;
  // Sequence number of the candidate; 0 for kGram.
  int64_t candidate = 0;
  // kSearch: which of the child's jobs.
  int part = 0;

  friend bool operator==(const JobKey&, const JobKey&) = default;
  friend std::strong_ordering operator<=>(const JobKey& a, const JobKey& b) {
    // Names of campaigns are long and mostly equal: they come last.
    if (const auto order = a.kind <=> b.kind; order != 0) return order;
    if (const auto order = a.candidate <=> b.candidate; order != 0) {
      return order;
    }
    if (const auto order = a.part <=> b.part; order != 0) return order;
    return a.campaign_uid <=> b.campaign_uid;
  }

  template <typename H>
  friend H AbslHashValue(H h, const JobKey& key) {
    return H::combine(std::move(h), key.campaign_uid, key.kind, key.candidate,
                      key.part);
  }

  // "search 17 of campaign c1", "search 17 part 2 of campaign c1".
  std::string ToString() const;
};

}  // namespace merganser
