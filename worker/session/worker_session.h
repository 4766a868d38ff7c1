// Keeps a worker at work: registers it, takes jobs, has them executed, and
// reports what came of them, until it is told to leave.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/session/job_executor.h"
#include "worker/session/session_book.h"
#include "worker/session/worker_client.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/blobs.h"

namespace merganser {

struct WorkerSessionOptions {
  std::string name;         // shown to the operator
  std::string incarnation;  // random, of this process
  std::string version;      // of the software
  int job_capacity = 16;    // jobs held at once, 1 … 1024
  // How long the executing job may go on, and acknowledgements may take, after
  // Drain().
  absl::Duration grace = absl::Seconds(25);
  int threads = 1;  // for making weights
  // May be empty; for tests of the way back of parked children.
  JobExecutor::ParkAnyway park_anyway;
  WorkerMetrics metrics;
};

// Four threads: Run()'s own exchanges messages, one executes jobs, one reads
// campaigns that are to be joined, one stores weights that jobs made. A
// coordinator that is away is waited for without end.
class WorkerSession {
 public:
  // The references are borrowed.
  WorkerSession(WorkerSessionOptions options, WorkerClient& client,
                Blobs& blobs, EvaluatorFactory& evaluators, const Clock& clock);
  ~WorkerSession();

  // Returns OK once drained, or when the grace period is over. Call it once.
  // Errors: what the coordinator says when it will not have this worker:
  // FailedPrecondition on another protocol version, InvalidArgument on a
  // registration that it does not understand.
  absl::Status Run();

  // Begins to leave: takes no more jobs, hands back those that wait, finishes
  // the one that is executing. Threads: any.
  void Drain();

  // What it is doing, for people. Threads: any.
  struct Status {
    // It has a session, and the coordinator answered its last call.
    bool registered = false;
    SessionBook::Counts jobs;
  };
  Status status();

 private:
  // The exchange thread.
  absl::Status ExchangeUntilDone();
  // False when it is time to leave before there is a session.
  absl::StatusOr<bool> Register();
  // One call and what follows from it. False: wait before the next one.
  bool Exchange();
  bool TakeError(const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Obey(const SessionBook::Orders& orders)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool WaitUntilCallIsDue();
  void WaitBeforeRetry(absl::Duration wait);
  bool TimeToLeave() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::RegisterRequest Registration() const;
  void ReportOutage(const absl::Status& status);
  void ReportRecovery();

  // The executor's thread.
  void ExecuteJobs();

  // The uploading thread.
  void UploadWeights();
  // What other threads signal meanwhile is looked at after it.
  void WaitForRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Store(Upload& upload);

  // The thread that joins campaigns.
  void JoinCampaigns();
  void JoinCampaign(const std::string& campaign_uid);
  absl::StatusOr<v1::CampaignSpec> AskForCampaign(
      const std::string& campaign_uid);

  // Ends the executing job and all uploads before their time.
  void Abandon() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes the exchange thread if it should call earlier than it means to.
  void WakeExchange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndThreads();

  const WorkerSessionOptions options_;
  WorkerClient& client_;
  Blobs& blobs_;
  EvaluatorFactory& evaluators_;
  const Clock& clock_;
  const JobExecutor jobs_;

  absl::Mutex mutex_;
  absl::CondVar exchange_due_;
  absl::CondVar job_queued_;
  absl::CondVar join_ordered_;
  absl::CondVar upload_queued_;
  SessionBook book_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> joins_ ABSL_GUARDED_BY(mutex_);
  // When the exchange thread wakes by itself.
  absl::Time waiting_until_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time drain_start_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // A call is under way that the coordinator may keep waiting.
  bool polling_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  // The last call was answered.
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;

  std::string last_outage_;  // the exchange thread's; empty: all is well
  std::thread executor_;
  std::thread joiner_;
  std::thread uploader_;
};

}  // namespace merganser
