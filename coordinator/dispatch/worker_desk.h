// Where workers are served: sessions, results, leases, long polls.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "coordinator/dispatch/campaign_registry.h"
#include "coordinator/dispatch/event_loop.h"
#include "coordinator/scheduler/scheduler.h"
#include "merganser/v1/campaign_service.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Answers the calls of WorkerService; worker_service.proto is its contract.
// Threads: the loop's.
class WorkerDesk {
 public:
  struct Options {
    absl::Duration worker_timeout = absl::Seconds(10);
    // A campaign without a ready worker for so long says so.
    absl::Duration lonely_after = absl::Seconds(60);
    // A coordinator that has just started does not yet miss workers.
    absl::Duration settling_time = absl::Seconds(3);
    // A worker that could not join a campaign is asked again after so long.
    absl::Duration rejoin_after = absl::Seconds(30);
    // Whether a blob is stored; unset: what workers say of blobs is believed.
    std::function<bool(const Digest&)> is_stored;
    // Why campaigns that keep weights may not get on, for people; empty: they
    // have room.
    std::function<std::string()> blob_shortage;
  };
  using Finish = std::function<void(absl::Status)>;

  WorkerDesk(EventLoop& loop, CampaignRegistry& registry, Scheduler& scheduler,
             const Clock& clock, Options options);

  absl::StatusOr<v1::RegisterResponse> Register(
      const v1::RegisterRequest& request, const std::string& peer);
  absl::StatusOr<v1::JoinResponse> Join(const v1::JoinRequest& request);
  // Fills `response` and calls `finish` once, now or when the long poll ends;
  // both pointers live until then.
  void Exchange(const v1::ExchangeRequest* request,
                v1::ExchangeResponse* response, Finish finish);

  // Answers the long polls that have something to say now.
  void Wake();
  // Gives every waiting call an answer, because the process ends.
  void Close();
  // Looks for workers that have gone silent, and for those to ask again. Runs
  // by itself twice a second.
  void Tick();

  // Whether a campaign's children fit some worker that is here; true while none
  // is, or one that does not say how much memory it has.
  // Errors: InvalidArgument with the numbers.
  absl::Status CheckFits(const v1::CampaignSpec& spec) const;

  std::vector<v1::Worker> Workers() const;
  // Each connected worker counts in one of the first four.
  struct WorkerCounts {
    int64_t draining = 0;
    int64_t ready = 0;    // may be given jobs of some campaign
    int64_t refused = 0;  // of none, and some campaign refuses it
    int64_t idle = 0;
    int64_t job_capacity = 0;  // of all together
  };
  WorkerCounts CountWorkers() const;
  // Workers that went silent, since the process began.
  int64_t lost_workers() const { return lost_workers_; }
  // What keeps a campaign from advancing, for people.
  std::vector<std::string> Conditions(const CampaignEntry& entry) const;

 private:
  // A call that waits for something to say.
  struct Waiting {
    v1::ExchangeResponse* response = nullptr;
    Finish finish;
    int wanted = 0;
    absl::Time until;
  };

  struct Session {
    std::string id;
    v1::RegisterRequest identity;
    std::string peer;
    int64_t last_call = 0;
    std::optional<v1::ExchangeResponse> last_response;
    std::optional<Waiting> waiting;
    std::set<std::string> invited;                      // campaign uids
    std::set<std::string> ready;                        // campaign uids
    std::map<std::string, std::string> refusals;        // by campaign uid
    std::map<std::string, absl::Time> rejoin;           // by campaign uid
    std::set<std::pair<std::string, int64_t>> layouts;  // sent
    // Results applied to the archive that was sent last, by campaign uid.
    std::map<std::string, int64_t> archives;
    // Said in the next answer.
    v1::ExchangeResponse next;
    int64_t seen_generation = -1;
    int64_t completed = 0;
    bool draining = false;
    // Jobs that it held at its last call, and results of which it has not been
    // told what became of them: what keeps a draining worker from leaving.
    int held = 0;
    int untold_results = 0;
  };

  absl::StatusOr<Session*> FindSession(const std::string& id);
  void Repeat(Session& session, const v1::ExchangeRequest& request,
              v1::ExchangeResponse* response, Finish finish);
  void TakeReports(Session& session, const v1::ExchangeRequest& request);
  void TakeReadiness(Session& session, const v1::CampaignReadiness& readiness);
  void TakeResult(Session& session, const v1::JobResult& result,
                  std::set<CampaignEntry*>& changed);
  void TakeFailure(const std::string& session_id, const v1::JobKey& key,
                   const std::string& error, std::set<CampaignEntry*>& changed);
  // True if the job failed for want of weights, which are now being made again.
  bool TakeMissingBlob(const Session& session, const v1::JobFailure& failure,
                       std::set<CampaignEntry*>& changed);
  bool IsStored(const std::string& digest) const;
  void Tell(const std::string& session_id, v1::ResultStatus status);
  void Reconcile(Session& session, const v1::ExchangeRequest& request);
  void Invite(Session& session);
  // The session's worker may not have the campaign's layouts and archive any
  // more.
  static void ForgetSent(Session& session, const std::string& uid);
  void Consider(Session& session, CampaignEntry& entry);
  std::string ClassWithMostCapacity() const;
  void Lease(Session& session, int wanted);
  void AddLayout(Session& session, const CampaignRunner& runner,
                 int64_t version);
  // What the jobs of the next answer need to know of their archives.
  void AddArchives(Session& session);
  // Answers if there is something to say or `due`; true if it did.
  bool Answer(Session& session, bool due);
  void Expire(const std::string& session_id, int64_t call);
  // Ends the session of a worker that drains and has had its last answer.
  void Part(const std::string& session_id);
  void Quarantine(const std::vector<QuarantinedJob>& jobs);
  void TickLater();
  void EndSession(Session& session, absl::Status status);

  EventLoop& loop_;
  CampaignRegistry& registry_;
  Scheduler& scheduler_;
  const Clock& clock_;
  const Options options_;
  const absl::Time started_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
  // When a campaign last had a ready worker, by uid.
  std::map<std::string, absl::Time> last_ready_;
  int64_t lost_workers_ = 0;
  bool wake_posted_ = false;
  bool closed_ = false;
};

}  // namespace merganser
