// A book in the middle of a session, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/session/session_book.h"
#include "worker/testing/fake_evaluators.h"

namespace merganser {

inline constexpr char kCampaign[] = "uid-1";

inline v1::JobKey Key(int64_t candidate,
                      const std::string& campaign = kCampaign) {
  v1::JobKey key;
  key.set_campaign_uid(campaign);
  key.set_kind(v1::JOB_KIND_SEARCH);
  key.set_candidate(candidate);
  return key;
}

inline v1::Job JobOf(int64_t candidate, int64_t layout = kFileOrder) {
  v1::Job job;
  *job.mutable_key() = Key(candidate);
  job.set_layout_version(layout);
  return job;
}

template <typename Items>
std::vector<int64_t> Candidates(const Items& items) {
  std::vector<int64_t> candidates;
  for (const auto& item : items) candidates.push_back(item.key().candidate());
  return candidates;
}

inline std::vector<int64_t> Candidates(
    const google::protobuf::RepeatedPtrField<v1::JobKey>& keys) {
  std::vector<int64_t> candidates;
  for (const v1::JobKey& key : keys) candidates.push_back(key.candidate());
  return candidates;
}

// A book in a session, with one campaign that is ready and told to be.
class SessionBookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Begin("session-1");
    Call([](v1::ExchangeResponse& answer) { answer.add_join(kCampaign); });
    book_.FinishJoin(kCampaign, {.evaluator = Evaluator()},
                     FakeEvaluators::ProbeDigest());
    Call();
  }

  void Begin(const std::string& session) {
    v1::RegisterResponse response;
    response.set_session_id(session);
    response.set_worker_timeout_ms(12000);
    book_.BeginSession(response, now_);
  }

  std::shared_ptr<CampaignEvaluator> Evaluator() {
    return *evaluators_.Create(v1::CampaignSpec());
  }

  // One call, answered at once; returns what was asked.
  v1::ExchangeRequest Call() {
    return Call([](v1::ExchangeResponse&) {});
  }
  template <typename Fill>
  v1::ExchangeRequest Call(Fill fill) {
    v1::ExchangeRequest request = book_.NextRequest(now_);
    v1::ExchangeResponse answer;
    answer.set_call_number(request.call_number());
    answer.set_next_call_ms(1000);
    fill(answer);
    orders_ = book_.TakeAnswer(answer, now_);
    return request;
  }
  v1::ExchangeRequest CallForJobs(const std::vector<v1::Job>& jobs) {
    return Call([&](v1::ExchangeResponse& answer) {
      answer.mutable_jobs()->Assign(jobs.begin(), jobs.end());
    });
  }
  v1::ExchangeRequest CallForOutcome(int64_t candidate,
                                     v1::ResultOutcome outcome) {
    return Call([&](v1::ExchangeResponse& answer) {
      v1::ResultStatus* status = answer.add_results();
      *status->mutable_key() = Key(candidate);
      status->set_outcome(outcome);
      status->set_error("why");
    });
  }

  // Executes the next job and returns its candidate.
  int64_t Execute() {
    const auto running = book_.TakeJob();
    EXPECT_NE(running, nullptr);
    ExecutedJob executed;
    *executed.result.mutable_key() = running->job.key();
    book_.FinishJob(std::move(executed), now_);
    return running->job.key().candidate();
  }

  bool CallIsDue() { return book_.NextCallTime(now_) <= now_; }

  FakeEvaluators evaluators_;
  absl::Time now_ = absl::UnixEpoch();
  MetricRegistry registry_;
  SessionBook book_{{.job_capacity = 4,
                     .longest_result_wait = absl::Milliseconds(5),
                     .longest_poll = absl::Seconds(10),
                     .metrics = WorkerMetrics::Create(registry_)}};
  SessionBook::Orders orders_;
};

}  // namespace merganser
