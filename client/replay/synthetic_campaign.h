// A small campaign for tests, made without a coordinator or a worker: the
// ordered schedule, fed with scores that are hashes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/results/write_results.h"
#include "common/base/digest.h"
#include "merganser/v1/campaign_service.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// What a coordinator would export.
struct SyntheticCampaign {
  v1::ExportHeader header;
  std::vector<v1::LogEntry> log;
  std::string gram;  // empty where weights are kept
  // Where weights are kept: the parameter vectors of all seeds and of the
  // children whose scores are complete.
  std::map<int64_t, std::vector<uint8_t>> weights;

  // The parts of one ExportCampaign stream.
  absl::Status Export(ExportPart part) const;
};

// Writes two seeds and two datasets to `folder` and runs `evaluations` children
// of them through a schedule with a window of 8. The child 5 is quarantined;
// from 150 on, children are rejected early.
absl::StatusOr<SyntheticCampaign> MakeSyntheticCampaign(
    const std::string& folder, int64_t evaluations);

// The same of MakeSyntheticBaseSpec().
absl::StatusOr<SyntheticCampaign> MakeSyntheticBaseCampaign(
    const std::string& folder, int64_t evaluations);

// The same with three random seeds: it keeps weights.
absl::StatusOr<SyntheticCampaign> MakeSyntheticWeightsCampaign(
    const std::string& folder, int64_t evaluations);

// Scores of all chunks of a candidate. That of a datapoint hangs on the genome,
// on the datapoint, and on its chunk's members in their order: about half of
// them are 1. `layout`: per task, the datapoints counted within it; absent:
// file order.
std::vector<v1::ChunkScores> SyntheticScores(const v1::CampaignSpec& spec,
                                             const std::string& genome_digest,
                                             const v1::ChunkLayout* layout,
                                             bool holdout);
// Of the chunks that the job asks for.
std::vector<v1::ChunkScores> SyntheticScores(const v1::CampaignSpec& spec,
                                             const v1::Job& job,
                                             const v1::ChunkLayout* layout);

}  // namespace merganser
