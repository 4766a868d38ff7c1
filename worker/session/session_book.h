// What a worker holds, what it has told the coordinator, and what it says
// next: the rules of the session, without threads, network or time of its own.
#pragma once

#include <atomic>
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
#include "worker/session/job_id.h"
#include "worker/tasks/evaluator.h"

namespace merganser {

// A job on its way through the executor.
struct RunningJob {
  v1::Job job;
  std::shared_ptr<CampaignEvaluator> evaluator;
  std::shared_ptr<const ChunkOrder> order;  // null: file order
  // Of a child; null: it is evaluated to the end.
  std::shared_ptr<const ArchiveMirror> archive;
  std::atomic<bool> stop = false;  // set: the executor gives it up
  bool dropped = false;            // nobody wants to hear of it
};

struct SessionBookOptions {
  // Jobs held at once, 1 … 1024.
  int job_capacity = 16;
  // A result waits this long for company while the queue is well filled.
  absl::Duration longest_result_wait = absl::Milliseconds(5);
  // Longest wait asked for in a call when there is nothing to do.
  absl::Duration longest_poll = absl::Seconds(10);
};

// The life of a job here:
//
//   answer ─► queued ─► executing ─► outbox ─► reported ─► acknowledged
//                │           │  └──► failure ─► reported
//                └───────────┴─────► hand-back ─► reported
//
// A new session begins with everything in the outbox unreported again.
// Threads: none; WorkerSession guards it.
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

  // The outcome of an order to join: the campaign's evaluator, its archive
  // (null: children are not rejected early) and its probe.
  void FinishJoin(const std::string& campaign_uid,
                  std::shared_ptr<CampaignEvaluator> evaluator,
                  std::shared_ptr<const ArchiveMirror> archive,
                  const absl::StatusOr<Digest>& probe);
  // It could not be asked for; the coordinator will order it again.
  void ForgetJoin(const std::string& campaign_uid);

  // Jobs.

  // The next job to execute, or null. One at a time.
  std::shared_ptr<RunningJob> TakeJob();
  // The outcome of the job that was taken last.
  void FinishJob(absl::StatusOr<v1::JobResult> result, absl::Time now);

  // Leaving.

  // Takes no more jobs and hands back the queued ones.
  void Drain();
  // Gives up the executing job and hands it back.
  void AbandonExecuting();
  bool draining() const { return draining_; }
  bool executing() const { return executing_ != nullptr; }
  // Nothing is left to do or to say.
  bool drained() const;
  // Results that are not acknowledged.
  size_t unacknowledged() const { return outbox_.size(); }

 private:
  struct OutboxEntry {
    v1::JobResult result;
    absl::Time since;
    bool reported = false;  // in this session
  };
  struct Campaign {
    bool joining = true;
    bool asked_for = true;                         // by this session
    std::shared_ptr<CampaignEvaluator> evaluator;  // null: not ready
    std::shared_ptr<const ArchiveMirror> archive;
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
  void TakeOutcomes(const v1::ExchangeResponse& response, Orders& orders);
  void TakeLayouts(const v1::ExchangeResponse& response);
  void TakeArchives(const v1::ExchangeResponse& response, Orders& orders);
  void TakeJobs(const v1::ExchangeResponse& response, Orders& orders);
  void TakeJoins(const v1::ExchangeResponse& response, Orders& orders);
  // Before more is read: what nobody has asked for since the coordinator was
  // restarted may go.
  void ForgetStaleCampaigns();
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
  std::deque<v1::Job> queue_;
  std::shared_ptr<RunningJob> executing_;
  std::map<JobId, OutboxEntry> outbox_;
  std::vector<v1::JobFailure> failures_;
  std::vector<v1::JobKey> hand_backs_;
  std::vector<v1::CampaignReadiness> readiness_;
  bool draining_ = false;
  bool drain_answered_ = false;
};

}  // namespace merganser
