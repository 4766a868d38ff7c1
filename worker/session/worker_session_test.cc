#include "worker/session/worker_session.h"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/net/protocol.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/testing/fake_blobs.h"
#include "worker/testing/fake_coordinator.h"
#include "worker/testing/fake_evaluators.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WorkerSessionTest : public ::testing::Test {
 protected:
  void Start(FakeCoordinator& coordinator,
             absl::Duration grace = absl::Seconds(60)) {
    session_ = std::make_unique<WorkerSession>(
        WorkerSessionOptions{.name = "worker-1",
                             .incarnation = "i",
                             .version = "1.2.3",
                             .job_capacity = 2,
                             .grace = grace},
        coordinator, blobs_, evaluators_, Clock::Monotonic());
    outcome_ =
        std::async(std::launch::async, [this] { return session_->Run(); });
  }
  absl::Status Leave() {
    session_->Drain();
    return outcome_.get();
  }

  FakeCoordinator coordinator_;
  FakeEvaluators evaluators_;
  FakeBlobs blobs_;
  std::unique_ptr<WorkerSession> session_;
  std::future<absl::Status> outcome_;
};

TEST_F(WorkerSessionTest, RegistersWithItsProtocolNameAndDevice) {
  Start(coordinator_);
  coordinator_.AwaitReadiness();
  const v1::RegisterRequest registration = coordinator_.registration();
  EXPECT_EQ(registration.protocol_version(), kProtocolVersion);
  EXPECT_EQ(registration.name(), "worker-1");
  EXPECT_EQ(registration.incarnation(), "i");
  EXPECT_EQ(registration.version(), "1.2.3");
  EXPECT_EQ(registration.job_capacity(), 2);
  EXPECT_EQ(registration.device().device_class(), "fake");
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WorkerSessionTest, ReportsTheScoresOfAllJobs) {
  for (int64_t candidate = 0; candidate < 20; ++candidate) {
    coordinator_.AddJob(candidate);
  }
  Start(coordinator_);
  for (int64_t candidate = 0; candidate < 20; ++candidate) {
    EXPECT_EQ(coordinator_.AwaitReport(candidate),
              FakeEvaluators::ScoresOf(candidate));
  }
  EXPECT_TRUE(Leave().ok());
  for (const v1::ExchangeRequest& request : coordinator_.requests()) {
    for (const v1::JobResult& result : request.results()) {
      EXPECT_EQ(result.genome_digest(), "genome");
      EXPECT_EQ(result.layout_version(), kFileOrder);
    }
  }
}

TEST_F(WorkerSessionTest, AFailedJobIsReportedAndTheNextOneDone) {
  evaluators_.Fail(1);
  coordinator_.AddJob(1);
  coordinator_.AddJob(2);
  Start(coordinator_);
  EXPECT_EQ(coordinator_.AwaitReport(1), "1 fails");
  EXPECT_EQ(coordinator_.AwaitReport(2), FakeEvaluators::ScoresOf(2));
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WorkerSessionTest, ACampaignThatCannotBeReadIsReportedAsNotReady) {
  FakeCoordinator coordinator(FakeEvaluators::kBrokenCampaign);
  Start(coordinator);
  const v1::CampaignReadiness readiness = coordinator.AwaitReadiness();
  EXPECT_EQ(readiness.campaign_uid(), kCampaign);
  EXPECT_THAT(readiness.error(), HasSubstr("broken.safetensors"));
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WorkerSessionTest, AFailedCallIsRepeatedWithTheSameNumberAndContent) {
  coordinator_.FailNextExchange(absl::UnavailableError("connection refused"));
  coordinator_.FailNextExchange(absl::DeadlineExceededError("too slow"));
  coordinator_.AddJob(1);
  Start(coordinator_);
  coordinator_.AwaitReport(1);
  EXPECT_TRUE(Leave().ok());
  const auto requests = coordinator_.requests();
  EXPECT_EQ(requests[0].SerializeAsString(), requests[1].SerializeAsString());
  EXPECT_EQ(requests[0].SerializeAsString(), requests[2].SerializeAsString());
  EXPECT_EQ(requests[3].call_number(), requests[2].call_number() + 1);
  EXPECT_EQ(coordinator_.sessions(), 1);
}

TEST_F(WorkerSessionTest, AfterASessionIsLostItReportsAgainInANewOne) {
  coordinator_.WithholdAcknowledgements(true);
  coordinator_.AddJob(1);
  Start(coordinator_);
  coordinator_.AwaitReport(1);
  coordinator_.FailNextExchange(absl::NotFoundError("no such session"));
  coordinator_.AddJob(2);  // ends the wait of a call under way
  coordinator_.AwaitReport(2);
  coordinator_.WithholdAcknowledgements(false);
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(coordinator_.sessions(), 2);
  std::vector<std::string> sessions_that_heard_of_1;
  for (const v1::ExchangeRequest& request : coordinator_.requests()) {
    for (const v1::JobResult& result : request.results()) {
      if (result.key().candidate() == 1) {
        sessions_that_heard_of_1.push_back(request.session_id());
      }
    }
  }
  EXPECT_THAT(sessions_that_heard_of_1, ElementsAre("1", "2"));
}

TEST_F(WorkerSessionTest, ACoordinatorThatRefusesItEndsIt) {
  coordinator_.RefuseRegistration(
      absl::FailedPreconditionError("protocol 2 here, 1 there"));
  Start(coordinator_);
  EXPECT_EQ(outcome_.get().message(), "protocol 2 here, 1 there");
}

TEST_F(WorkerSessionTest, LeavesAtOnceWhileThereIsNoCoordinator) {
  coordinator_.RefuseRegistration(absl::UnavailableError("nobody there"));
  Start(coordinator_);
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WorkerSessionTest, LeavingFinishesOneJobAndHandsBackTheOthers) {
  evaluators_.Hold(1);
  coordinator_.AddJob(1);
  coordinator_.AddJob(2);
  Start(coordinator_);
  evaluators_.AwaitStart(1);
  session_->Drain();
  EXPECT_EQ(coordinator_.AwaitReport(2), "handed back");
  evaluators_.Release(1);
  EXPECT_TRUE(outcome_.get().ok());
  EXPECT_EQ(coordinator_.AwaitReport(1), FakeEvaluators::ScoresOf(1));
  EXPECT_TRUE(coordinator_.requests().back().draining());
}

TEST_F(WorkerSessionTest, AJobThatOutlastsTheGracePeriodIsHandedBack) {
  evaluators_.Hold(1);
  coordinator_.AddJob(1);
  Start(coordinator_, absl::Milliseconds(800));
  evaluators_.AwaitStart(1);
  EXPECT_TRUE(Leave().ok());
  EXPECT_EQ(coordinator_.AwaitReport(1), "handed back");
}

TEST_F(WorkerSessionTest, LeavesWithoutAcknowledgementWhenTheGraceIsOver) {
  coordinator_.WithholdAcknowledgements(true);
  coordinator_.AddJob(1);
  Start(coordinator_, absl::Milliseconds(300));
  coordinator_.AwaitReport(1);
  EXPECT_TRUE(Leave().ok());
}

TEST_F(WorkerSessionTest, AStoppedJobIsDroppedWithoutAReport) {
  evaluators_.Hold(1);
  coordinator_.AddJob(1);
  coordinator_.AddJob(2);
  Start(coordinator_);
  evaluators_.AwaitStart(1);
  coordinator_.Stop(1);
  EXPECT_EQ(coordinator_.AwaitReport(2), FakeEvaluators::ScoresOf(2));
  EXPECT_TRUE(Leave().ok());
  for (const v1::ExchangeRequest& request : coordinator_.requests()) {
    for (const v1::JobResult& result : request.results()) {
      EXPECT_NE(result.key().candidate(), 1);
    }
    EXPECT_EQ(request.hand_backs_size() + request.failures_size(), 0);
  }
}

}  // namespace
}  // namespace merganser
