// Lost sessions, repeated calls, and the way out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/session/session_book.h"
#include "worker/session/session_book_fixture.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SessionBookTest, AnUnansweredCallIsRepeatedAsItWas) {
  CallForJobs({JobOf(1), JobOf(2)});
  Execute();
  const v1::ExchangeRequest first = book_.NextRequest(now_);
  Execute();
  now_ += absl::Seconds(3);
  EXPECT_TRUE(CallIsDue());
  const v1::ExchangeRequest second = book_.NextRequest(now_);
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  book_.TakeAnswer(v1::ExchangeResponse(), now_);
  const v1::ExchangeRequest third = book_.NextRequest(now_);
  EXPECT_EQ(third.call_number(), first.call_number() + 1);
  EXPECT_THAT(Candidates(third.results()), ElementsAre(2));
}

TEST_F(SessionBookTest, ANewSessionHearsOfAllThatIsNotAcknowledged) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3), JobOf(4)});
  Execute();
  Call();  // 1 is reported, not acknowledged
  Execute();
  book_.NextRequest(now_);  // 2 is in a call that is never answered
  const auto running = book_.TakeJob();
  book_.LoseSession();
  EXPECT_FALSE(book_.in_session());
  Begin("session-2");
  EXPECT_TRUE(CallIsDue());
  const v1::ExchangeRequest request = Call();
  EXPECT_EQ(request.session_id(), "session-2");
  EXPECT_EQ(request.call_number(), 1);
  EXPECT_THAT(Candidates(request.results()), ElementsAre(1, 2));
  EXPECT_THAT(Candidates(request.held()), ElementsAre(3, 4));
}

TEST_F(SessionBookTest, ANewSessionHearsOfFailuresInAnUnansweredCall) {
  CallForJobs({JobOf(1)});
  book_.TakeJob();
  book_.FinishJob(absl::InternalError("broken"), now_);
  EXPECT_EQ(book_.NextRequest(now_).failures_size(), 1);
  book_.LoseSession();
  Begin("session-2");
  const v1::ExchangeRequest request = Call();
  ASSERT_EQ(request.failures_size(), 1);
  EXPECT_EQ(request.failures(0).error(), "broken");
  EXPECT_EQ(Call().failures_size(), 0);
}

TEST_F(SessionBookTest, ANewSessionIsToldAtOnceWhatIsReadAlready) {
  book_.LoseSession();
  Begin("session-2");
  EXPECT_EQ(Call([](v1::ExchangeResponse& answer) {
              answer.add_join(kCampaign);
            }).readiness_size(),
            0)
      << "it must be asked for first";
  EXPECT_THAT(orders_.join, IsEmpty());
  EXPECT_EQ(Call().readiness(0).campaign_uid(), kCampaign);
}

TEST_F(SessionBookTest, CampaignsOfAnOldSessionGoBeforeNewOnesAreRead) {
  book_.LoseSession();
  Begin("session-2");
  Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
  CallForJobs({JobOf(1)});  // of the first campaign
  EXPECT_EQ(book_.TakeJob(), nullptr);
  EXPECT_THAT(orders_.notes, ElementsAre(HasSubstr("not ready here")));
}

TEST_F(SessionBookTest, LeaveForgetsAllOfACampaign) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3)});
  Execute();
  const auto running = book_.TakeJob();
  Call([](v1::ExchangeResponse& answer) { answer.add_leave(kCampaign); });
  EXPECT_THAT(orders_.leave, ElementsAre(kCampaign));
  EXPECT_TRUE(running->stop);
  EXPECT_EQ(book_.unacknowledged(), 0u);
  book_.FinishJob(absl::CancelledError("stopped"), now_);
  EXPECT_EQ(book_.TakeJob(), nullptr);
  CallForJobs({JobOf(4)});
  EXPECT_THAT(orders_.notes, ElementsAre(HasSubstr("not ready here")));
}

TEST_F(SessionBookTest, ACampaignThatLeftWhileItWasReadIsNotToldOf) {
  Call([](v1::ExchangeResponse& answer) { answer.add_join("uid-2"); });
  Call([](v1::ExchangeResponse& answer) { answer.add_leave("uid-2"); });
  book_.FinishJoin("uid-2", {.evaluator = Evaluator()},
                   FakeEvaluators::ProbeDigest());
  EXPECT_EQ(Call().readiness_size(), 0);
}

TEST_F(SessionBookTest, DrainHandsBackWhatWaitsAndFinishesWhatExecutes) {
  CallForJobs({JobOf(1), JobOf(2), JobOf(3)});
  const auto running = book_.TakeJob();
  book_.Drain();
  EXPECT_TRUE(CallIsDue());
  const v1::ExchangeRequest request = CallForJobs({JobOf(4)});
  EXPECT_TRUE(request.draining());
  EXPECT_EQ(request.wanted_jobs(), 0);
  EXPECT_THAT(Candidates(request.hand_backs()), ElementsAre(2, 3));
  EXPECT_THAT(Candidates(Call().hand_backs()), ElementsAre(4))
      << "leased before the coordinator knew";
  EXPECT_FALSE(book_.drained());
  ExecutedJob executed;
  *executed.result.mutable_key() = Key(1);
  book_.FinishJob(std::move(executed), now_);
  EXPECT_TRUE(CallIsDue());
  Call();
  EXPECT_FALSE(book_.drained()) << "the result is not acknowledged";
  CallForOutcome(1, v1::RESULT_OUTCOME_COMMITTED);
  EXPECT_TRUE(book_.drained());
}

TEST_F(SessionBookTest, ADrainingBookWaitsForAcknowledgementsAlone) {
  CallForJobs({JobOf(1)});
  Execute();
  book_.Drain();
  EXPECT_EQ(Call().max_wait_ms(), 500);
  EXPECT_EQ(CallForOutcome(1, v1::RESULT_OUTCOME_COMMITTED).max_wait_ms(), 500);
  EXPECT_EQ(Call().max_wait_ms(), 0);
}

TEST_F(SessionBookTest, AnIdleBookIsDrainedOnceTheCoordinatorKnows) {
  book_.Drain();
  EXPECT_FALSE(book_.drained());
  EXPECT_TRUE(Call().draining());
  EXPECT_TRUE(book_.drained());
}

TEST_F(SessionBookTest, AnAbandonedJobIsHandedBack) {
  CallForJobs({JobOf(1)});
  const auto running = book_.TakeJob();
  book_.Drain();
  Call();
  book_.AbandonExecuting();
  EXPECT_TRUE(running->stop);
  book_.FinishJob(absl::CancelledError("stopped"), now_);
  EXPECT_THAT(Candidates(Call().hand_backs()), ElementsAre(1));
  EXPECT_TRUE(book_.drained());
}

TEST_F(SessionBookTest, ADrainingBookDoesNotWaitInARepeatedCall) {
  EXPECT_GT(book_.NextRequest(now_).max_wait_ms(), 0);
  book_.Drain();
  const v1::ExchangeRequest& again = book_.NextRequest(now_);
  EXPECT_EQ(again.max_wait_ms(), 0);
  EXPECT_FALSE(again.draining()) << "the content stays";
}

}  // namespace
}  // namespace merganser
