#include "coordinator/dispatch/worker_desk.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/net/protocol.h"
#include "coordinator/dispatch/job_key_proto.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(500);
constexpr absl::Duration kLongestPoll = absl::Seconds(30);

std::string RandomSessionId() {
  unsigned char bytes[12];
  RAND_bytes(bytes, sizeof(bytes));
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

}  // namespace

WorkerDesk::WorkerDesk(EventLoop& loop, CampaignRegistry& registry,
                       Scheduler& scheduler, const Clock& clock,
                       Options options)
    : loop_(loop),
      registry_(registry),
      scheduler_(scheduler),
      clock_(clock),
      options_(options),
      started_(clock.Now()) {
  TickLater();
}

void WorkerDesk::TickLater() {
  loop_.PostAfter(kTick, [this] {
    Tick();
    TickLater();
  });
}

absl::StatusOr<v1::RegisterResponse> WorkerDesk::Register(
    const v1::RegisterRequest& request, const std::string& peer) {
  if (request.protocol_version() != kProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "protocol_version: this coordinator speaks ", kProtocolVersion,
        ", the worker ", request.protocol_version(),
        "; install the same version of both"));
  }
  if (request.name().empty() || request.incarnation().empty() ||
      request.device().device_class().empty()) {
    return absl::InvalidArgumentError(
        "name, incarnation and device.device_class are required");
  }
  if (request.job_capacity() < 1 || request.job_capacity() > 1024) {
    return absl::InvalidArgumentError(absl::StrCat(
        "job_capacity: expected 1 … 1024; got ", request.job_capacity()));
  }
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    Session& old = *(it++)->second;
    if (old.identity.incarnation() != request.incarnation()) continue;
    // The same process lost its session: what it holds it will say itself.
    if (!scheduler_.RemoveWorker(old.id, RemovalReason::kLeft)
             .requeued.empty()) {
      Wake();
    }
    EndSession(old, absl::NotFoundError("the worker registered again"));
  }
  auto session = std::make_unique<Session>();
  session->id = RandomSessionId();
  session->identity = request;
  session->peer = peer;
  scheduler_.AddWorker(session->id, request.name(), request.job_capacity());
  spdlog::info("worker {} registered: {}, {}", request.name(),
               request.device().name(), request.device().device_class());
  v1::RegisterResponse response;
  response.set_session_id(session->id);
  response.set_worker_timeout_ms(
      absl::ToInt64Milliseconds(options_.worker_timeout));
  sessions_[session->id] = std::move(session);
  return response;
}

absl::StatusOr<v1::JoinResponse> WorkerDesk::Join(
    const v1::JoinRequest& request) {
  const absl::StatusOr<Session*> session = FindSession(request.session_id());
  if (!session.ok()) return session.status();
  scheduler_.Touch((*session)->id);
  const CampaignEntry* entry = registry_.FindUid(request.campaign_uid());
  if (entry == nullptr) {
    return absl::NotFoundError("campaign_uid: there is no such campaign");
  }
  v1::JoinResponse response;
  response.set_campaign_uid(request.campaign_uid());
  *response.mutable_spec() = entry->runner->spec();
  return response;
}

absl::StatusOr<WorkerDesk::Session*> WorkerDesk::FindSession(
    const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) {
    return absl::NotFoundError("session_id: unknown; register again");
  }
  return found->second.get();
}

void WorkerDesk::Exchange(const v1::ExchangeRequest* request,
                          v1::ExchangeResponse* response, Finish finish) {
  const absl::StatusOr<Session*> found = FindSession(request->session_id());
  if (!found.ok()) return finish(found.status());
  Session& session = **found;
  scheduler_.Touch(session.id);
  if (request->call_number() == session.last_call && session.last_call > 0) {
    return Repeat(session, *request, response, std::move(finish));
  }
  if (request->call_number() != session.last_call + 1) {
    return finish(absl::AbortedError(
        absl::StrCat("call_number: expected ", session.last_call + 1, "; got ",
                     request->call_number())));
  }
  session.last_call = request->call_number();
  session.last_response.reset();
  session.draining = request->draining();
  session.held = request->held_size();
  TakeReports(session, *request);
  Reconcile(session, *request);
  const absl::Duration wait =
      std::clamp(absl::Milliseconds(request->max_wait_ms()),
                 absl::ZeroDuration(), kLongestPoll);
  session.waiting = Waiting{response, std::move(finish), request->wanted_jobs(),
                            clock_.Now() + wait};
  if (Answer(session, closed_ || wait == absl::ZeroDuration())) return;
  loop_.PostAfter(wait, [this, id = session.id, call = session.last_call] {
    Expire(id, call);
  });
}

void WorkerDesk::Repeat(Session& session, const v1::ExchangeRequest& request,
                        v1::ExchangeResponse* response, Finish finish) {
  if (session.last_response.has_value()) {
    *response = *session.last_response;
    return finish(absl::OkStatus());
  }
  if (session.waiting.has_value()) {
    // The first copy of the call waits still; its caller has given it up.
    std::swap(session.waiting->finish, finish);
    session.waiting->response = response;
    finish(absl::AbortedError("the call was repeated"));
    // A worker in a hurry repeats its long poll without the wait.
    session.draining = session.draining || request.draining();
    if (request.max_wait_ms() == 0) Answer(session, true);
    return;
  }
  finish(absl::AbortedError("call_number: its answer is gone"));
}

void WorkerDesk::TakeReports(Session& session,
                             const v1::ExchangeRequest& request) {
  std::set<CampaignEntry*> changed;
  for (const v1::CampaignReadiness& readiness : request.readiness()) {
    TakeReadiness(session, readiness);
  }
  for (const v1::JobResult& result : request.results()) {
    TakeResult(session, result, changed);
  }
  for (const v1::JobFailure& failure : request.failures()) {
    if (TakeMissingBlob(session, failure, changed)) continue;
    TakeFailure(session.id, failure.key(), failure.error(), changed);
  }
  for (const v1::JobKey& key : request.hand_backs()) {
    const std::optional<JobKey> job = JobKeyFromProto(key);
    if (!job.has_value()) continue;
    scheduler_.HandBack(session.id, *job);
    // Perhaps for want of its layout: the next lease brings it again.
    ForgetSent(session, key.campaign_uid());
    Wake();
  }
  for (CampaignEntry* entry : changed) registry_.Changed(*entry);
}

void WorkerDesk::TakeReadiness(Session& session,
                               const v1::CampaignReadiness& readiness) {
  const std::string& uid = readiness.campaign_uid();
  CampaignEntry* entry = registry_.FindUid(uid);
  if (entry == nullptr || entry->runner->ended() ||
      !session.invited.contains(uid)) {
    return;
  }
  std::string refusal = readiness.error();
  if (refusal.empty()) {
    const absl::Status probe =
        entry->runner->CheckProbe(readiness.probe_digest());
    refusal = std::string(probe.message());
  }
  if (refusal.empty()) {
    session.refusals.erase(uid);
    session.ready.insert(uid);
    scheduler_.SetReady(session.id, uid, true);
    last_ready_[uid] = clock_.Now();
    registry_.Changed(*entry);
    return;
  }
  spdlog::warn("worker {} cannot serve campaign {}: {}",
               session.identity.name(), entry->runner->name(), refusal);
  session.refusals[uid] = refusal;
  session.rejoin[uid] = clock_.Now() + options_.rejoin_after;
}

void WorkerDesk::TakeResult(Session& session, const v1::JobResult& result,
                            std::set<CampaignEntry*>& changed) {
  ++session.untold_results;
  v1::ResultStatus status;
  *status.mutable_key() = result.key();
  CampaignEntry* entry = registry_.FindUid(result.key().campaign_uid());
  const std::optional<JobKey> job = JobKeyFromProto(result.key());
  if (entry == nullptr && registry_.has_unreadable()) {
    return;  // It may be one of theirs: the worker keeps it.
  }
  if (entry == nullptr || !job.has_value()) {
    status.set_outcome(v1::RESULT_OUTCOME_REDUNDANT);
    Tell(session.id, std::move(status));
    return;
  }
  ResultVerdict verdict;
  if (result.key().kind() == v1::JOB_KIND_MAKE_BLOB && options_.is_stored &&
      !IsStored(result.weights().digest())) {
    verdict = {v1::RESULT_OUTCOME_REFUSED,
               "weights: they were reported and not stored"};
  } else {
    verdict = entry->runner->TakeResult(result);
  }
  status.set_outcome(verdict.outcome);
  status.set_error(verdict.error);
  if (verdict.outcome == v1::RESULT_OUTCOME_CONFLICT) {
    spdlog::warn("{}: worker {} reports other scores than the first ones",
                 job->ToString(), session.identity.name());
  }
  if (verdict.outcome == v1::RESULT_OUTCOME_REFUSED) {
    spdlog::warn("{}: result of worker {} refused: {}", job->ToString(),
                 session.identity.name(), verdict.error);
    TakeFailure(session.id, result.key(),
                absl::StrCat("its result was refused: ", verdict.error),
                changed);
  }
  if (verdict.job_done) scheduler_.Complete(*job);
  ++session.completed;
  changed.insert(entry);
  if (verdict.outcome == v1::RESULT_OUTCOME_REFUSED) {
    // Nothing of it is stored, and the worker must forget it before it is
    // given the job again.
    Tell(session.id, std::move(status));
    return;
  }
  registry_.WhenStored(*entry,
                       [this, id = session.id, status] { Tell(id, status); });
}

void WorkerDesk::TakeFailure(const std::string& session_id,
                             const v1::JobKey& key, const std::string& error,
                             std::set<CampaignEntry*>& changed) {
  CampaignEntry* entry = registry_.FindUid(key.campaign_uid());
  const std::optional<JobKey> job = JobKeyFromProto(key);
  if (entry == nullptr || !job.has_value()) return;
  spdlog::warn("{} failed on a worker: {}", job->ToString(), error);
  const FailureOutcome outcome = scheduler_.Fail(session_id, *job, error);
  if (outcome.effect == FailureEffect::kQuarantined) {
    spdlog::error("{} is given up: {}", job->ToString(), outcome.reason);
    entry->runner->Quarantine(*job, outcome.reason);
  }
  changed.insert(entry);
}

bool WorkerDesk::IsStored(const std::string& digest) const {
  const absl::StatusOr<Digest> parsed = Digest::FromBytes(digest);
  return parsed.ok() && options_.is_stored && options_.is_stored(*parsed);
}

bool WorkerDesk::TakeMissingBlob(const Session& session,
                                 const v1::JobFailure& failure,
                                 std::set<CampaignEntry*>& changed) {
  // Of a blob that is there the worker has a fault of its own to tell.
  if (failure.missing_blob().empty() || IsStored(failure.missing_blob())) {
    return false;
  }
  CampaignEntry* entry = registry_.FindUid(failure.key().campaign_uid());
  const std::optional<JobKey> job = JobKeyFromProto(failure.key());
  if (entry == nullptr || !job.has_value() ||
      !scheduler_.IsLeasedTo(session.id, *job) ||
      !entry->runner->TakeMissingBlob(*job, failure.missing_blob())) {
    return false;
  }
  spdlog::info("{} waits for weights that are not stored to be made again: {}",
               job->ToString(), absl::BytesToHexString(failure.missing_blob()));
  scheduler_.Complete(*job);
  changed.insert(entry);
  return true;
}

void WorkerDesk::Tell(const std::string& session_id, v1::ResultStatus status) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  *found->second->next.add_results() = std::move(status);
  --found->second->untold_results;
  Wake();
}

void WorkerDesk::Reconcile(Session& session,
                           const v1::ExchangeRequest& request) {
  std::vector<HeldJob> held;
  for (const v1::HeldJob& job : request.held()) {
    const std::optional<JobKey> key = JobKeyFromProto(job.key());
    if (key.has_value()) held.push_back({*key, job.executing()});
  }
  const ReconcileResult result =
      scheduler_.Reconcile(session.id, held, request.call_number() - 1);
  if (!result.requeued.empty()) Wake();
  for (const JobKey& key : result.stop) {
    *session.next.add_stop() = JobKeyToProto(key);
  }
}

void WorkerDesk::Close() {
  closed_ = true;
  for (auto& [id, session] : sessions_) {
    if (session->waiting.has_value()) Answer(*session, true);
  }
}

void WorkerDesk::EndSession(Session& session, absl::Status status) {
  if (session.waiting.has_value()) session.waiting->finish(std::move(status));
  sessions_.erase(std::string(session.id));
}

void WorkerDesk::Quarantine(const std::vector<QuarantinedJob>& jobs) {
  for (const QuarantinedJob& job : jobs) {
    spdlog::error("{} is given up: {}", job.job.ToString(), job.reason);
    CampaignEntry* entry = registry_.FindUid(job.job.campaign_uid);
    if (entry == nullptr) continue;
    entry->runner->Quarantine(job.job, job.reason);
    registry_.Changed(*entry);
  }
}

void WorkerDesk::Tick() {
  // A long poll is a sign of life for as long as it may last.
  for (auto& [id, session] : sessions_) {
    if (session->waiting.has_value()) scheduler_.Touch(id);
  }
  const TickResult tick = scheduler_.Tick();
  for (const LostWorker& lost : tick.lost) {
    const auto found = sessions_.find(lost.session);
    if (found == sessions_.end()) continue;
    ++lost_workers_;
    spdlog::warn("worker {} is lost: not heard of for {}", lost.worker_id,
                 absl::FormatDuration(options_.worker_timeout));
    EndSession(*found->second,
               absl::NotFoundError("session_id: timed out; register again"));
  }
  Quarantine(tick.quarantined);
  std::erase_if(last_ready_, [this](const auto& entry) {
    return registry_.FindUid(entry.first) == nullptr;
  });
  for (auto& [uid, time] : last_ready_) {
    for (const auto& [id, session] : sessions_) {
      if (session->ready.contains(uid)) time = clock_.Now();
    }
  }
  for (auto& [id, session] : sessions_) {
    for (auto it = session->rejoin.begin(); it != session->rejoin.end();) {
      if (it->second > clock_.Now()) {
        ++it;
        continue;
      }
      session->invited.erase(it->first);
      session->seen_generation = -1;
      it = session->rejoin.erase(it);
    }
  }
  if (!tick.lost.empty() || !tick.requeued.empty()) Wake();
}

}  // namespace merganser
