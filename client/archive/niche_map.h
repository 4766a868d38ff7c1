// Who holds which datapoints: an archive as members × groups of datapoints.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/evolution/archive.h"

namespace merganser {

// Datapoints of one task that are solved by about as many members.
struct NicheGroup {
  int task = 0;  // index into the campaign's tasks
  int64_t datapoints = 0;
  // Mean number of members that solve one of them, 0 … P.
  double mean_load = 0;
};

struct NicheMember {
  int slot = 0;
  int64_t candidate = 0;
  // Mean score on the search datapoints, weighted by task, 0 … 1.
  double score = 0;
  // Its part of what all datapoints are worth to the members, 0 … 1: its
  // fitness divided by the sum of all members' fitness.
  double share = 0;
  // Mean score in each group, 0 … 1.
  std::vector<double> groups;
};

struct NicheMap {
  std::vector<NicheGroup> groups;
  // The best share first, the lower slot on ties.
  std::vector<NicheMember> members;
};

// Mean of the members' scores on the search datapoints, weighted by task; 0
// without members.
double MeanScoreOf(const Archive& archive);

// Within each task the datapoints are sorted by how many members solve them,
// the rarest first, and cut into groups of equal size, one datapoint at least.
// Tasks get groups by their number of datapoints, each one at least; so there
// are `columns` of them, or more if there are more tasks, or fewer if there are
// fewer datapoints. `task_ends`: see TaskEnds().
NicheMap MapNiches(const Archive& archive, std::span<const int64_t> task_ends,
                   int columns);

}  // namespace merganser
