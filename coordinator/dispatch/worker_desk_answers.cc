// WorkerDesk: what an answer holds, and when it is given.
#include <optional>
#include <set>
#include <utility>

#include "coordinator/dispatch/job_key_proto.h"
#include "coordinator/dispatch/worker_desk.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

bool HasContent(const v1::ExchangeResponse& response) {
  return response.results_size() > 0 || response.stop_size() > 0 ||
         response.jobs_size() > 0 || response.join_size() > 0 ||
         response.leave_size() > 0;
}

}  // namespace

void WorkerDesk::Lease(Session& session, int wanted) {
  if (session.draining || wanted < 1 || closed_) return;
  for (const JobKey& key :
       scheduler_.Lease(session.id, wanted, session.last_call)) {
    CampaignEntry* entry = registry_.FindUid(key.campaign_uid);
    if (entry == nullptr) continue;
    absl::StatusOr<v1::Job> job = entry->runner->MakeJob(key);
    if (!job.ok()) {
      scheduler_.Complete(key);
      continue;
    }
    if (job->layout_version() >= 0) {
      AddLayout(session, *entry->runner, job->layout_version());
    }
    entry->runner->NoteLease();
    *session.next.add_jobs() = *std::move(job);
  }
}

void WorkerDesk::AddLayout(Session& session, const CampaignRunner& runner,
                           int64_t version) {
  if (!session.layouts.emplace(runner.uid(), version).second) return;
  absl::StatusOr<v1::ChunkLayout> layout = runner.MakeLayout(version);
  if (layout.ok()) *session.next.add_layouts() = *std::move(layout);
}

void WorkerDesk::AddArchives(Session& session) {
  std::set<std::string> campaigns;
  for (const v1::Job& job : session.next.jobs()) {
    if (job.key().kind() == v1::JOB_KIND_SEARCH) {
      campaigns.insert(job.key().campaign_uid());
    }
  }
  for (const std::string& uid : campaigns) {
    const CampaignEntry* entry = registry_.FindUid(uid);
    if (entry == nullptr) continue;
    const auto sent = session.archives.find(uid);
    std::optional<v1::ArchiveUpdate> update = entry->runner->MakeArchiveUpdate(
        sent == session.archives.end() ? -1 : sent->second);
    if (!update.has_value()) continue;
    session.archives[uid] = update->version();
    *session.next.add_archives() = *std::move(update);
  }
}

bool WorkerDesk::Answer(Session& session, bool due) {
  Waiting& waiting = *session.waiting;
  Invite(session);
  Lease(session, waiting.wanted);
  AddArchives(session);
  if (!due && !HasContent(session.next)) return false;
  session.next.set_call_number(session.last_call);
  session.next.set_next_call_ms(
      absl::ToInt64Milliseconds(options_.worker_timeout / 3));
  session.last_response = std::exchange(session.next, {});
  *waiting.response = *session.last_response;
  const Finish finish = std::move(waiting.finish);
  session.waiting.reset();
  // Later: whoever called this may be walking over the sessions.
  if (session.draining) {
    loop_.Post([this, id = session.id] { Part(id); });
  }
  finish(absl::OkStatus());
  return true;
}

void WorkerDesk::Part(const std::string& session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  Session& session = *found->second;
  if (!session.draining || session.held > 0 || session.untold_results > 0 ||
      session.waiting.has_value() || HasContent(session.next)) {
    return;
  }
  spdlog::info("worker {} has left", session.identity.name());
  if (!scheduler_.RemoveWorker(session.id, RemovalReason::kLeft)
           .requeued.empty()) {
    Wake();
  }
  EndSession(session, absl::OkStatus());
}

void WorkerDesk::Expire(const std::string& session_id, int64_t call) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  Session& session = *found->second;
  if (session.waiting.has_value() && session.last_call == call) {
    Answer(session, true);
  }
}

void WorkerDesk::Wake() {
  if (wake_posted_) return;
  wake_posted_ = true;
  loop_.Post([this] {
    wake_posted_ = false;
    for (auto& [id, session] : sessions_) {
      if (session->waiting.has_value()) Answer(*session, false);
    }
  });
}

}  // namespace merganser
