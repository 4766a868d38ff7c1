// What a verification finds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/evolution/scores.h"

namespace merganser {

// One place where the record is not what follows from it.
struct Difference {
  std::string where;  // "log entry 17", "archive slot 3", a file
  std::string field;
  std::string expected;  // what follows from the rest of the record
  std::string found;

  // "log entry 17: child_fitness: expected 12; found 13".
  std::string ToString() const;
};

// Collects differences; one mistake can lead to thousands of others.
// Threads: none.
class DifferenceList {
 public:
  // Those behind the first `kept` are counted alone.
  explicit DifferenceList(int64_t kept = 20) : kept_(kept) {}

  void Add(Difference difference);
  // Adds a difference unless the two texts are equal.
  void Compare(const std::string& where, const std::string& field,
               const std::string& expected, const std::string& found);
  void Compare(const std::string& where, const std::string& field,
               int64_t expected, int64_t found);
  // Bit for bit.
  void CompareBits(const std::string& where, const std::string& field,
                   double expected, double found);

  bool empty() const { return count_ == 0; }
  int64_t count() const { return count_; }
  const std::vector<Difference>& first() const { return first_; }

 private:
  int64_t kept_;
  int64_t count_ = 0;
  std::vector<Difference> first_;
};

// Where two packed score vectors of the same length differ first, or what
// their lengths are: for messages.
std::string DescribeScores(ScoreKind kind, const std::string& expected,
                           const std::string& found);

}  // namespace merganser
