// What docs/metrics.md says of campaigns, workers and commits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/telemetry/metrics.h"
#include "coordinator/dispatch/campaign_registry.h"
#include "coordinator/dispatch/core.h"

namespace merganser {

CommitMetrics MakeCommitMetrics(MetricRegistry& registry);

// Reads a core's values off.
// Threads: the loop's.
class CoreSampler {
 public:
  MetricSamples Sample(Core& core);

 private:
  struct Shares {
    int64_t best = 0;
    std::vector<double> shares;
  };

  void SampleCampaign(Core& core, const CampaignEntry& entry,
                      MetricSamples& samples);
  void SampleShares(const CampaignRunner& runner, MetricSamples& samples);

  // Of the best member as of the last sample, by the campaign's uid: they take
  // a while to compute and change rarely.
  std::map<std::string, Shares> shares_;
};

}  // namespace merganser
