// A worker that speaks the whole protocol and evaluates nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "benchmarks/simulated_scores.h"
#include "grpcpp/client_context.h"
#include "merganser/v1/worker_service.grpc.pb.h"

namespace merganser {

// The layouts that any worker was sent, as patterns of scores.
// Threads: safe.
class PatternBook {
 public:
  using Pointer = std::shared_ptr<const SimulatedScores::Patterns>;

  // Chunks of the whole task, in file order, are known from the beginning.
  explicit PatternBook(int64_t datapoints);

  void Add(const v1::ChunkLayout& layout);
  // Null if no worker was sent it, or too long ago.
  Pointer Find(const std::string& campaign_uid, int64_t version) const;

 private:
  const Pointer file_order_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::map<int64_t, Pointer>> layouts_
      ABSL_GUARDED_BY(mutex_);
};

// What the workers saw.
// Threads: safe.
class LoadStatistics {
 public:
  struct Values {
    std::vector<double> exchange_ms;     // calls with results, no long poll
    std::vector<double> acknowledge_ms;  // from report to acknowledgement
    int64_t calls = 0;                   // with results
    int64_t results = 0;
    int64_t segments = 0;       // of the recipes of the results, summed up
    int64_t not_committed = 0;  // redundant, conflicting or refused
  };

  // What was recorded before is dropped.
  void Begin();
  // Ends the recording.
  Values Take();
  void Exchanged(double milliseconds, int results, int64_t segments);
  void Acknowledged(double milliseconds);
  void NotCommitted();
  // The first one is kept.
  void Fail(const std::string& error);
  std::string error() const;

 private:
  mutable absl::Mutex mutex_;
  bool recording_ ABSL_GUARDED_BY(mutex_) = false;
  Values values_ ABSL_GUARDED_BY(mutex_);
  std::string error_ ABSL_GUARDED_BY(mutex_);
};

class SimulatedWorker;

// What all workers of a load have in common.
struct SimulatedLoad {
  SimulatedLoad(int batch, int64_t datapoints, double good_share,
                std::string gram_bytes)
      : batch(batch),
        gram(std::move(gram_bytes)),
        scores(good_share),
        patterns(datapoints) {}

  const int batch;         // jobs that a worker holds at most
  const std::string gram;  // of the seeds of every campaign
  const SimulatedScores scores;
  PatternBook patterns;
  LoadStatistics statistics;
  // Called when a worker has finished the jobs that it holds; its Report() must
  // follow, now or later.
  std::function<void(SimulatedWorker&)> finished;
  std::atomic<bool> stopping = false;  // no further calls are made
  std::atomic<int> ready = 0;          // campaigns joined, over all workers
  std::atomic<int> calls_under_way = 0;
};

// Register, Join every campaign, then take `batch` jobs, finish them at once,
// report them together, and so on. A call that reports does not wait; a worker
// without jobs polls. After every 16th report a poll follows at once, so that
// the time of the acknowledgement is seen; else it comes with the next answer.
// Threads: Start() and Report() from any, one at a time; gRPC's own for the
// rest. There is at most one call under way.
class SimulatedWorker {
 public:
  // Both are borrowed.
  SimulatedWorker(int index, SimulatedLoad& load,
                  v1::WorkerService::Stub& stub);

  void Start();
  void Report();
  int held() const { return static_cast<int>(jobs_.size()); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  void NewCall();
  // Goes on unless the call failed or the load ends.
  void EndCall(const char* call, const grpc::Status& status,
               absl::FunctionRef<void()> go_on);
  void Join();
  void Joined();
  void Poll(int wanted_jobs, bool at_once);
  void Send();
  void Answered();
  void TakeOutcomes();
  void GoOn();
  bool AddResult(const v1::Job& job);

  const int index_;
  SimulatedLoad& load_;
  v1::WorkerService::Stub& stub_;

  std::optional<grpc::ClientContext> context_;
  v1::RegisterRequest registration_;
  v1::RegisterResponse registered_;
  v1::JoinRequest join_;
  v1::JoinResponse joined_;
  v1::ExchangeRequest request_;
  v1::ExchangeResponse response_;

  int64_t call_number_ = 0;
  int64_t reports_ = 0;
  int64_t segments_ = 0;  // of the recipes of the results of the last report
  Time sent_;
  std::vector<v1::Job> jobs_;  // held and not reported
  std::deque<std::string> to_join_;
  std::vector<v1::CampaignReadiness> readiness_;
  // Reported results whose acknowledgement is waited for.
  std::map<std::pair<std::string, int64_t>, Time> watched_;
};

}  // namespace merganser
