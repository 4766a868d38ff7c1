// Proposals on the wire, in the store and in the log.
#pragma once

#include "absl/status/statusor.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/genome.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Without the recipe, which follows from the parents'.
v1::Proposal ProposalToProto(const Proposal& proposal);

// How a job asks for a child of weights.
v1::Offspring MakeOffspring(const v1::Proposal& drawn,
                            const v1::WeightsRef& parent_a,
                            const v1::WeightsRef& parent_b);

// Its recipe is left empty.
// Errors: InvalidArgument naming the field that does not fit the layout.
absl::StatusOr<Proposal> ProposalFromProto(const v1::Proposal& proto,
                                           const GenomeLayout& layout);

}  // namespace merganser
