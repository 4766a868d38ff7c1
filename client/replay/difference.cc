#include "client/replay/difference.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace merganser {

std::string Difference::ToString() const {
  return absl::StrCat(where, ": ", field, ": expected ", expected, "; found ",
                      found);
}

void DifferenceList::Add(Difference difference) {
  if (count_++ < kept_) first_.push_back(std::move(difference));
}

void DifferenceList::Compare(const std::string& where, const std::string& field,
                             const std::string& expected,
                             const std::string& found) {
  if (expected != found) Add({where, field, expected, found});
}

void DifferenceList::Compare(const std::string& where, const std::string& field,
                             int64_t expected, int64_t found) {
  if (expected == found) return;
  Add({where, field, absl::StrCat(expected), absl::StrCat(found)});
}

void DifferenceList::CompareBits(const std::string& where,
                                 const std::string& field, double expected,
                                 double found) {
  if (std::bit_cast<uint64_t>(expected) == std::bit_cast<uint64_t>(found)) {
    return;
  }
  Add({where, field, absl::StrFormat("%.17g", expected),
       absl::StrFormat("%.17g", found)});
}

std::string DescribeScores(ScoreKind kind, const std::string& expected,
                           const std::string& found) {
  if (expected.size() != found.size()) {
    return absl::StrCat(found.size(), " bytes instead of ", expected.size());
  }
  const auto size = static_cast<int64_t>(expected.size());
  // The last byte of binary scores may be filled up.
  const int64_t most =
      kind == ScoreKind::kBinary ? size * 8 : size / PackedScoresSize(kind, 1);
  const auto before = UnpackScores(kind, most, expected);
  const auto after = UnpackScores(kind, most, found);
  if (!before.ok() || !after.ok()) return "bytes that are no scores";
  int64_t different = 0;
  int64_t first = -1;
  for (int64_t j = 0; j < most; ++j) {
    if ((*before)[j] == (*after)[j]) continue;
    if (first < 0) first = j;
    ++different;
  }
  return absl::StrCat(different, " of them otherwise, datapoint ", first,
                      " first");
}

}  // namespace merganser
