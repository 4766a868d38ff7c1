// What a worker holds, what it has told the coordinator, and what it says
// next: the rules of the session, without threads, network or time of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/digest.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/session/archive_mirror.h"
#include "worker/session/job_executor.h"
#include "worker/session/job_id.h"
#include "worker/session/running_job.h"
#include "worker/session/upload_queue.h"
#include "worker/tasks/evaluator.h"
#include "worker/telemetry/worker_metrics.h"

namespace merganser {

struct SessionBookOptions {
  // Jobs held at once, 1 … 1024.
  int job_capacity = 16;
  // A result waits this long for company while the queue is well filled.
  absl::Duration longest_result_wait = absl::Milliseconds(5);
  // Longest wait asked for in a call when there is nothing to do.
  absl::Duration longest_poll = absl::Seconds(10);
  // Counts what becomes of jobs, and how long results take to be acknowledged.
  WorkerMetrics metrics;
};

// The life of a job here:
//
//   answer ─► queued ─► executing ─► outbox ─► reported ─► acknowledged
//                │           │  │      ▲
//                │           │  ├► upload, of weights that it made
//                │           │  │      ▼
//                │           │  └──► failure ─► reported
//                └───────────┴─────► hand-back ─► reported
//
// An upload may end in a hand-back, too. A new session begins with everything
// in the outbox unreported again. Threads: none; WorkerSession guards it.
class SessionBook {
 public:
  // What an answer asks of the worker beyond the book.
  struct Orders {
    std::vector<std::string> join;   // campaigns to read, in this order
    std::vector<std::string> leave;  // campaigns that have gone
    std::vector<std::string> notes;  // for the log: what was out of the usual
  };

  explicit SessionBook(const SessionBookOptions& options);

  // Calls.

  void BeginSession(const v1::RegisterResponse& response, absl::Time now);
  // The coordinator knows the session no more.
  void LoseSession();
  bool in_session() const { return !session_id_.empty(); }
  const std::string& session_id() const { return session_id_; }

  // When the next call is due, in the past if at once. In a session only.
  absl::Time NextCallTime(absl::Time now) const;
  // The next request; or the last one again, with the same number and content,
  // until it is answered.
  const v1::ExchangeRequest& NextRequest(absl::Time now);
  Orders TakeAnswer(const v1::ExchangeResponse& response, absl::Time now);

  // Campaigns.

  // The outcome of an order to join: what serves the campaign, and its probe.
  void FinishJoin(const std::string& campaign_uid, ServedCampaign served,
                  const absl::StatusOr<Digest>& probe);
  // It could not be asked for; the coordinator will order it again.
  void ForgetJoin(const std::string& campaign_uid);

  // Jobs.

  // The next job to execute, or null. One at a time.
  std::shared_ptr<RunningJob> TakeJob();
  // The outcome of the job that was taken last. With weights, it is held until
  // they are stored.
  void FinishJob(absl::StatusOr<ExecutedJob> executed, absl::Time now);

  // The next result whose weights are to be stored, or null. One at a time.
  std::shared_ptr<Upload> TakeUpload() { return uploads_.Take(); }
  // The outcome of one that was taken. The result names the weights and is
  // reported, stored or not, since they can be made again; except that a
  // MAKE_BLOB job has failed, or goes back if the reason may pass.
  void FinishUpload(const std::shared_ptr<Upload>& upload,
                    const absl::Status& stored, absl::Time now);

  // Leaving.

  // Takes no more jobs and hands back the queued ones.
  void Drain();
  // Gives up the executing job and hands it back.
  void AbandonExecuting();
  bool draining() const { return draining_; }
  bool executing() const { return executing_ != nullptr; }
  // Nothing is left to do or to say.
  bool drained() const;
  // Results that are not acknowledged, those that wait for an upload included.
  size_t unacknowledged() const {
    return outbox_.size() + uploads_.HeldKeys().size();
  }

  // For people.

  struct Counts {
    size_t queued = 0;
    size_t executing = 0;
    size_t uploading = 0;
    size_t unacknowledged = 0;  // without those that wait for an upload
  };
  Counts counts() const {
    return {queue_.size(), executing_ == nullptr ? size_t{0} : size_t{1},
            uploads_.size(), outbox_.size()};
  }

 private:
  struct QueuedJob {
    v1::Job job;
    absl::Time since;
  };
  struct OutboxEntry {
    v1::JobResult result;
    absl::Time since;
    absl::Time ended;       // before its upload
    bool reported = false;  // in this session
  };
  struct Campaign {
    bool joining = true;
    bool asked_for = true;  // by this session
    ServedCampaign served;  // without evaluator: not ready
    Digest probe;
    std::map<int64_t, std::shared_ptr<const ChunkOrder>> layouts;
  };

  bool Idle() const;
  int Held() const;
  absl::Duration HeartbeatInterval() const;
  // How long the next call may wait for something to say.
  absl::Duration LongestWait() const;
  void AddResults(v1::ExchangeRequest& request);
  void AddHeldJobs(v1::ExchangeRequest& request) const;
  void TakeOutcomes(const v1::ExchangeResponse& response, absl::Time now,
                    Orders& orders);
  void TakeLayouts(const v1::ExchangeResponse& response);
  void TakeArchives(const v1::ExchangeResponse& response, Orders& orders);
  void TakeJobs(const v1::ExchangeResponse& response, absl::Time now,
                Orders& orders);
  void Count(const v1::JobKey& key, JobOutcome outcome) const {
    options_.metrics.CountJob(key.kind(), outcome);
  }
  // Gives it back untouched.
  void HandBack(const v1::JobKey& key);
  void TakeJoins(const v1::ExchangeResponse& response, Orders& orders);
  // Before more is read: what nobody has asked for since the coordinator was
  // restarted may go.
  void ForgetStaleCampaigns();
  void Fail(const v1::JobKey& key, const absl::Status& status);
  void StopJob(const JobId& id);
  void Leave(const std::string& campaign_uid, Orders& orders);
  // Empty, or why the job cannot be executed here.
  std::string WhyNot(const v1::Job& job) const;
  void TellReady(const std::string& campaign_uid, const Campaign& campaign);
  void ForgetOldLayouts(const std::string& campaign_uid, Campaign& campaign);

  const SessionBookOptions options_;

  std::string session_id_;
  absl::Duration worker_timeout_ = absl::ZeroDuration();
  int64_t call_number_ = 0;
  std::optional<v1::ExchangeRequest> unanswered_;
  absl::Time call_start_;
  absl::Time last_answer_;
  absl::Time poll_not_before_;
  absl::Duration next_call_ = absl::ZeroDuration();

  std::map<std::string, Campaign> campaigns_;
  std::deque<QueuedJob> queue_;
  std::shared_ptr<RunningJob> executing_;
  UploadQueue uploads_;
  std::map<JobId, OutboxEntry> outbox_;
  std::vector<v1::JobFailure> failures_;
  std::vector<v1::JobKey> hand_backs_;
  std::vector<v1::CampaignReadiness> readiness_;
  bool draining_ = false;
  bool drain_answered_ = false;
};

}  // namespace merganser
