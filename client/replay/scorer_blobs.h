// The weights that a scoring worker may need, as files.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/results/weights_maker.h"
#include "common/base/digest.h"
#include "common/storage/blob_store.h"

namespace merganser {

// Weights of candidates in a folder, named by their digests. A worker takes
// jobs in their order, so a file may go once all jobs are answered that were
// sent while it might still be asked for.
// Threads: none.
class ScorerBlobs {
 public:
  // Errors: what the system says about the folder, which is made if missing.
  static absl::StatusOr<std::unique_ptr<ScorerBlobs>> Open(
      const std::string& folder);

  // One more candidate has these weights. Errors: as BlobStore::Put().
  absl::Status Add(const RemadeWeights& weights);
  // One candidate fewer has these weights, for all jobs behind the first
  // `jobs`.
  void Remove(const Digest& weights, int64_t jobs);
  // The first `jobs` jobs are answered.
  void Answered(int64_t jobs);

  // Of each of the weights.
  int64_t size_bytes() const { return size_bytes_; }

 private:
  explicit ScorerBlobs(std::unique_ptr<BlobStore> store)
      : store_(std::move(store)) {}

  std::unique_ptr<BlobStore> store_;
  int64_t size_bytes_ = 0;
  std::map<Digest, int64_t> candidates_;  // that have them
  // Jobs after whose answers a digest loses a candidate, ascending.
  std::deque<std::pair<int64_t, Digest>> leaving_;
};

}  // namespace merganser
