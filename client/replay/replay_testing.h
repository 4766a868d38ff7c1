// A synthetic campaign's record, replayed: for tests.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/replay/replay.h"
#include "client/replay/synthetic_campaign.h"
#include "client/results/campaign_record.h"
#include "common/base/status_macros.h"
#include "common/genome/thread_team.h"

namespace merganser {

// Writes the campaign's record to `folder` and replays what it reads there.
inline absl::StatusOr<ReplayOutcome> ReplaySynthetic(
    const SyntheticCampaign& campaign, const std::string& folder,
    ReplayObserver* observer, DifferenceList& differences) {
  {
    ASSIGN_OR_RETURN(RecordWriter writer, RecordWriter::Create(folder));
    RETURN_IF_ERROR(campaign.Export(
        [&](v1::ExportCampaignResponse& part) { return writer.Add(part); }));
    RETURN_IF_ERROR(writer.Commit());
  }
  ASSIGN_OR_RETURN(const auto reader, RecordReader::Open(folder));
  ThreadTeam team(1);
  return Replay(*reader, observer, nullptr, team, differences);
}

}  // namespace merganser
