#include "client/replay/scorer_blobs.h"

#include <limits>
#include <string_view>

#include "common/base/status_macros.h"

namespace merganser {

absl::StatusOr<std::unique_ptr<ScorerBlobs>> ScorerBlobs::Open(
    const std::string& folder) {
  // Only what is needed is there, so that no other bound makes sense.
  ASSIGN_OR_RETURN(
      auto store,
      BlobStore::Open({.directory = folder,
                       .max_bytes = std::numeric_limits<int64_t>::max()}));
  return std::unique_ptr<ScorerBlobs>(new ScorerBlobs(std::move(store)));
}

absl::Status ScorerBlobs::Add(const RemadeWeights& weights) {
  size_bytes_ = static_cast<int64_t>(weights.bytes.size());
  if (candidates_[weights.digest]++ > 0) return absl::OkStatus();
  return store_
      ->Put(
          std::string_view(reinterpret_cast<const char*>(weights.bytes.data()),
                           weights.bytes.size()))
      .status();
}

void ScorerBlobs::Remove(const Digest& weights, int64_t jobs) {
  leaving_.emplace_back(jobs, weights);
}

void ScorerBlobs::Answered(int64_t jobs) {
  while (!leaving_.empty() && leaving_.front().first <= jobs) {
    const auto found = candidates_.find(leaving_.front().second);
    leaving_.pop_front();
    if (--found->second > 0) continue;
    store_->Delete(found->first);
    candidates_.erase(found);
  }
}

}  // namespace merganser
