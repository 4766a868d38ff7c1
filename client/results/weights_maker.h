// Makes candidates of a campaign that keeps weights, as its workers made them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/linear_recipe.h"
#include "common/genome/offspring.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/schedule/ordered_schedule.h"
#include "common/storage/dtype.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

struct RemadeWeights {
  std::vector<uint8_t> bytes;  // the parameter vector
  Digest digest;               // SHA-256 of it
  // What SLERP gave, one entry per chromosome; empty for a seed and without
  // crossover.
  std::vector<ChromosomeCrossover> crossovers;
};

// Threads: none; the team runs nothing else meanwhile.
class WeightsMaker {
 public:
  // Of a resolved spec with random seeds; `team` is borrowed.
  // Errors: InvalidArgument naming the field that is not resolved or not valid.
  static absl::StatusOr<WeightsMaker> Create(const v1::CampaignSpec& spec,
                                             ThreadTeam& team);

  // `candidate` is -K … -1.
  RemadeWeights MakeSeed(int64_t candidate);

  // The child of which `proposal` holds candidate, crossover, split blocks and
  // mixes. Parent B is not looked at without crossover.
  // Shape: parameter vectors of size_bytes() each.
  // Errors: InvalidArgument when something does not fit the layout.
  absl::StatusOr<RemadeWeights> MakeChild(const Proposal& proposal,
                                          std::span<const uint8_t> parent_a,
                                          std::span<const uint8_t> parent_b);

  const GenomeLayout& layout() const { return layout_; }
  DType dtype() const { return dtype_; }
  int64_t size_bytes() const {
    return layout_.parameters.length * DTypeBytes(dtype_);
  }

 private:
  WeightsMaker(const v1::CampaignSpec& spec, GenomeLayout layout, DType dtype,
               ThreadTeam& team);

  uint64_t random_seed_;
  double init_sigma_;
  double mutation_sigma_;
  GenomeLayout layout_;
  DType dtype_;
  ThreadTeam& team_;
  OffspringMaker maker_;
};

}  // namespace merganser
