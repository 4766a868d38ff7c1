// Folds a campaign's log again and compares everything that follows from it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/replay/difference.h"
#include "client/replay/replay_weights.h"
#include "client/results/campaign_record.h"
#include "client/results/winner.h"
#include "common/base/digest.h"
#include "common/genome/thread_team.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Told of each candidate with scores once it is applied: the seeds, then the
// children that were not quarantined, in the order of n. Where weights are kept
// it is told of a candidate's parents' weights before the candidate, and that
// they are forgotten behind it.
// Threads: none.
class ReplayObserver : public WeightsObserver {
 public:
  struct Candidate {
    int64_t number = 0;
    // How it is made, by one of the two; by neither if it is a random seed.
    const LinearRecipe* recipe = nullptr;
    const v1::Offspring* offspring = nullptr;
    // The digest of its weights; null where recipes are kept, and if it was
    // rejected early.
    const Digest* weights = nullptr;
    // As in its job.
    const Digest& genome;
    // -1 = file order.
    int64_t layout_version = -1;
    LayoutOrderPointer layout;
    // As recorded; of some chunks alone if it was rejected early.
    const ChunkAssembly& scores;
    // It entered the archive.
    bool accepted = false;
  };

  // `tasks` is the schedule's; valid as long as the replay.
  virtual absl::Status OnStart(const v1::CampaignSpec& spec,
                               std::span<const TaskExtent> tasks) = 0;
  virtual absl::Status OnCandidate(const Candidate& candidate) = 0;
};

struct ReplayOutcome {
  int64_t results = 0;  // applied, quarantined ones included
  int64_t accepted = 0;
  int64_t quarantined = 0;
  int64_t rejected_early = 0;
  // Of a candidate's weights; 0 where recipes are kept.
  int64_t weights_size_bytes = 0;
  Digest archive_digest;
  // The best member, with its parents.
  Winner winner;
};

// Re-derives the archive from the record's spec, Gram sums, seed scores and
// log; where weights are kept, it makes them again, from random seeds on, on
// the threads of `team`. Compares with the record: every proposal, bit for bit,
// every child's weights, every outcome, at the end every slot, the counts, the
// digest and the best member.
// `progress`, which may be empty, is called now and then with the number of
// results replayed.
// Errors: InvalidArgument or DataLoss when the record cannot be replayed at
// all; whatever the observer says. A record that does not agree with itself is
// not an error: `differences` has it.
absl::StatusOr<ReplayOutcome> Replay(
    RecordReader& record, ReplayObserver* observer,
    const std::function<void(int64_t)>& progress, ThreadTeam& team,
    DifferenceList& differences);

}  // namespace merganser
