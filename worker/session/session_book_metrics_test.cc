// What a session counts.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/http_client.h"
#include "worker/session/session_book_fixture.h"

namespace merganser {
namespace {

class SessionBookMetricsTest : public SessionBookTest {
 protected:
  double Value(const std::string& series) {
    return ParseMetrics(registry_.Text()).at(series);
  }
  double Jobs(const char* outcome) {
    return Value(
        absl::StrCat("merganser_worker_jobs_total{kind=\"search\",outcome=\"",
                     outcome, "\"}"));
  }
  double Reports(const char* what) {
    return Value(absl::StrCat("merganser_worker_phase_duration_seconds_", what,
                              "{phase=\"report\"}"));
  }
  void Finish(absl::StatusOr<ExecutedJob> executed) {
    ASSERT_NE(book_.TakeJob(), nullptr);
    book_.FinishJob(std::move(executed), now_);
  }
};

TEST_F(SessionBookMetricsTest, CountsWhatBecomesOfJobs) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3), JobOf(4)});
  Finish(ExecutedJob());
  EXPECT_EQ(Jobs("done"), 1);
  ExecutedJob parked;
  parked.result.set_parked(true);
  Finish(std::move(parked));
  EXPECT_EQ(Jobs("parked"), 1);
  Finish(absl::InternalError("no"));
  EXPECT_EQ(Jobs("failed"), 1);
  Call([](v1::ExchangeResponse& answer) { *answer.add_stop() = Key(4); });
  EXPECT_EQ(Jobs("stopped"), 1) << "queued";

  CallForJobs({JobOf(5), JobOf(6), JobOf(7)});
  const auto running = book_.TakeJob();
  Call([](v1::ExchangeResponse& answer) { *answer.add_stop() = Key(5); });
  book_.FinishJob(absl::CancelledError("stopped"), now_);
  EXPECT_EQ(Jobs("stopped"), 2) << "executing";
  book_.Drain();
  EXPECT_EQ(Jobs("handed_back"), 2);
  EXPECT_EQ(Jobs("done") + Jobs("parked") + Jobs("failed"), 3);
}

TEST_F(SessionBookMetricsTest, TimesResultsUntilTheyAreAcknowledged) {
  CallForJobs({JobOf(1), JobOf(2)});
  Execute();
  now_ += absl::Seconds(3);
  Execute();
  Call();
  now_ += absl::Seconds(1);
  CallForOutcome(1, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(Reports("count"), 1);
  EXPECT_DOUBLE_EQ(Reports("sum"), 4);
  CallForOutcome(1, v1::RESULT_OUTCOME_REDUNDANT);
  EXPECT_EQ(Reports("count"), 1) << "a repeated answer is no second report";
  CallForOutcome(2, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_DOUBLE_EQ(Reports("sum"), 5);
}

TEST_F(SessionBookMetricsTest, SaysWhatItHolds) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3)});
  Execute();
  const auto running = book_.TakeJob();
  EXPECT_EQ(book_.counts().queued, 1);
  EXPECT_EQ(book_.counts().executing, 1);
  EXPECT_EQ(book_.counts().unacknowledged, 1);
  EXPECT_EQ(book_.counts().uploading, 0);
}

}  // namespace
}  // namespace merganser
