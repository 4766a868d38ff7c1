// Compares what the log says of how a child was drawn.
#pragma once

#include <string>

#include "client/replay/difference.h"
#include "merganser/v1/genome.pb.h"

namespace merganser {

// Every field, bit for bit. `where` names the entry of the log.
void CompareProposals(const std::string& where, const v1::Proposal& expected,
                      const v1::Proposal& found, DifferenceList& differences);

}  // namespace merganser
