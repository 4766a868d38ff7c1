// What is known of a child that is drawn and not applied yet, and which jobs
// would complete it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/schedule/chunk_assembly.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Deals a child's chunks out to jobs: chunk c, counted over all tasks, belongs
// to every part p with p mod shards == c mod shards. So each part begins with
// the least contested datapoints, and a part keeps its chunks when its number
// is raised to tell a later job from an earlier one.
// Threads: immutable; safe to share.
class ChunkDealer {
 public:
  // `tasks` is borrowed. shards is at least 1; no more than there are chunks
  // are dealt to.
  ChunkDealer(std::span<const TaskExtent> tasks, int shards);

  int shards() const { return shards_; }
  // Whether the child has no missing chunk in this part. part >= 0.
  bool IsKnown(int part, const ChunkAssembly& chunks) const;
  // The part's chunks that are missing; all of them if `chunks` is null.
  std::vector<v1::ChunkSet> Missing(int part,
                                    const ChunkAssembly* chunks) const;

 private:
  std::span<const TaskExtent> tasks_;
  int64_t chunks_ = 0;
  int shards_;
};

// What a worker says of weights that it has made.
struct ReportedWeights {
  v1::WeightsRef ref;
  // With the coefficients; empty without crossover.
  google::protobuf::RepeatedPtrField<v1::ChromosomeCrossover> chromosomes;
};

// A child's scores on their way. The states of its jobs:
//
//     drawn ─► open parts ─ all chunks known ─► complete
//                │  ▲
//    a worker    ▼  │  its own archive does not reject it
//    parks it   parked ─ its archive rejects what is known ─► applied
//
// Threads: none; CampaignRunner owns it.
struct ChildScores {
  // Unset until the first chunk is known.
  std::optional<ChunkAssembly> chunks;
  // Where weights are kept: set as soon as some part is known.
  std::optional<ReportedWeights> weights;
  // Not empty: given up.
  std::string quarantine_error;
  // A worker's archive rejects it: no job is open until its turn.
  bool parked = false;
  bool was_parked = false;
  // Grows each time that missing chunks are asked for again.
  int round = 0;
  std::set<int> open_parts;

  bool complete() const { return chunks.has_value() && chunks->complete(); }
  bool any_known() const { return chunks.has_value() && chunks->any_known(); }

  // Opens the parts of this round that have missing chunks; returns them.
  std::vector<int> OpenParts(const ChunkDealer& dealer);
};

}  // namespace merganser
