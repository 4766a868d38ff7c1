// Compares what a record says of a campaign's end with what a replay came to.
#pragma once

#include "client/replay/difference.h"
#include "client/replay/replay.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// The counts, every slot, and the best member. `outcome` is that of the replay
// that has brought `schedule` to where it is.
void CompareArchive(const OrderedSchedule& schedule,
                    const ReplayOutcome& outcome,
                    const v1::ExportHeader& header,
                    DifferenceList& differences);

}  // namespace merganser
