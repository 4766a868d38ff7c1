#include "client/replay/proposal_check.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace merganser {

void CompareProposals(const std::string& where, const v1::Proposal& expected,
                      const v1::Proposal& found, DifferenceList& differences) {
  const auto compare = [&](const char* field, int64_t a, int64_t b) {
    differences.Compare(where, absl::StrCat("proposal.", field), a, b);
  };
  compare("candidate", expected.candidate(), found.candidate());
  compare("parent_a", expected.parent_a(), found.parent_a());
  compare("parent_b", expected.parent_b(), found.parent_b());
  compare("crossover", expected.crossover(), found.crossover());
  compare("layout_version", expected.layout_version(), found.layout_version());
  compare("chromosomes", expected.chromosomes_size(), found.chromosomes_size());
  const int both =
      std::min(expected.chromosomes_size(), found.chromosomes_size());
  for (int c = 0; c < both; ++c) {
    const v1::ChromosomeCrossover& a = expected.chromosomes(c);
    const v1::ChromosomeCrossover& b = found.chromosomes(c);
    const std::string prefix = absl::StrCat("proposal.chromosomes[", c, "].");
    const auto compare_bits = [&](const char* field, double x, double y) {
      differences.CompareBits(where, prefix + field, x, y);
    };
    differences.Compare(where, prefix + "split_block", a.split_block(),
                        b.split_block());
    compare_bits("mix", a.mix(), b.mix());
    compare_bits("before_a", a.before_a(), b.before_a());
    compare_bits("before_b", a.before_b(), b.before_b());
    compare_bits("after_a", a.after_a(), b.after_a());
    compare_bits("after_b", a.after_b(), b.after_b());
  }
  differences.Compare(where, "proposal.genome_digest",
                      absl::BytesToHexString(expected.genome_digest()),
                      absl::BytesToHexString(found.genome_digest()));
}

}  // namespace merganser
