// Helpers of this directory's tests: reference data and archives made of rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/evolution/archive.h"
#include "nlohmann/json.hpp"

namespace merganser {

// testdata/<name>, parsed; aborts if it cannot be read.
nlohmann::json LoadTestData(const std::string& name);

// "0110" → {0, 1, 1, 0}.
std::vector<uint32_t> ScoresFromBits(std::string_view bits);
// Datapoint 0 is the highest bit of the first digit.
std::vector<uint32_t> ScoresFromHex(std::string_view hex, int64_t datapoints);
// Doubles 0 … 1 to the units of `kind`, to the nearest.
std::vector<uint32_t> ScoresFromDoubles(ScoreKind kind,
                                        const std::vector<double>& scores);

// Every task weight 1.
ArchiveOptions OptionsFor(ScoreKind kind, int population, int64_t datapoints,
                          double alpha);

Member MemberWith(int64_t sequence_number, std::vector<uint32_t> scores);

// An archive whose slot i holds a member with rows[i], sequence number i; an
// empty row leaves its slot empty.
Archive ArchiveOf(const ArchiveOptions& options,
                  const std::vector<std::vector<uint32_t>>& rows);

// The slots' fitness in the scale of DESIGN.md.
std::vector<double> FitnessOf(const Archive& archive);

}  // namespace merganser
