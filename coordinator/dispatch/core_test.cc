// The active coordinator without sockets: registry, desk and scheduler over an
// in-memory store, driven by workers of the test.
#include "coordinator/dispatch/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/simulated_clock.h"
#include "common/net/protocol.h"
#include "coordinator/campaign/testing/fake_spec.h"
#include "coordinator/store/memory_store.h"

namespace merganser {
namespace {

using testing::HasSubstr;

constexpr char kName[] = "test";
constexpr int64_t kEvaluations = 60;

class CoreTest : public testing::Test {
 protected:
  void SetUp() override {
    campaign_ = MakeFakeCampaign(testing::TempDir(), /*window=*/6);
    ASSERT_TRUE(store_.TakeOwnership({}, ++epoch_, "here").ok());
    StartCore();
  }

  void StartCore() {
    Core::Options options;
    options.epoch = epoch_;
    options.desk.worker_timeout = absl::Seconds(10);
    options.on_lost_ownership = [this](const absl::Status&) { lost_.Notify(); };
    auto core = Core::Start(store_, clock_, std::move(options));
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
  }

  // Runs `body` on the loop and waits for it.
  template <typename T>
  T OnLoop(std::function<T()> body) {
    std::promise<T> promise;
    core_->loop().Post([&] { promise.set_value(body()); });
    return promise.get_future().get();
  }

  absl::Status Create(const v1::CampaignSpec& spec,
                      const std::string& request_id = "request") {
    std::promise<absl::Status> promise;
    core_->loop().Post([&] {
      core_->registry().Create(request_id, spec,
                               [&](absl::StatusOr<CampaignEntry*> entry) {
                                 promise.set_value(entry.status());
                               });
    });
    return promise.get_future().get();
  }

  v1::Campaign Campaign() {
    return OnLoop<v1::Campaign>([this] {
      return (*core_->registry().Find(kName))->runner->Snapshot();
    });
  }

  std::string ExpectedDigest() {
    auto schedule = *OrderedSchedule::Create(campaign_.options, campaign_.gram);
    EXPECT_TRUE(schedule.Start(FakeSeedScores(campaign_)).ok());
    while (schedule.applied() < kEvaluations) {
      const Digest genome = schedule.open().front().genome;
      EXPECT_TRUE(
          schedule
              .Apply(schedule.open().front().candidate,
                     FakeScores(genome, schedule.archive().datapoints()))
              .ok());
    }
    return schedule.archive_digest().ToBytes();
  }

  SimulatedClock clock_;
  InMemoryStore store_;
  FakeCampaign campaign_;
  uint64_t epoch_ = 0;
  absl::Notification lost_;
  std::unique_ptr<Core> core_;

  friend class FakeWorker;
};

// Speaks the protocol as a worker must, one call after the other.
class FakeWorker {
 public:
  FakeWorker(CoreTest& test, std::string name,
             std::string device_class = "class")
      : test_(test), name_(std::move(name)), class_(std::move(device_class)) {
    Register();
  }

  void Register() {
    v1::RegisterRequest request;
    request.set_protocol_version(kProtocolVersion);
    request.set_name(name_);
    request.set_incarnation(name_ + "-incarnation");
    request.set_job_capacity(3);
    request.mutable_device()->set_device_class(class_);
    request.mutable_device()->set_capacity(1);
    const auto response = test_.OnLoop<absl::StatusOr<v1::RegisterResponse>>(
        [&] { return test_.core_->desk().Register(request, "peer"); });
    ASSERT_TRUE(response.ok()) << response.status();
    session_ = response->session_id();
    call_ = 0;
  }

  absl::StatusOr<v1::ExchangeResponse> Send(
      const v1::ExchangeRequest& request) {
    v1::ExchangeResponse response;
    std::promise<absl::Status> promise;
    test_.core_->loop().Post([&] {
      test_.core_->desk().Exchange(
          &request, &response,
          [&](absl::Status status) { promise.set_value(status); });
    });
    const absl::Status status = promise.get_future().get();
    if (!status.ok()) return status;
    return response;
  }

  // The next call: reports what was done since the last one. `waits`: a long
  // poll.
  v1::ExchangeRequest NextRequest(bool waits) {
    v1::ExchangeRequest request;
    request.set_session_id(session_);
    request.set_call_number(++call_);
    request.set_wanted_jobs(3 - static_cast<int>(held_.size()));
    request.set_max_wait_ms(waits ? 30'000 : 0);
    for (const v1::Job& job : held_)
      *request.add_held()->mutable_key() = job.key();
    for (const v1::JobResult& result : reports_) {
      *request.add_results() = result;
    }
    reports_.clear();
    for (const v1::JobKey& key : hand_backs_) *request.add_hand_backs() = key;
    hand_backs_.clear();
    for (const std::string& uid : join_) {
      v1::CampaignReadiness& readiness = *request.add_readiness();
      readiness.set_campaign_uid(uid);
      readiness.set_probe_digest("probe");
    }
    join_.clear();
    return request;
  }

  void Take(const v1::ExchangeResponse& response) {
    // As a real worker does, it forgets all of a campaign that it leaves.
    if (response.leave_size() > 0) {
      layouts_.clear();
      held_.clear();
    }
    for (const std::string& uid : response.join()) join_.push_back(uid);
    for (const v1::Job& job : response.jobs()) held_.push_back(job);
    for (const v1::ChunkLayout& layout : response.layouts()) {
      layouts_[layout.version()] = layout;
    }
    for (const v1::ResultStatus& status : response.results()) {
      unacknowledged_.erase(status.key().SerializeAsString());
      outcomes_.push_back(status.outcome());
    }
  }

  // Runs one held job and keeps its result for the next call.
  void Work() {
    if (held_.empty()) return;
    const v1::Job job = held_.front();
    held_.pop_front();
    const auto layout = layouts_.find(job.layout_version());
    if (job.layout_version() >= 0 && layout == layouts_.end()) {
      hand_backs_.push_back(job.key());
      return;
    }
    const v1::JobResult result =
        FakeResult(test_.campaign_, job,
                   layout == layouts_.end() ? nullptr : &layout->second);
    unacknowledged_[job.key().SerializeAsString()] = result;
    reports_.push_back(result);
  }

  // One call without waiting, then one job. False once there is nothing left.
  bool Step() {
    const auto response = Send(NextRequest(false));
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return false;
    Take(*response);
    Work();
    return !held_.empty() || !reports_.empty() || !join_.empty() ||
           response->jobs_size() > 0;
  }

  // After a new registration everything unacknowledged is reported again.
  void ReportAgain() {
    reports_.clear();
    for (const auto& [key, result] : unacknowledged_)
      reports_.push_back(result);
  }

  CoreTest& test_;
  std::string name_;
  std::string class_;
  std::string session_;
  int64_t call_ = 0;
  std::deque<v1::Job> held_;
  std::map<int64_t, v1::ChunkLayout> layouts_;
  std::vector<v1::JobResult> reports_;
  std::vector<v1::JobKey> hand_backs_;
  std::map<std::string, v1::JobResult> unacknowledged_;
  std::vector<std::string> join_;
  std::vector<v1::ResultOutcome> outcomes_;
};

// Lets the workers take turns until the campaign has ended.
void RunToTheEnd(CoreTest& test, std::vector<FakeWorker*> workers,
                 const std::function<bool()>& ended) {
  for (int turn = 0; turn < 100'000 && !ended(); ++turn) {
    workers[turn % workers.size()]->Step();
  }
  (void)test;
}

class CampaignTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    ASSERT_TRUE(Create(FakeSpec(kName, campaign_, kEvaluations)).ok());
  }

  std::function<bool()> Ended() {
    return
        [this] { return Campaign().state() == v1::CAMPAIGN_STATE_COMPLETED; };
  }

  void ExpectTheRightEnd() {
    const v1::Campaign campaign = Campaign();
    EXPECT_EQ(campaign.state(), v1::CAMPAIGN_STATE_COMPLETED);
    EXPECT_EQ(campaign.progress().archive_digest(), ExpectedDigest());
    EXPECT_EQ(campaign.progress().conflicts(), 0);
  }
};

TEST_F(CampaignTest, OneWorkerFinishesIt) {
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, FiveWorkersArriveAtTheSameArchive) {
  FakeWorker a(*this, "a"), b(*this, "b"), c(*this, "c"), d(*this, "d"),
      e(*this, "e");
  RunToTheEnd(*this, {&a, &b, &c, &d, &e}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, ARepeatedCallGetsTheSameAnswer) {
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 3; ++i) worker.Step();
  const v1::ExchangeRequest request = worker.NextRequest(false);
  const auto first = worker.Send(request);
  const auto second = worker.Send(request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  v1::ExchangeRequest stale = request;
  stale.set_call_number(request.call_number() - 1);
  EXPECT_EQ(worker.Send(stale).status().code(), absl::StatusCode::kAborted);
}

TEST_F(CampaignTest, ALongPollRepeatedWithoutWaitingIsAnsweredAtOnce) {
  FakeWorker worker(*this, "a");
  // Nothing to report and no jobs wanted: the poll has nothing to say.
  worker.Step();
  worker.join_.clear();
  v1::ExchangeRequest request = worker.NextRequest(/*waits=*/true);
  request.set_wanted_jobs(0);
  v1::ExchangeResponse first_response;
  std::promise<absl::Status> first;
  core_->loop().Post([&] {
    core_->desk().Exchange(&request, &first_response, [&](absl::Status status) {
      first.set_value(status);
    });
  });
  v1::ExchangeRequest repeat = request;
  repeat.set_max_wait_ms(0);
  EXPECT_TRUE(worker.Send(repeat).ok());
  EXPECT_EQ(first.get_future().get().code(), absl::StatusCode::kAborted);
}

TEST_F(CampaignTest, AnUnknownSessionIsToldToRegister) {
  FakeWorker worker(*this, "a");
  worker.session_ = "nobody";
  EXPECT_EQ(worker.Send(worker.NextRequest(false)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CampaignTest, JobsOfASilentWorkerGoToAnother) {
  FakeWorker silent(*this, "silent");
  FakeWorker other(*this, "other");
  for (int i = 0; i < 8; ++i) silent.Step();
  ASSERT_FALSE(silent.held_.empty());
  clock_.Advance(absl::Seconds(10));
  OnLoop<int>([this] {
    core_->desk().Tick();
    return 0;
  });
  other.Register();
  RunToTheEnd(*this, {&other}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, AWorkerOfAnotherClassIsToldWhyItGetsNothing) {
  FakeWorker first(*this, "first", "fast");
  first.Step();
  FakeWorker second(*this, "second", "slow");
  for (int i = 0; i < 5; ++i) second.Step();
  EXPECT_TRUE(second.held_.empty());
  const auto workers = OnLoop<std::vector<v1::Worker>>(
      [this] { return core_->desk().Workers(); });
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].refusals_size(), 0);
  ASSERT_EQ(workers[1].refusals_size(), 1);
  EXPECT_THAT(workers[1].refusals(0), HasSubstr("device class fast"));
}

TEST_F(CampaignTest, SaysWhenNoWorkerOfItsClassIsLeft) {
  const auto conditions = [this] {
    return OnLoop<std::vector<std::string>>([this] {
      return core_->desk().Conditions(**core_->registry().Find(kName));
    });
  };
  clock_.Advance(absl::Seconds(3) - absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::ElementsAre("no worker is connected"));
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 3; ++i) worker.Step();
  EXPECT_THAT(conditions(), testing::IsEmpty());
  const auto advance_and_tick = [this](absl::Duration by) {
    clock_.Advance(by);
    OnLoop<int>([this] {
      core_->desk().Tick();
      return 0;
    });
  };
  advance_and_tick(absl::Seconds(10));
  clock_.Advance(absl::Seconds(50) - absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::ElementsAre(HasSubstr("for 60 s")));
}

TEST_F(CampaignTest, ALostCommitIsRepeatedAndNothingIsLost) {
  for (const auto fault : {InMemoryStore::CommitFault::kBefore,
                           InMemoryStore::CommitFault::kAfter}) {
    FakeWorker worker(*this, absl::StrCat("w", static_cast<int>(fault)));
    for (int i = 0; i < 10; ++i) worker.Step();
    store_.FailNextCommit(fault);
    for (int i = 0; i < 10; ++i) worker.Step();
  }
  FakeWorker last(*this, "last");
  clock_.Advance(absl::Seconds(10));
  OnLoop<int>([this] {
    core_->desk().Tick();
    return 0;
  });
  last.Register();
  RunToTheEnd(*this, {&last}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, AcknowledgesNothingThatIsNotStored) {
  FakeWorker worker(*this, "a");
  // Until all that was reported is acknowledged, and something else is not
  // reported yet.
  do {
    worker.Step();
  } while (worker.reports_.empty() ||
           worker.unacknowledged_.size() != worker.reports_.size());
  store_.SetUnreachable(true);
  const size_t before = worker.outcomes_.size();
  for (int i = 0; i < 20; ++i) worker.Step();
  EXPECT_EQ(worker.outcomes_.size(), before);
  EXPECT_FALSE(worker.unacknowledged_.empty());
  store_.SetUnreachable(false);
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, EndsWhenAnotherCoordinatorOwnsTheStore) {
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 5; ++i) worker.Step();
  ASSERT_TRUE(store_.TakeOwnership(*store_.ReadOwner(), 77, "there").ok());
  ASSERT_TRUE(store_.Claim(kName, 77).ok());
  for (int i = 0; i < 5; ++i) worker.Step();
  EXPECT_TRUE(lost_.WaitForNotificationWithTimeout(absl::Seconds(30)));
}

TEST_F(CampaignTest, ARestartedCoordinatorTakesUpWhatWorkersHold) {
  FakeWorker worker(*this, "a");
  for (int restart = 0; restart < 4; ++restart) {
    for (int i = 0; i < 12; ++i) worker.Step();
    core_.reset();
    ASSERT_TRUE(
        store_.TakeOwnership(*store_.ReadOwner(), ++epoch_, "here").ok());
    StartCore();
    worker.Register();
    worker.ReportAgain();
  }
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, TheSameRequestGivesTheSameCampaignAnotherIsRefused) {
  const v1::CampaignSpec spec = FakeSpec(kName, campaign_, kEvaluations);
  EXPECT_TRUE(Create(spec, "request").ok());
  EXPECT_EQ(Create(spec, "another").code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(CampaignTest, GoesOnWithTheSameWorkerWhenItsBudgetIsRaised) {
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  // Before the worker has called again.
  const absl::Status extended = OnLoop<absl::Status>([this] {
    CampaignEntry& entry = **core_->registry().Find(kName);
    const absl::Status status = entry.runner->ExtendBudget(kEvaluations + 20);
    core_->registry().Changed(entry);
    return status;
  });
  ASSERT_TRUE(extended.ok());
  RunToTheEnd(*this, {&worker}, Ended());
  EXPECT_EQ(Campaign().progress().evaluations(), kEvaluations + 20);
}

TEST_F(CampaignTest, IsDeletedOnlyAfterItsEnd) {
  const auto remove = [this] {
    std::promise<absl::Status> promise;
    core_->loop().Post([&] {
      core_->registry().Delete(
          kName, [&](absl::Status status) { promise.set_value(status); });
    });
    return promise.get_future().get();
  };
  EXPECT_EQ(remove().code(), absl::StatusCode::kFailedPrecondition);
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  EXPECT_TRUE(remove().ok());
  EXPECT_EQ(remove().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_.ListCampaigns()->empty());
}

TEST_F(CoreTest, RefusesAWorkerOfAnotherProtocolAndNamesBoth) {
  v1::RegisterRequest request;
  request.set_protocol_version(kProtocolVersion + 1);
  const auto response = OnLoop<absl::StatusOr<v1::RegisterResponse>>(
      [&] { return core_->desk().Register(request, "peer"); });
  EXPECT_EQ(response.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(response.status().message()),
              HasSubstr(absl::StrCat(kProtocolVersion + 1)));
}

}  // namespace
}  // namespace merganser
