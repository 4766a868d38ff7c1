// What the workers of a synthetic campaign that keeps weights do.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/offspring.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/genome.pb.h"

namespace merganser {

// Makes float32 weights and keeps all of them. Straight from the building
// blocks, so that what the client makes of the same draws can be compared.
class SyntheticWeights {
 public:
  SyntheticWeights(const v1::CampaignSpec& spec, GenomeLayout layout);

  // Gives the digest of the weights.
  Digest MakeSeed(int64_t candidate);
  // Writes weights and coefficients into the entry, too.
  absl::StatusOr<Digest> MakeChild(const Proposal& proposal,
                                   v1::LogEntry& entry);

  v1::WeightsRef RefOf(int64_t candidate) const;
  const std::map<int64_t, std::vector<uint8_t>>& all() const { return all_; }

 private:
  Digest DigestOf(int64_t candidate) const;

  const v1::CampaignSpec spec_;
  const GenomeLayout layout_;
  ThreadTeam team_{1};
  OffspringMaker maker_{team_};
  std::map<int64_t, std::vector<uint8_t>> all_;
};

}  // namespace merganser
