// Everything that `merganser verify` checks, one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/replay/difference.h"
#include "client/replay/replay.h"
#include "client/replay/rescore.h"

namespace merganser {

struct VerifyOptions {
  // Holds the record; see campaign_record.h.
  std::string record_folder;
  // Holds the result files; absent: there are none to compare.
  std::optional<std::string> result_folder;
  std::string models_root;  // empty = the working directory
  RescoreChoice rescore = RescoreChoice::kAll;
  // What evaluates candidates again; asked for once, unless rescore is kNone.
  std::function<absl::StatusOr<std::unique_ptr<Scorer>>(
      const v1::CampaignSpec& spec)>
      start_scorer;
  // Where weights are kept, they are put here for the scorer while it may need
  // them. A folder of its own, made if missing.
  std::string blobs_folder;
  // Threads that make weights again.
  int threads = 1;
  // May be empty; called with the number of results replayed, of how many.
  std::function<void(int64_t, int64_t)> progress;
};

// What is known of the winner's weights.
enum class WinnerCheck {
  kNoFolder,  // only a record was verified
  kMissing,   // the folder has none
  kSame,
  kDiffers,
};

struct VerifyReport {
  DifferenceList differences;
  ReplayOutcome replay;
  WinnerCheck winner = WinnerCheck::kNoFolder;
  // Files that every folder of results has, and this one has not.
  std::vector<std::string> missing;
  int64_t rescored = 0;
  // What could not be checked, or is odd without being wrong.
  std::vector<std::string> warnings;

  // Nothing differs and nothing is missing.
  bool verified() const { return differences.empty() && missing.empty(); }
  // "verified: 10,000 results replayed, archive_digest …, winner re-made bit
  // for bit, 10,002 candidates re-scored", or why it is not verified.
  std::string LastLine() const;
};

// Errors: InvalidArgument for what keeps the record from being replayed, the
// seeds and data from being read, or candidates from being evaluated;
// Unavailable when the program that evaluates is missing.
absl::StatusOr<VerifyReport> Verify(const VerifyOptions& options);

}  // namespace merganser
