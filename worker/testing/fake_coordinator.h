// A coordinator in the same process, for tests of the session.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/session/worker_client.h"
#include "worker/tasks/chunk_plan.h"

namespace merganser {

inline constexpr char kCampaign[] = "uid-1";

inline v1::Job JobOf(int64_t candidate) {
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
  explicit FakeCoordinator(const std::string& campaign_name = "good") {
    spec_.set_name(campaign_name);
  }
  explicit FakeCoordinator(v1::CampaignSpec spec) : spec_(std::move(spec)) {}

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
    *response.mutable_spec() = spec_;
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

  void AddJob(int64_t candidate) { AddJob(JobOf(candidate)); }
  void AddJob(v1::Job job) {
    job.mutable_key()->set_campaign_uid(kCampaign);
    absl::MutexLock lock(&mutex_);
    jobs_.push_back(std::move(job));
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
  void Stop(int64_t candidate) { Stop(JobOf(candidate).key()); }
  void Stop(v1::JobKey key) {
    key.set_campaign_uid(kCampaign);
    absl::MutexLock lock(&mutex_);
    stop_.push_back(std::move(key));
  }
  void EndCampaign() {
    absl::MutexLock lock(&mutex_);
    leave_ = true;
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
  v1::JobResult AwaitResult(int64_t candidate) {
    AwaitReport(candidate);
    absl::MutexLock lock(&mutex_);
    return results_[candidate];
  }
  v1::JobFailure AwaitFailure(int64_t candidate) {
    AwaitReport(candidate);
    absl::MutexLock lock(&mutex_);
    return failures_[candidate];
  }
  bool HasReport(int64_t candidate) {
    absl::MutexLock lock(&mutex_);
    return reports_.contains(candidate);
  }
  // Blocks until a further call has come in, and returns it.
  v1::ExchangeRequest AwaitCall() {
    absl::MutexLock lock(&mutex_);
    const size_t known = requests_.size();
    const auto come = [this, known] {
      mutex_.AssertHeld();
      return requests_.size() > known;
    };
    mutex_.Await(absl::Condition(&come));
    return requests_.back();
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
      results_[result.key().candidate()] = result;
      reports_[result.key().candidate()] =
          result.chunks_size() > 0 ? result.chunks(0).scores() : "no chunks";
      unacknowledged_.push_back(result.key());
    }
    for (const v1::JobFailure& failure : request.failures()) {
      failures_[failure.key().candidate()] = failure;
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
    response.mutable_stop()->Assign(stop_.begin(), stop_.end());
    stop_.clear();
    if (leave_) response.add_leave(kCampaign);
    leave_ = false;
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

  v1::CampaignSpec spec_;
  absl::Mutex mutex_;
  v1::RegisterRequest registration_ ABSL_GUARDED_BY(mutex_);
  absl::Status register_status_ ABSL_GUARDED_BY(mutex_);
  int sessions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool joined_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool acknowledge_ ABSL_GUARDED_BY(mutex_) = true;
  std::deque<v1::Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Status> faults_ ABSL_GUARDED_BY(mutex_);
  bool leave_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<v1::JobKey> stop_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::JobKey> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::ExchangeRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, v1::JobResult> results_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, v1::JobFailure> failures_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::string> reports_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::CampaignReadiness> readiness_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
