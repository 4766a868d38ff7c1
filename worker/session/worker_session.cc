#include "worker/session/worker_session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/status_words.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/net/protocol.h"
#include "spdlog/spdlog.h"
#include "worker/session/back_off.h"

namespace merganser {
namespace {

// Before the next upload to a coordinator without room for it.
constexpr absl::Duration kFullStoreWait = absl::Seconds(1);
// Kept of the grace period for the last hand-back and its acknowledgement.
constexpr absl::Duration kFarewell = absl::Seconds(3);
// What a library throws must not end the worker.
template <typename Body>
auto CatchExceptions(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

void LogFailure(const v1::JobKey& key, const absl::Status& status) {
  // Weights that have to be made again are nothing out of the usual.
  const auto level = MissingBlobOf(status).has_value() ? spdlog::level::info
                                                       : spdlog::level::warn;
  spdlog::log(level, "{} of candidate {} of campaign {}: {}",
              v1::JobKind_Name(key.kind()), key.candidate(), key.campaign_uid(),
              StatusWords(status));
}

}  // namespace

WorkerSession::WorkerSession(WorkerSessionOptions options, WorkerClient& client,
                             Blobs& blobs, EvaluatorFactory& evaluators,
                             const Clock& clock)
    : options_(std::move(options)),
      client_(client),
      blobs_(blobs),
      evaluators_(evaluators),
      clock_(clock),
      jobs_(clock, options_.park_anyway),
      book_({.job_capacity = options_.job_capacity,
             .metrics = options_.metrics}) {}

WorkerSession::~WorkerSession() { EndThreads(); }

absl::Status WorkerSession::Run() {
  executor_ = std::thread([this] { ExecuteJobs(); });
  joiner_ = std::thread([this] { JoinCampaigns(); });
  uploader_ = std::thread([this] { UploadWeights(); });
  absl::Status status = ExchangeUntilDone();
  EndThreads();
  return status;
}

void WorkerSession::Drain() {
  absl::MutexLock lock(&mutex_);
  if (book_.draining()) return;
  drain_start_ = clock_.Now();
  book_.Drain();
  if (polling_) client_.CancelExchange();
  exchange_due_.Signal();
}

WorkerSession::Status WorkerSession::status() {
  absl::MutexLock lock(&mutex_);
  return {.registered = book_.in_session() && answered_,
          .jobs = book_.counts()};
}

void WorkerSession::EndThreads() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    Abandon();
    job_queued_.SignalAll();
    join_ordered_.SignalAll();
    upload_queued_.SignalAll();
  }
  if (executor_.joinable()) executor_.join();
  if (joiner_.joinable()) joiner_.join();
  if (uploader_.joinable()) uploader_.join();
}

void WorkerSession::Abandon() {
  book_.AbandonExecuting();
  blobs_.Cancel();
}

absl::Status WorkerSession::ExchangeUntilDone() {
  BackOff back_off;
  while (true) {
    bool in_session = false;
    {
      absl::MutexLock lock(&mutex_);
      in_session = book_.in_session();
    }
    if (!in_session) {
      ASSIGN_OR_RETURN(const bool registered, Register());
      if (!registered) return absl::OkStatus();
    }
    if (!WaitUntilCallIsDue()) return absl::OkStatus();
    if (Exchange()) {
      back_off.Reset();
    } else {
      WaitBeforeRetry(back_off.Next());
    }
  }
}

v1::RegisterRequest WorkerSession::Registration() const {
  v1::RegisterRequest request;
  request.set_protocol_version(kProtocolVersion);
  request.set_name(options_.name);
  request.set_incarnation(options_.incarnation);
  request.set_version(options_.version);
  request.set_job_capacity(options_.job_capacity);
  *request.mutable_device() = evaluators_.Device();
  return request;
}

absl::StatusOr<bool> WorkerSession::Register() {
  const v1::RegisterRequest request = Registration();
  BackOff back_off;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (TimeToLeave()) return false;
    }
    const auto response = client_.Register(request);
    if (response.ok()) {
      ReportRecovery();
      spdlog::info("registered as {} in session {}", options_.name,
                   response->session_id());
      absl::MutexLock lock(&mutex_);
      book_.BeginSession(*response, clock_.Now());
      answered_ = true;
      return true;
    }
    if (absl::IsFailedPrecondition(response.status()) ||
        absl::IsInvalidArgument(response.status())) {
      return response.status();
    }
    ReportOutage(response.status());
    WaitBeforeRetry(back_off.Next());
  }
}

bool WorkerSession::TimeToLeave() {
  if (!book_.draining()) return false;
  const absl::Time now = clock_.Now();
  const absl::Duration farewell = std::min(kFarewell, options_.grace / 4);
  if (now >= drain_start_ + options_.grace - farewell) {
    Abandon();
  }
  if (now >= drain_start_ + options_.grace) {
    spdlog::warn("the grace period is over; {} results are not acknowledged",
                 book_.unacknowledged());
    return true;
  }
  // Without a session, or while the coordinator is away, nothing but results
  // is worth waiting for.
  if (!book_.in_session() || !last_outage_.empty()) {
    return !book_.executing() && book_.unacknowledged() == 0;
  }
  return book_.drained();
}

bool WorkerSession::WaitUntilCallIsDue() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    if (TimeToLeave()) return false;
    const absl::Time now = clock_.Now();
    waiting_until_ = book_.NextCallTime(now);
    if (waiting_until_ <= now) return true;
    absl::Duration wait = waiting_until_ - now;
    if (book_.draining()) wait = std::min(wait, BackOff::kFirst);
    exchange_due_.WaitWithTimeout(&mutex_, wait);
  }
}

void WorkerSession::WaitBeforeRetry(absl::Duration wait) {
  absl::MutexLock lock(&mutex_);
  waiting_until_ = absl::InfinitePast();  // only Drain() interrupts
  const bool draining = book_.draining();
  const absl::Time end = clock_.Now() + wait;
  for (absl::Time now = clock_.Now(); now < end && book_.draining() == draining;
       now = clock_.Now()) {
    exchange_due_.WaitWithTimeout(&mutex_, end - now);
  }
}

bool WorkerSession::Exchange() {
  v1::ExchangeRequest request;
  {
    absl::MutexLock lock(&mutex_);
    request = book_.NextRequest(clock_.Now());
    polling_ = request.max_wait_ms() > 0 && !book_.draining();
  }
  const auto response = client_.Exchange(request);
  absl::MutexLock lock(&mutex_);
  polling_ = false;
  answered_ = response.ok() || absl::IsCancelled(response.status());
  if (!response.ok()) return TakeError(response.status());
  ReportRecovery();
  Obey(book_.TakeAnswer(*response, clock_.Now()));
  return true;
}

bool WorkerSession::TakeError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
      return true;  // ours, to say at once that we leave
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      ReportOutage(status);
      return false;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAborted:
      spdlog::info("the coordinator does not know this session any more: {}",
                   StatusWords(status));
      book_.LoseSession();
      return false;
    default:
      ReportOutage(status);
      book_.LoseSession();
      return false;
  }
}

void WorkerSession::Obey(const SessionBook::Orders& orders) {
  for (const std::string& note : orders.notes) spdlog::warn("{}", note);
  for (const std::string& uid : orders.leave) {
    spdlog::info("campaign {} has ended", uid);
    std::erase(joins_, uid);
  }
  joins_.insert(joins_.end(), orders.join.begin(), orders.join.end());
  if (!orders.join.empty()) join_ordered_.Signal();
  job_queued_.Signal();
}

void WorkerSession::ReportOutage(const absl::Status& status) {
  const std::string outage(absl::StatusCodeToString(status.code()));
  if (outage == last_outage_) return;
  last_outage_ = outage;
  spdlog::warn("the coordinator does not answer; trying on: {}",
               StatusWords(status));
}

void WorkerSession::ReportRecovery() {
  if (last_outage_.empty()) return;
  last_outage_.clear();
  spdlog::info("the coordinator answers again");
}

void WorkerSession::WakeExchange() {
  const absl::Time now = clock_.Now();
  if (book_.draining() || book_.NextCallTime(now) < waiting_until_) {
    exchange_due_.Signal();
  }
}

void WorkerSession::ExecuteJobs() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    std::shared_ptr<RunningJob> running;
    while (!ending_ && (running = book_.TakeJob()) == nullptr) {
      job_queued_.Wait(&mutex_);
    }
    if (ending_) return;
    mutex_.Unlock();
    options_.metrics.wait.Observe(clock_.Now() - running->since);
    auto executed = CatchExceptions([&] { return jobs_.Execute(*running); });
    mutex_.Lock();
    if (!executed.ok() && !running->stop) {
      LogFailure(running->job.key(), executed.status());
    }
    book_.FinishJob(std::move(executed), clock_.Now());
    upload_queued_.Signal();
    WakeExchange();
  }
}

void WorkerSession::UploadWeights() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    std::shared_ptr<Upload> upload;
    while (!ending_ && (upload = book_.TakeUpload()) == nullptr) {
      upload_queued_.Wait(&mutex_);
    }
    if (ending_) return;
    mutex_.Unlock();
    const absl::Status stored = CatchExceptions([&] { return Store(*upload); });
    mutex_.Lock();
    if (!stored.ok() && !upload->dropped) {
      LogFailure(upload->result.key(), Annotate(stored, "storing its weights"));
    }
    if (absl::IsResourceExhausted(stored) &&
        upload->result.key().kind() == v1::JOB_KIND_MAKE_BLOB) {
      // It is handed back and leased again until there is room.
      WaitForRoom();
    }
    book_.FinishUpload(upload, stored, clock_.Now());
    WakeExchange();
  }
}

void WorkerSession::WaitForRoom() {
  const absl::Time end = clock_.Now() + kFullStoreWait;
  for (absl::Time now = clock_.Now(); now < end && !ending_;
       now = clock_.Now()) {
    upload_queued_.WaitWithTimeout(&mutex_, end - now);
  }
}

absl::Status WorkerSession::Store(Upload& upload) {
  return blobs_.Store(upload.weights.digest(), upload.weights.Share());
}

void WorkerSession::JoinCampaigns() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    while (!ending_ && joins_.empty()) join_ordered_.Wait(&mutex_);
    if (ending_) return;
    const std::string uid = joins_.front();
    joins_.pop_front();
    mutex_.Unlock();
    JoinCampaign(uid);
    mutex_.Lock();
    WakeExchange();
  }
}

void WorkerSession::JoinCampaign(const std::string& campaign_uid) {
  const auto spec = AskForCampaign(campaign_uid);
  if (absl::IsNotFound(spec.status())) {
    spdlog::warn("campaign {}: {}", campaign_uid, StatusWords(spec.status()));
    absl::MutexLock lock(&mutex_);
    book_.ForgetJoin(campaign_uid);
    return;
  }
  ServedCampaign served;
  const auto probe = CatchExceptions([&]() -> absl::StatusOr<Digest> {
    RETURN_IF_ERROR(spec.status());
    ASSIGN_OR_RETURN(served.archive, ArchiveMirror::Create(*spec));
    if (KeepsWeights(*spec)) {
      ASSIGN_OR_RETURN(served.weights,
                       CandidateWeights::Create(*spec, blobs_, options_.threads,
                                                options_.metrics));
    }
    ASSIGN_OR_RETURN(served.evaluator, evaluators_.Create(*spec));
    return served.evaluator->Probe();
  });
  if (probe.ok()) {
    spdlog::info("campaign {} ({}) is ready", spec->name(), campaign_uid);
  } else {
    spdlog::error("campaign {} cannot be served: {}", campaign_uid,
                  StatusWords(probe.status()));
  }
  absl::MutexLock lock(&mutex_);
  book_.FinishJoin(campaign_uid, std::move(served), probe);
}

absl::StatusOr<v1::CampaignSpec> WorkerSession::AskForCampaign(
    const std::string& campaign_uid) {
  v1::JoinRequest request;
  request.set_campaign_uid(campaign_uid);
  BackOff back_off;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (ending_) return absl::CancelledError("the worker is leaving");
      request.set_session_id(book_.session_id());
    }
    absl::StatusOr<v1::JoinResponse> response =
        request.session_id().empty()
            ? absl::UnavailableError("between two sessions")
            : client_.Join(request);
    if (response.ok()) return std::move(*response->mutable_spec());
    absl::MutexLock lock(&mutex_);
    const bool session_has_changed = request.session_id() != book_.session_id();
    if (!absl::IsUnavailable(response.status()) &&
        !absl::IsDeadlineExceeded(response.status()) && !session_has_changed) {
      return response.status();
    }
    if (!ending_) join_ordered_.WaitWithTimeout(&mutex_, back_off.Next());
  }
}

}  // namespace merganser
