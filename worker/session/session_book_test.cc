// Campaigns and jobs; session_book_session_test.cc has sessions and leaving.
#include "worker/session/session_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/session/session_book_fixture.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SessionBookTest, ACampaignIsJoinedOnceAndToldOf) {
  SessionBook book({});
  v1::RegisterResponse response;
  response.set_session_id("s");
  book.BeginSession(response, now_);
  book.NextRequest(now_);
  v1::ExchangeResponse answer;
  answer.add_join("new");
  EXPECT_THAT(book.TakeAnswer(answer, now_).join, ElementsAre("new"));
  // Asked for again while it is being read: once is enough.
  book.NextRequest(now_);
  EXPECT_THAT(book.TakeAnswer(answer, now_).join, IsEmpty());
  book.FinishJoin("new", {.evaluator = Evaluator()},
                  FakeEvaluators::ProbeDigest());
  EXPECT_LE(book.NextCallTime(now_), now_);
  const v1::ExchangeRequest request = book.NextRequest(now_);
  ASSERT_EQ(request.readiness_size(), 1);
  EXPECT_EQ(request.readiness(0).campaign_uid(), "new");
  EXPECT_EQ(request.readiness(0).error(), "");
  EXPECT_EQ(request.readiness(0).probe_digest(),
            FakeEvaluators::ProbeDigest().ToBytes());
}

TEST_F(SessionBookTest, AFailedJoinIsToldAndMayBeOrderedAgain) {
  Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
  book_.FinishJoin("uid-2", {}, absl::NotFoundError("seeds[0].path"));
  const v1::ExchangeRequest request =
      Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
  ASSERT_EQ(request.readiness_size(), 1);
  EXPECT_EQ(request.readiness(0).error(), "seeds[0].path");
  EXPECT_EQ(request.readiness(0).probe_digest(), "");
  EXPECT_THAT(orders_.join, ElementsAre("uid-2"));
}

TEST_F(SessionBookTest, AFailedJoinSaysWhetherItMayPass) {
  const auto passing = [this](const absl::Status& status) {
    Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
    book_.FinishJoin("uid-2", {}, status);
    return Call().readiness(0).passing();
  };
  EXPECT_FALSE(passing(absl::InvalidArgumentError("another digest")));
  EXPECT_FALSE(passing(absl::PermissionDeniedError("outside")));
  EXPECT_TRUE(passing(absl::ResourceExhaustedError("no memory")));
  EXPECT_TRUE(passing(absl::UnavailableError("away")));
  EXPECT_TRUE(passing(absl::InternalError("device busy")));
  EXPECT_TRUE(passing(absl::UnknownError("input/output error")));
}

TEST_F(SessionBookTest, ACallWaitsOnlyWhenThereIsNothingToDo) {
  // A quarter of the 12 s after which the worker would count as lost.
  EXPECT_EQ(Call().max_wait_ms(), 3000);
  Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
  EXPECT_EQ(Call().max_wait_ms(), 0) << "a campaign is being read";
  book_.FinishJoin("uid-2", {.evaluator = Evaluator()},
                   FakeEvaluators::ProbeDigest());
  EXPECT_EQ(CallForJobs({JobOf(1)}).max_wait_ms(), 3000);
  EXPECT_EQ(Call().max_wait_ms(), 0) << "a job waits";
  const auto running = book_.TakeJob();
  EXPECT_EQ(Call().max_wait_ms(), 0) << "a job is executing";
  book_.FinishJob(ExecutedJob(), now_);
  EXPECT_EQ(Call().max_wait_ms(), 3000);
}

TEST_F(SessionBookTest, AnEmptyAnswerThatCameAtOnceIsNotAskedForAtOnceAgain) {
  Call();
  EXPECT_FALSE(CallIsDue());
  now_ += absl::Milliseconds(50);
  EXPECT_TRUE(CallIsDue());
}

TEST_F(SessionBookTest, WantsAsManyJobsAsItCannotYetFill) {
  EXPECT_EQ(CallForJobs({JobOf(1), JobOf(2), JobOf(3)}).wanted_jobs(), 4);
  EXPECT_EQ(Call().wanted_jobs(), 1);
  const auto running = book_.TakeJob();
  EXPECT_EQ(Call().wanted_jobs(), 1);
  book_.FinishJob(ExecutedJob(), now_);
  EXPECT_EQ(Call().wanted_jobs(), 2);
}

TEST_F(SessionBookTest, TellsWhatItHolds) {
  CallForJobs({JobOf(1), JobOf(2)});
  const auto running = book_.TakeJob();
  const v1::ExchangeRequest request = Call();
  ASSERT_THAT(Candidates(request.held()), ElementsAre(1, 2));
  EXPECT_TRUE(request.held(0).executing());
  EXPECT_FALSE(request.held(1).executing());
}

TEST_F(SessionBookTest, JobsAreExecutedInTheOrderReceived) {
  CallForJobs({JobOf(3), JobOf(1)});
  CallForJobs({JobOf(2)});
  EXPECT_EQ(Execute(), 3);
  EXPECT_EQ(Execute(), 1);
  EXPECT_EQ(Execute(), 2);
  EXPECT_EQ(book_.TakeJob(), nullptr);
}

TEST_F(SessionBookTest, AJobThatIsHeldAlreadyIsNotTakenTwice) {
  CallForJobs({JobOf(1), JobOf(2)});
  const auto running = book_.TakeJob();
  CallForJobs({JobOf(1), JobOf(2)});
  book_.FinishJob(ExecutedJob(), now_);
  EXPECT_EQ(Execute(), 2);
  EXPECT_EQ(book_.TakeJob(), nullptr);
}

TEST_F(SessionBookTest, AResultIsReportedOnceAndKeptUntilAcknowledged) {
  CallForJobs({JobOf(1)});
  Execute();
  EXPECT_THAT(Candidates(Call().results()), ElementsAre(1));
  EXPECT_THAT(Candidates(Call().results()), IsEmpty());
  EXPECT_EQ(book_.unacknowledged(), 1u);
  CallForOutcome(1, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_EQ(book_.unacknowledged(), 0u);
}

TEST_F(SessionBookTest, EveryOutcomeEndsAResultAndOddOnesAreNoted) {
  const std::vector<std::pair<v1::ResultOutcome, int>> notes = {
      {v1::RESULT_OUTCOME_COMMITTED, 0},
      {v1::RESULT_OUTCOME_REDUNDANT, 0},
      {v1::RESULT_OUTCOME_CONFLICT, 1},
      {v1::RESULT_OUTCOME_REFUSED, 1}};
  for (const auto& [outcome, expected] : notes) {
    CallForJobs({JobOf(1)});
    Execute();
    CallForOutcome(1, outcome);
    EXPECT_EQ(book_.unacknowledged(), 0u) << outcome;
    EXPECT_EQ(orders_.notes.size(), static_cast<size_t>(expected)) << outcome;
  }
}

TEST_F(SessionBookTest, AJobThatIsLeasedAgainIsReportedAgainNotExecuted) {
  CallForJobs({JobOf(1)});
  Execute();
  Call();
  CallForJobs({JobOf(1)});
  EXPECT_EQ(book_.TakeJob(), nullptr);
  EXPECT_THAT(Candidates(Call().results()), ElementsAre(1));
}

TEST_F(SessionBookTest, ResultsWaitForCompanyWhileTheQueueIsFull) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3), JobOf(4)});
  Execute();  // three wait, more than half of the capacity
  EXPECT_FALSE(CallIsDue());
  now_ += absl::Milliseconds(5) - absl::Nanoseconds(1);
  EXPECT_FALSE(CallIsDue());
  now_ += absl::Nanoseconds(1);
  EXPECT_TRUE(CallIsDue());
}

TEST_F(SessionBookTest, ResultsGoAtOnceWhenTheQueueIsLow) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3), JobOf(4)});
  Execute();
  Execute();
  EXPECT_TRUE(CallIsDue());
  EXPECT_THAT(Candidates(Call().results()), ElementsAre(1, 2));
}

TEST_F(SessionBookTest, CallsAsOftenAsToldWhileItWorks) {
  CallForJobs({JobOf(1)});
  EXPECT_EQ(book_.NextCallTime(now_), now_ + absl::Seconds(1));
  Call([](v1::ExchangeResponse& answer) { answer.set_next_call_ms(60000); });
  EXPECT_EQ(book_.NextCallTime(now_), now_ + absl::Seconds(4))
      << "a third of the worker's timeout";
}

TEST_F(SessionBookTest, AFailureIsReportedOnce) {
  CallForJobs({JobOf(1)});
  book_.TakeJob();
  book_.FinishJob(absl::InternalError("no memory"), now_);
  EXPECT_TRUE(CallIsDue());
  const v1::ExchangeRequest request = Call();
  ASSERT_EQ(request.failures_size(), 1);
  EXPECT_EQ(request.failures(0).key().candidate(), 1);
  EXPECT_EQ(request.failures(0).error(), "no memory");
  EXPECT_EQ(Call().failures_size(), 0);
}

TEST_F(SessionBookTest, StopDropsAQueuedJobWithoutAReport) {
  CallForJobs({JobOf(1), JobOf(2)});
  Call([](v1::ExchangeResponse& answer) { *answer.add_stop() = Key(1); });
  EXPECT_EQ(Execute(), 2);
  const v1::ExchangeRequest request = Call();
  EXPECT_THAT(Candidates(request.results()), ElementsAre(2));
  EXPECT_EQ(request.hand_backs_size() + request.failures_size(), 0);
}

TEST_F(SessionBookTest, StopEndsTheExecutingJobWithoutAReport) {
  CallForJobs({JobOf(1)});
  const auto running = book_.TakeJob();
  Call([](v1::ExchangeResponse& answer) { *answer.add_stop() = Key(1); });
  EXPECT_TRUE(running->stop);
  EXPECT_EQ(Call().held_size(), 0);
  book_.FinishJob(absl::CancelledError("stopped"), now_);
  const v1::ExchangeRequest request = Call();
  EXPECT_EQ(request.results_size() + request.hand_backs_size() +
                request.failures_size(),
            0);
}

TEST_F(SessionBookTest, AJobWhoseLayoutIsMissingIsHandedBack) {
  CallForJobs({JobOf(1, 5)});
  EXPECT_THAT(orders_.notes, ElementsAre(HasSubstr("layout 5")));
  EXPECT_TRUE(CallIsDue());
  EXPECT_THAT(Candidates(Call().hand_backs()), ElementsAre(1));
  EXPECT_EQ(book_.TakeJob(), nullptr);
  EXPECT_EQ(Call().hand_backs_size(), 0);
}

void AddLayout(v1::ExchangeResponse& answer, int64_t version) {
  v1::ChunkLayout* layout = answer.add_layouts();
  layout->set_campaign_uid(kCampaign);
  layout->set_version(version);
  layout->add_tasks()->add_datapoints(static_cast<uint32_t>(version));
}

TEST_F(SessionBookTest, AJobGetsTheLayoutThatItNames) {
  Call([](v1::ExchangeResponse& answer) {
    AddLayout(answer, 0);
    AddLayout(answer, 5);
    *answer.add_jobs() = JobOf(1, 5);
    *answer.add_jobs() = JobOf(2, kFileOrder);
  });
  const auto first = book_.TakeJob();
  ASSERT_NE(first->order, nullptr);
  EXPECT_EQ(first->order->version, 5);
  EXPECT_THAT(first->order->tasks, ElementsAre(ElementsAre(5)));
  book_.FinishJob(ExecutedJob(), now_);
  EXPECT_EQ(book_.TakeJob()->order, nullptr);
}

TEST_F(SessionBookTest, KeepsTheLastLayoutsAndThoseThatJobsNeed) {
  Call([](v1::ExchangeResponse& answer) {
    AddLayout(answer, 0);
    *answer.add_jobs() = JobOf(1, 0);
  });
  Call([](v1::ExchangeResponse& answer) {
    for (int64_t version = 1; version <= 9; ++version) {
      AddLayout(answer, version);
    }
  });
  // Eight are kept: 0, which a job needs, and 3 … 9.
  CallForJobs({JobOf(2, 2), JobOf(3, 3)});
  EXPECT_THAT(Candidates(Call().hand_backs()), ElementsAre(2));
  EXPECT_EQ(book_.TakeJob()->order->version, 0);
}

TEST_F(SessionBookTest, AnUrgentJobGoesBeforeThoseInTheQueue) {
  v1::Job urgent = JobOf(9);
  urgent.set_urgent(true);
  CallForJobs({JobOf(1), JobOf(2), urgent});
  EXPECT_EQ(Execute(), 9);
  EXPECT_EQ(Execute(), 1);
}

TEST_F(SessionBookTest, JobsAboutOtherPartsOfACandidateAreOtherJobs) {
  v1::Job part = JobOf(1);
  part.mutable_key()->set_part(1);
  CallForJobs({JobOf(1), part});
  EXPECT_EQ(Execute(), 1);
  EXPECT_EQ(Execute(), 1);
  EXPECT_EQ(book_.unacknowledged(), 2u);
}

}  // namespace
}  // namespace merganser
