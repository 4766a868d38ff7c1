#include "tests/end_to_end/metrics_lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kGood[] = R"(# HELP merganser_a_total Ays.
# TYPE merganser_a_total counter
merganser_a_total{campaign="one \"1\", {two}"} 5
merganser_a_total{campaign="b"} 1e+20
# HELP merganser_b_seconds Bees.
# TYPE merganser_b_seconds histogram
merganser_b_seconds_count{method="x/Y"} 3
merganser_b_seconds_sum{method="x/Y"} 9.25
merganser_b_seconds_bucket{method="x/Y",le="0.5"} 1
merganser_b_seconds_bucket{method="x/Y",le="+Inf"} 3
# HELP process_open_fds Files.
# TYPE process_open_fds gauge
process_open_fds 7
)";

TEST(MetricsLintTest, FindsNothingWrongWithAGoodPage) {
  EXPECT_THAT(LintMetrics(kGood), IsEmpty());
}

TEST(MetricsLintTest, FindsEachFault) {
  struct Case {
    const char* page;
    const char* problem;
  };
  constexpr char kHead[] = "# HELP merganser_x X.\n# TYPE merganser_x gauge\n";
  for (const Case& broken : {
           Case{"# TYPE merganser_y gauge\nmerganser_y 1\n", "no help text"},
           Case{"# HELP merganser_y Y.\nmerganser_y 1\n", "no type"},
           Case{"# HELP merganser_y Y.\n# TYPE merganser_y counter\n",
                "end in _total"},
           Case{"# HELP merganser_y_total Y.\n# TYPE merganser_y_total gauge\n",
                "end in _total"},
           Case{"# HELP merganser_y_ms Y.\n# TYPE merganser_y_ms gauge\n",
                "ms is no base unit"},
           Case{"# HELP other_y Y.\n# TYPE other_y gauge\n", "the prefix is"},
           Case{"# HELP merganser_y Y.\n# TYPE merganser_y histogram\n",
                "says its unit"},
           Case{"merganser_x 1\nmerganser_x 2\n", "is there twice"},
           Case{"merganser_x{worker=\"w\"} 1\n", "label worker has no bound"},
           Case{"merganser_x{campaign=1} 1\n", "not a sample"},
           Case{"merganser_x one\n", "not a sample"},
           Case{"merganser_x{a=\"1\"} 1\n# HELP merganser_z Z.\n# TYPE "
                "merganser_z gauge\nmerganser_z 1\nmerganser_x{a=\"2\"} 1\n",
                "do not stand together"},
       }) {
    EXPECT_THAT(LintMetrics(absl::StrCat(kHead, broken.page)),
                Contains(HasSubstr(broken.problem)))
        << broken.page;
  }
}

TEST(MetricsLintTest, ReadsFamiliesAndTheCatalogueAlike) {
  const auto families = FamiliesOf({kGood});
  const auto catalogue = CatalogueOf(R"(
| metric | type | labels | meaning |
| --- | --- | --- | --- |
| `merganser_a_total` | counter | campaign | ays, `x | y` |
| `merganser_b_seconds` | histogram | method | bees |
| `process_open_fds`, `process_max_fds` | gauge | | files |
)");
  ASSERT_EQ(families.size(), 3);
  ASSERT_EQ(catalogue.size(), 4);
  for (const auto& [name, family] : families) {
    EXPECT_EQ(catalogue.at(name).type, family.type) << name;
    EXPECT_EQ(catalogue.at(name).labels, family.labels) << name;
  }
  EXPECT_THAT(families.at("merganser_b_seconds").labels, ElementsAre("method"));
}

}  // namespace
}  // namespace merganser
