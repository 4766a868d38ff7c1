#include "benchmarks/simulated_worker.h"

#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/net/protocol.h"

namespace merganser {
namespace {

constexpr int64_t kLongPollMs = 2'000;
constexpr int64_t kReportsPerWatchedOne = 16;
constexpr auto kCallTimeout = std::chrono::seconds(60);
// Versions of a layout are 256 results apart, and a window is 4,096 at most.
constexpr size_t kLayoutsKept = 64;

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - start)
      .count();
}

PatternBook::Pointer PatternsOf(std::span<const uint32_t> order) {
  return std::make_shared<const SimulatedScores::Patterns>(
      SimulatedScores::Pack(order));
}

PatternBook::Pointer FileOrderPatterns(int64_t datapoints) {
  std::vector<uint32_t> order(datapoints);
  std::iota(order.begin(), order.end(), 0u);
  return PatternsOf(order);
}

}  // namespace

PatternBook::PatternBook(int64_t datapoints)
    : file_order_(FileOrderPatterns(datapoints)) {}

void PatternBook::Add(const v1::ChunkLayout& layout) {
  if (Find(layout.campaign_uid(), layout.version()) != nullptr) return;
  const auto& order = layout.tasks(0).datapoints();
  Pointer patterns = PatternsOf({order.data(), size_t(order.size())});
  absl::MutexLock lock(&mutex_);
  auto& versions = layouts_[layout.campaign_uid()];
  versions[layout.version()] = std::move(patterns);
  if (versions.size() > kLayoutsKept) versions.erase(versions.begin());
}

PatternBook::Pointer PatternBook::Find(const std::string& campaign_uid,
                                       int64_t version) const {
  if (version < 0) return file_order_;
  absl::MutexLock lock(&mutex_);
  const auto campaign = layouts_.find(campaign_uid);
  if (campaign == layouts_.end()) return nullptr;
  const auto found = campaign->second.find(version);
  return found == campaign->second.end() ? nullptr : found->second;
}

void LoadStatistics::Begin() {
  absl::MutexLock lock(&mutex_);
  values_ = {};
  recording_ = true;
}

LoadStatistics::Values LoadStatistics::Take() {
  absl::MutexLock lock(&mutex_);
  recording_ = false;
  return std::exchange(values_, {});
}

void LoadStatistics::Exchanged(double milliseconds, int results,
                               int64_t segments) {
  absl::MutexLock lock(&mutex_);
  if (!recording_) return;
  values_.exchange_ms.push_back(milliseconds);
  values_.results += results;
  values_.segments += segments;
  ++values_.calls;
}

void LoadStatistics::Acknowledged(double milliseconds) {
  absl::MutexLock lock(&mutex_);
  if (recording_) values_.acknowledge_ms.push_back(milliseconds);
}

void LoadStatistics::NotCommitted() {
  absl::MutexLock lock(&mutex_);
  ++values_.not_committed;
}

void LoadStatistics::Fail(const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (error_.empty()) error_ = error;
}

std::string LoadStatistics::error() const {
  absl::MutexLock lock(&mutex_);
  return error_;
}

SimulatedWorker::SimulatedWorker(int index, SimulatedLoad& load,
                                 v1::WorkerService::Stub& stub)
    : index_(index), load_(load), stub_(stub) {}

void SimulatedWorker::NewCall() {
  context_.emplace();
  context_->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  ++load_.calls_under_way;
}

void SimulatedWorker::EndCall(const char* call, const grpc::Status& status,
                              absl::FunctionRef<void()> go_on) {
  if (!status.ok() && !load_.stopping) {
    load_.statistics.Fail(absl::StrCat(call, " of worker ", index_, ": ",
                                       status.error_message()));
  } else if (!load_.stopping) {
    go_on();
  }
  --load_.calls_under_way;  // last: everything may then be destroyed
}

void SimulatedWorker::Start() {
  registration_.set_protocol_version(kProtocolVersion);
  registration_.set_name(absl::StrCat("simulated-", index_));
  registration_.set_incarnation(registration_.name());
  registration_.set_version("simulated");
  registration_.set_job_capacity(load_.batch);
  v1::Device& device = *registration_.mutable_device();
  device.set_name("none");
  device.set_device_class("simulated");
  device.set_capacity(1);
  NewCall();
  stub_.async()->Register(
      &*context_, &registration_, &registered_, [this](grpc::Status status) {
        EndCall("Register", status, [this] { Poll(load_.batch, false); });
      });
}

void SimulatedWorker::Join() {
  join_.set_session_id(registered_.session_id());
  join_.set_campaign_uid(to_join_.front());
  NewCall();
  stub_.async()->Join(&*context_, &join_, &joined_,
                      [this](grpc::Status status) {
                        EndCall("Join", status, [this] { Joined(); });
                      });
}

void SimulatedWorker::Joined() {
  v1::CampaignReadiness& readiness = readiness_.emplace_back();
  readiness.set_campaign_uid(to_join_.front());
  readiness.set_probe_digest(Sha256("simulated worker").ToBytes());
  to_join_.pop_front();
  GoOn();
}

void SimulatedWorker::Poll(int wanted_jobs, bool at_once) {
  request_.Clear();
  for (const v1::Job& job : jobs_) {
    v1::HeldJob& held = *request_.add_held();
    *held.mutable_key() = job.key();
    held.set_executing(true);
  }
  request_.set_wanted_jobs(wanted_jobs);
  request_.set_max_wait_ms(at_once ? 0 : kLongPollMs);
  load_.ready += static_cast<int>(readiness_.size());
  request_.mutable_readiness()->Assign(readiness_.begin(), readiness_.end());
  readiness_.clear();
  Send();
}

bool SimulatedWorker::AddResult(const v1::Job& job) {
  v1::JobResult& result = *request_.add_results();
  *result.mutable_key() = job.key();
  result.set_genome_digest(job.genome_digest());
  result.set_layout_version(job.layout_version());
  result.set_execution_us(1);
  if (job.key().kind() == v1::JOB_KIND_GRAM) {
    result.set_gram(load_.gram);
    return true;
  }
  for (const v1::ChromosomeRecipe& part : job.recipe().chromosomes()) {
    segments_ += part.starts_size();
  }
  const std::string& uid = job.key().campaign_uid();
  const auto patterns = load_.patterns.Find(uid, job.layout_version());
  if (patterns == nullptr) return false;
  result.add_chunks()->set_scores(load_.scores.Score(
      std::hash<std::string>()(uid), job.key().candidate(), *patterns));
  return true;
}

void SimulatedWorker::Report() {
  request_.Clear();
  segments_ = 0;
  for (const v1::Job& job : jobs_) {
    if (!AddResult(job)) {
      return load_.statistics.Fail("a job came without its layout");
    }
  }
  const bool watch = (++reports_ + index_) % kReportsPerWatchedOne == 0;
  const Time now = std::chrono::steady_clock::now();
  for (const v1::Job& job : jobs_) {
    if (!watch || job.key().kind() != v1::JOB_KIND_SEARCH) continue;
    watched_[{job.key().campaign_uid(), job.key().candidate()}] = now;
  }
  jobs_.clear();
  request_.set_wanted_jobs(load_.batch);
  Send();
}

void SimulatedWorker::Send() {
  request_.set_session_id(registered_.session_id());
  request_.set_call_number(++call_number_);
  sent_ = std::chrono::steady_clock::now();
  NewCall();
  stub_.async()->Exchange(&*context_, &request_, &response_,
                          [this](grpc::Status status) {
                            EndCall("Exchange", status, [this] { Answered(); });
                          });
}

void SimulatedWorker::Answered() {
  if (request_.results_size() > 0) {
    load_.statistics.Exchanged(MillisecondsSince(sent_),
                               request_.results_size(), segments_);
  }
  TakeOutcomes();
  if (response_.stop_size() > 0) {
    load_.statistics.Fail("a job was stopped, which this load does not cause");
  }
  for (const v1::ChunkLayout& layout : response_.layouts()) {
    load_.patterns.Add(layout);
  }
  for (v1::Job& job : *response_.mutable_jobs()) {
    jobs_.push_back(std::move(job));
  }
  to_join_.insert(to_join_.end(), response_.join().begin(),
                  response_.join().end());
  GoOn();
}

void SimulatedWorker::TakeOutcomes() {
  for (const v1::ResultStatus& status : response_.results()) {
    if (status.outcome() != v1::RESULT_OUTCOME_COMMITTED) {
      load_.statistics.NotCommitted();
    }
    const auto watched =
        watched_.find({status.key().campaign_uid(), status.key().candidate()});
    if (watched == watched_.end()) continue;
    load_.statistics.Acknowledged(MillisecondsSince(watched->second));
    watched_.erase(watched);
  }
}

void SimulatedWorker::GoOn() {
  if (!to_join_.empty()) return Join();
  if (!readiness_.empty()) return Poll(load_.batch - held(), true);
  if (jobs_.empty()) return Poll(load_.batch, false);
  if (!watched_.empty()) return Poll(0, false);
  load_.finished(*this);
}

}  // namespace merganser
