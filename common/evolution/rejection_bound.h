// Whether a child whose scores are known in part can still enter an archive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/evolution/archive.h"

namespace merganser {

// Fills a child's unknown scores with 1. If it would then have a lower fitness
// than every slot, over the P+1 candidates with those scores, the archive drops
// it whatever the unknown scores are: on each datapoint the child's lead over a
// member is largest at score 1. That holds for binary scores, and for
// continuous ones at alpha <= 2. It is the tightest bound there is.
//
// Of binary scores the leads are exact integers; of continuous ones they count
// as negative only beyond a margin for rounding, so that a child is never
// rejected that Archive::Add would keep.
//
// Cost: making one is a pass over the P×N scores; Observe is O(P × datapoints).
// Threads: immutable after construction; safe to share.
// Source: DESIGN.md section 5.
class RejectionBound {
 public:
  // What is known of one child: its lead over each slot if all that is unknown
  // were 1. To be used with the bound that began it.
  class Standing {
    friend class RejectionBound;
    std::vector<int64_t> exact_;
    std::vector<double> real_;
  };

  // Whether the bound is proven for these settings.
  static bool Applies(const ArchiveOptions& options);

  // Of the archive as it stands; keeps no reference to it.
  explicit RejectionBound(const Archive& archive);

  // A child of which nothing is known.
  void Begin(Standing& standing) const;

  // Takes in the child's scores on further datapoints, each told once.
  // `archive` is the one that the bound was made of, unchanged. Shape: both are
  // [any number]; the datapoints are below N, the scores at most FullScore().
  void Observe(const Archive& archive, std::span<const uint32_t> datapoints,
               std::span<const uint32_t> scores, Standing& standing) const;

  // Whether no completion can enter the archive. Never while a slot is empty,
  // or where the bound does not apply.
  bool Rejects(const Standing& standing) const;

 private:
  void ObserveExact(const Archive& archive,
                    std::span<const uint32_t> datapoints,
                    std::span<const uint32_t> scores, Standing& standing) const;

  bool active_ = false;
  // Of binary scores, datapoint by datapoint, so that a chunk reads few lines
  // of memory: [datapoints][slots], all bits set where the slot scores.
  std::vector<int8_t> solved_;
  Standing unknown_;
  // How far below zero a lead of continuous scores must be.
  double margin_ = 0;
};

}  // namespace merganser
