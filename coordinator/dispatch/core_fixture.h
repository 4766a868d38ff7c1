// The active coordinator without sockets, for tests: registry, desk and
// scheduler over an in-memory store, driven by workers of the test.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/base/simulated_clock.h"
#include "common/net/protocol.h"
#include "coordinator/campaign/testing/fake_spec.h"
#include "coordinator/dispatch/core.h"
#include "coordinator/store/memory_store.h"

namespace merganser {

inline constexpr char kName[] = "test";  // of the campaign
inline constexpr int64_t kEvaluations = 60;

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
    options.blobs = blobs_.get();
    options.on_lost_ownership = [this](const absl::Status&) { lost_.Notify(); };
    auto core = Core::Start(store_, clock_, std::move(options));
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
  }

  // The workers that the desk lists.
  std::vector<v1::Worker> Workers() {
    return OnLoop<std::vector<v1::Worker>>(
        [this] { return core_->desk().Workers(); });
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
    EXPECT_TRUE(
        schedule.Start(FakeSeedScores(campaign_), FakeSeedWeights(campaign_))
            .ok());
    while (schedule.applied() < kEvaluations) {
      const Digest genome = schedule.open().front().genome;
      EXPECT_TRUE(
          schedule
              .Apply(schedule.open().front().candidate,
                     FakeScores(genome, schedule.archive().datapoints()),
                     FakeWeights(genome))
              .ok());
    }
    return schedule.archive_digest().ToBytes();
  }

  SimulatedClock clock_;
  InMemoryStore store_;
  std::unique_ptr<BlobStore> blobs_;  // null: none are kept
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
             std::string device_class = "class", int64_t memory_bytes = 0)
      : test_(test),
        name_(std::move(name)),
        class_(std::move(device_class)),
        memory_bytes_(memory_bytes) {
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
    request.mutable_device()->set_memory_bytes(memory_bytes_);
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
    request.set_draining(draining_);
    request.set_wanted_jobs(draining_ ? 0 : 3 - static_cast<int>(held_.size()));
    request.set_max_wait_ms(waits ? 30'000 : 0);
    for (const v1::Job& job : held_)
      *request.add_held()->mutable_key() = job.key();
    for (const v1::JobResult& result : reports_) {
      *request.add_results() = result;
    }
    reports_.clear();
    for (const v1::JobKey& key : hand_backs_) *request.add_hand_backs() = key;
    hand_backs_.clear();
    for (v1::JobFailure& failure : failures_) {
      *request.add_failures() = std::move(failure);
    }
    failures_.clear();
    for (const std::string& uid : join_) {
      v1::CampaignReadiness& readiness = *request.add_readiness();
      readiness.set_campaign_uid(uid);
      readiness.set_probe_digest("probe");
      readiness.set_error(join_error_);
      readiness.set_passing(join_error_passes_);
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
    for (const v1::ArchiveUpdate& update : response.archives()) {
      EXPECT_GT(response.jobs_size(), 0) << "archives travel with jobs";
      archives_.push_back(update);
    }
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
    if (FailForWantOfBlobs(job)) return;
    const v1::JobResult result =
        FakeResult(test_.campaign_, job,
                   layout == layouts_.end() ? nullptr : &layout->second);
    if (result.has_weights() && test_.blobs_ != nullptr) {
      const Digest genome = *Digest::FromBytes(job.genome_digest());
      EXPECT_EQ(test_.blobs_->Put(FakeBlob(genome))->ToBytes(),
                result.weights().digest());
    }
    unacknowledged_[job.key().SerializeAsString()] = result;
    reports_.push_back(result);
  }

  // Fails the job if weights that it needs are not stored.
  bool FailForWantOfBlobs(const v1::Job& job) {
    if (test_.blobs_ == nullptr) return false;
    for (const v1::WeightsRef& needed :
         {job.offspring().parent_a(), job.offspring().parent_b(),
          job.weights()}) {
      if (needed.digest().empty() ||
          test_.blobs_->Has(*Digest::FromBytes(needed.digest()))) {
        continue;
      }
      v1::JobFailure& failure = failures_.emplace_back();
      *failure.mutable_key() = job.key();
      failure.set_error("weights are missing");
      failure.set_missing_blob(needed.digest());
      ++missing_;
      return true;
    }
    return false;
  }

  // One call without waiting, then one job. False once there is nothing left.
  bool Step() {
    const auto response = Send(NextRequest(false));
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return false;
    Take(*response);
    Work();
    return !held_.empty() || !reports_.empty() || !join_.empty() ||
           !failures_.empty() || response->jobs_size() > 0;
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
  int64_t memory_bytes_;
  std::string session_;
  int64_t call_ = 0;
  bool draining_ = false;
  std::deque<v1::Job> held_;
  std::map<int64_t, v1::ChunkLayout> layouts_;
  std::vector<v1::JobResult> reports_;
  std::vector<v1::JobKey> hand_backs_;
  std::vector<v1::JobFailure> failures_;
  int missing_ = 0;  // failures for want of weights
  std::map<std::string, v1::JobResult> unacknowledged_;
  std::vector<std::string> join_;
  std::string join_error_;  // why it serves nothing; empty: it does
  bool join_error_passes_ = false;
  std::vector<v1::ResultOutcome> outcomes_;
  std::vector<v1::ArchiveUpdate> archives_;
};

// Lets the workers take turns until the campaign has ended.
inline void RunToTheEnd(CoreTest& test, std::vector<FakeWorker*> workers,
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

}  // namespace merganser
