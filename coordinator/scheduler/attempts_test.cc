#include "coordinator/scheduler/attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Failures as letter and worker: e = error, d = death beside other jobs,
// a = death alone, u = unreported death beside others, v = the same alone.
void Record(const std::string& failure, Attempts& attempts) {
  const std::string worker = failure.substr(1);
  switch (failure[0]) {
    case 'e':
      return attempts.RecordError(worker, "out of memory");
    case 'd':
      return attempts.RecordDeath(worker, false);
    case 'a':
      return attempts.RecordDeath(worker, true);
    case 'u':
      return attempts.RecordUnreportedDeath(worker, false);
    case 'v':
      return attempts.RecordUnreportedDeath(worker, true);
    default:
      FAIL() << failure;
  }
}

struct Row {
  std::string name;
  std::vector<std::string> failures;
  // Number of failures after which it first runs alone, is quarantined; 0 =
  // never.
  int alone_after;
  int quarantined_after;
};

class AttemptsTable : public testing::TestWithParam<Row> {};

TEST_P(AttemptsTable, Verdict) {
  const AttemptLimits limits;
  Attempts attempts;
  int alone_after = 0;
  int quarantined_after = 0;
  int count = 0;
  for (const std::string& failure : GetParam().failures) {
    Record(failure, attempts);
    ++count;
    if (alone_after == 0 && attempts.RunsAlone(limits)) alone_after = count;
    if (quarantined_after == 0 && attempts.QuarantineReason(limits)) {
      quarantined_after = count;
    }
  }
  EXPECT_EQ(alone_after, GetParam().alone_after);
  EXPECT_EQ(quarantined_after, GetParam().quarantined_after);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, AttemptsTable,
    testing::Values(Row{"ThreeErrorsOnTwoWorkers", {"eA", "eA", "eB"}, 0, 3},
                    Row{"ErrorsOnOneWorkerCountToSix",
                        {"eA", "eA", "eA", "eA", "eA", "eA"},
                        0,
                        6},
                    Row{"FourthErrorIsTheFirstOnASecondWorker",
                        {"eA", "eA", "eA", "eB"},
                        0,
                        4},
                    Row{"TwoDeathsMakeItRunAlone", {"dA", "dA"}, 2, 0},
                    Row{"DeathsInCompanyNeverQuarantine",
                        {"dA", "dB", "dC", "dA", "dB", "dC", "dA"},
                        2,
                        0},
                    Row{"ThreeDeathsAloneOnTwoWorkers",
                        {"dA", "dB", "aA", "aA", "aB"},
                        2,
                        5},
                    Row{"DeathsAloneOnOneWorkerCountToSix",
                        {"dA", "dA", "aA", "aA", "aA", "aA", "aA", "aA"},
                        2,
                        8},
                    Row{"ErrorsAndDeathsAreCountedApart",
                        {"eA", "eB", "dA", "dB", "aA", "aB"},
                        4,
                        0},
                    Row{"FirstUnreportedDeathIsFree", {"uA", "dA"}, 0, 0},
                    Row{"LaterUnreportedDeathsCount", {"uA", "uA", "uA"}, 3, 0},
                    Row{"AJobThatKillsBeforeAnyReportIsFoundOut",
                        {"uA", "uA", "uA", "vA", "vB", "vA"},
                        3,
                        6}),
    [](const auto& info) { return info.param.name; });

TEST(Attempts, ReasonNamesWorkersCountAndLastError) {
  Attempts attempts;
  attempts.RecordError("worker-b", "first");
  attempts.RecordError("worker-a", "second");
  attempts.RecordError("worker-a", "NaN in layer 3");
  EXPECT_EQ(
      attempts.QuarantineReason({}),
      "failed 3 times, on worker-a, worker-b; last error: NaN in layer 3");
}

TEST(Attempts, AvoidsWorkersOnWhichItFailed) {
  Attempts attempts;
  EXPECT_THAT(attempts.WorkersToAvoid({}), IsEmpty());
  attempts.RecordError("b", "x");
  attempts.RecordDeath("a", false);
  EXPECT_THAT(attempts.WorkersToAvoid({}), ElementsAre("a", "b"));
}

TEST(Attempts, OnceAloneOnlyFailuresThatAreItsOwnAreAvoided) {
  Attempts attempts;
  attempts.RecordDeath("a", false);
  attempts.RecordDeath("b", false);
  EXPECT_THAT(attempts.WorkersToAvoid({}), IsEmpty());
  attempts.RecordDeath("b", true);
  EXPECT_THAT(attempts.WorkersToAvoid({}), ElementsAre("b"));
}

}  // namespace
}  // namespace merganser
