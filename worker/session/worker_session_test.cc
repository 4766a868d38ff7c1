#include "worker/session/worker_session.h"

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net/protocol.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/testing/fake_evaluators.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kCampaign[] = "uid-1";

v1::Job JobOf(int64_t candidate) {
  v1::Job job;
  job.mutable_key()->set_campaign_uid(kCampaign);
  job.mutable_key()->set_kind(v1::JOB_KIND_SEARCH);
  job.mutable_key()->set_candidate(candidate);
  job.set_genome_digest("genome");
  job.set_layout_version(kFileOrder);
  return job;
}

// A coordinator in the same process: one campaign, a list of jobs to lease, and
// faults on request. Threads: safe.
class FakeCoordinator : public WorkerClient {
 public:
  explicit FakeCoordinator(std::string campaign_name = "good")
      : campaign_name_(std::move(campaign_name)) {}

  absl::StatusOr<v1::RegisterResponse> Register(
      const v1::RegisterRequest& request) override {
    absl::MutexLock lock(&mutex_);
    registration_ = request;
    if (!register_status_.ok()) return register_status_;
    ++sessions_;
    joined_ = false;
    v1::RegisterResponse response;
    response.set_session_id(std::to_string(sessions_));
    response.set_worker_timeout_ms(30000);
    return response;
  }

  absl::StatusOr<v1::JoinResponse> Join(
      const v1::JoinRequest& request) override {
    v1::JoinResponse response;
    response.set_campaign_uid(request.campaign_uid());
    response.mutable_spec()->set_name(campaign_name_);
    return response;
  }

  absl::StatusOr<v1::ExchangeResponse> Exchange(
      const v1::ExchangeRequest& request) override {
    absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
    if (!faults_.empty()) {
      const absl::Status fault = faults_.front();
      faults_.pop_front();
      return fault;
    }
    v1::ExchangeResponse response = Answer(request);
    const auto done_waiting = [this] {
      mutex_.AssertHeld();
      return cancelled_ || !jobs_.empty();
    };
    if (request.max_wait_ms() > 0 && response.results().empty() &&
        response.jobs().empty() && response.join().empty()) {
      mutex_.AwaitWithTimeout(absl::Condition(&done_waiting),
                              absl::Milliseconds(request.max_wait_ms()));
      if (cancelled_) {
        cancelled_ = false;
        return absl::CancelledError("cancelled");
      }
      Lease(request, response);
    }
    return response;
  }

  void CancelExchange() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

  // For the test.

  void AddJob(int64_t candidate) {
    absl::MutexLock lock(&mutex_);
    jobs_.push_back(JobOf(candidate));
  }
  void FailNextExchange(const absl::Status& fault) {
    absl::MutexLock lock(&mutex_);
    faults_.push_back(fault);
  }
  void RefuseRegistration(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    register_status_ = status;
  }
  void WithholdAcknowledgements(bool withhold) {
    absl::MutexLock lock(&mutex_);
    acknowledge_ = !withhold;
  }
  void Stop(int64_t candidate) {
    absl::MutexLock lock(&mutex_);
    stop_.push_back(candidate);
  }
  // Blocks until something has been reported of the candidate: its scores, the
  // error of its failure, or "handed back".
  std::string AwaitReport(int64_t candidate) {
    const auto reported = [this, candidate] {
      mutex_.AssertHeld();
      return reports_.contains(candidate);
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&reported));
    return reports_[candidate];
  }
  v1::CampaignReadiness AwaitReadiness() {
    const auto told = [this] {
      mutex_.AssertHeld();
      return readiness_.has_value();
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&told));
    return *readiness_;
  }
  std::vector<v1::ExchangeRequest> requests() {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }
  v1::RegisterRequest registration() {
    absl::MutexLock lock(&mutex_);
    return registration_;
  }
  int sessions() {
    absl::MutexLock lock(&mutex_);
    return sessions_;
  }

 private:
  v1::ExchangeResponse Answer(const v1::ExchangeRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::ExchangeResponse response;
    response.set_call_number(request.call_number());
    response.set_next_call_ms(10);
    if (!joined_) response.add_join(kCampaign);
    joined_ = true;
    for (const auto& readiness : request.readiness()) readiness_ = readiness;
    for (const v1::JobResult& result : request.results()) {
      reports_[result.key().candidate()] = result.chunks(0).scores();
      unacknowledged_.push_back(result.key());
    }
    for (const v1::JobFailure& failure : request.failures()) {
      reports_[failure.key().candidate()] = failure.error();
    }
    for (const v1::JobKey& key : request.hand_backs()) {
      reports_[key.candidate()] = "handed back";
    }
    if (acknowledge_) {
      for (const v1::JobKey& key : unacknowledged_) {
        *response.add_results()->mutable_key() = key;
      }
      unacknowledged_.clear();
    }
    for (const int64_t candidate : stop_) {
      *response.add_stop() = JobOf(candidate).key();
    }
    stop_.clear();
    Lease(request, response);
    return response;
  }

  void Lease(const v1::ExchangeRequest& request, v1::ExchangeResponse& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!readiness_.has_value() || !readiness_->error().empty()) return;
    while (!jobs_.empty() && response.jobs_size() < request.wanted_jobs()) {
      *response.add_jobs() = jobs_.front();
      jobs_.pop_front();
    }
  }

  const std::string campaign_name_;
  absl::Mutex mutex_;
  v1::RegisterRequest registration_ ABSL_GUARDED_BY(mutex_);
  absl::Status register_status_ ABSL_GUARDED_BY(mutex_);
  int sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool joined_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool acknowledge_ ABSL_GUARDED_BY(mutex_) = true;
  std::deque<v1::Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Status> faults_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> stop_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::JobKey> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ExchangeRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::string> reports_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::CampaignReadiness> readiness_ ABSL_GUARDED_BY(mutex_);
};

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
        coordinator, evaluators_, Clock::Monotonic());
    outcome_ =
        std::async(std::launch::async, [this] { return session_->Run(); });
  }
  absl::Status Leave() {
    session_->Drain();
    return outcome_.get();
  }

  FakeCoordinator coordinator_;
  FakeEvaluators evaluators_;
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
