// WorkerDesk: which worker may serve which campaign, and what people see of it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/model_memory.h"
#include "coordinator/dispatch/worker_desk.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr char kAnyClass[] = "any";

// A worker that does not say how much it has takes everything.
bool Fits(int64_t needed, const v1::Device& device) {
  return device.memory_bytes() <= 0 || needed <= device.memory_bytes();
}

}  // namespace

void WorkerDesk::Invite(Session& session) {
  if (session.seen_generation == registry_.generation()) return;
  session.seen_generation = registry_.generation();
  for (auto it = session.invited.begin(); it != session.invited.end();) {
    CampaignEntry* entry = registry_.FindUid(*it);
    if (entry != nullptr && !entry->runner->ended()) {
      // The scheduler forgets who is ready when a campaign ends, and this one
      // may have ended and gone on since the last look.
      if (session.ready.contains(*it)) {
        scheduler_.SetReady(session.id, *it, true);
      }
      ++it;
      continue;
    }
    session.next.add_leave(*it);
    session.ready.erase(*it);
    // The worker forgets the campaign's layouts, too.
    ForgetSent(session, *it);
    scheduler_.SetReady(session.id, *it, false);
    it = session.invited.erase(it);
  }
  std::erase_if(session.refusals, [this](const auto& refusal) {
    const CampaignEntry* entry = registry_.FindUid(refusal.first);
    return entry == nullptr || entry->runner->ended();
  });
  for (const auto& [name, entry] : registry_.entries()) {
    if (entry.runner->ended()) continue;
    if (session.invited.contains(entry.runner->uid())) continue;
    Consider(session, *registry_.FindUid(entry.runner->uid()));
  }
}

void WorkerDesk::ForgetSent(Session& session, const std::string& uid) {
  std::erase_if(session.layouts,
                [&uid](const auto& layout) { return layout.first == uid; });
  session.archives.erase(uid);
}

void WorkerDesk::Consider(Session& session, CampaignEntry& entry) {
  CampaignRunner& runner = *entry.runner;
  if (runner.device_class().empty()) {
    const std::string& wanted = runner.spec().device_class();
    runner.SetDeviceClass(wanted.empty() ? ClassWithMostCapacity() : wanted);
    spdlog::info("campaign {} is served by device class {}", runner.name(),
                 runner.device_class());
    registry_.Changed(entry);
  }
  const std::string& uid = runner.uid();
  const std::string& own = session.identity.device().device_class();
  last_ready_.emplace(uid, clock_.Now());
  if (runner.device_class() != kAnyClass && runner.device_class() != own) {
    session.refusals[uid] =
        absl::StrCat("campaign ", runner.name(), " is served by device class ",
                     runner.device_class(), ", not by ", own,
                     "; device_class: any in its file would allow both");
    return;
  }
  const absl::StatusOr<int64_t> needed = ChildMemoryBytes(runner.spec());
  if (needed.ok() && !Fits(*needed, session.identity.device())) {
    session.refusals[uid] = absl::StrCat(
        "a child of campaign ", runner.name(), " takes ", MemoryText(*needed),
        "; this worker's ", session.identity.device().name(), " has ",
        MemoryText(session.identity.device().memory_bytes()));
    return;
  }
  session.invited.insert(uid);
  session.next.add_join(uid);
}

absl::Status WorkerDesk::CheckFits(const v1::CampaignSpec& spec) const {
  ASSIGN_OR_RETURN(const int64_t needed, ChildMemoryBytes(spec));
  int64_t most = 0;
  for (const auto& [id, session] : sessions_) {
    const v1::Device& device = session->identity.device();
    if (Fits(needed, device)) return absl::OkStatus();
    most = std::max(most, device.memory_bytes());
  }
  if (sessions_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "model: a child takes ", MemoryText(needed), " in ",
      spec.model().compute_dtype().empty() ? "float32"
                                           : spec.model().compute_dtype(),
      "; the worker with most memory, of ", sessions_.size(), ", has ",
      MemoryText(most)));
}

std::string WorkerDesk::ClassWithMostCapacity() const {
  std::map<std::string, int64_t> capacity;
  for (const auto& [id, session] : sessions_) {
    const v1::Device& device = session->identity.device();
    capacity[device.device_class()] += std::max(1, device.capacity());
  }
  std::string best;
  int64_t most = 0;
  for (const auto& [device_class, sum] : capacity) {
    if (sum > most) {
      most = sum;
      best = device_class;
    }
  }
  return best;
}

std::vector<v1::Worker> WorkerDesk::Workers() const {
  std::vector<v1::Worker> workers;
  for (const WorkerSnapshot& snapshot : scheduler_.Workers()) {
    const auto found = sessions_.find(snapshot.session);
    if (found == sessions_.end()) continue;
    const Session& session = *found->second;
    v1::Worker worker;
    worker.set_name(session.identity.name());
    worker.set_session_id(session.id);
    worker.set_device_class(session.identity.device().device_class());
    worker.set_version(session.identity.version());
    worker.set_peer(session.peer);
    worker.set_leased_jobs(static_cast<int>(snapshot.leased.size()));
    worker.set_executing_jobs(static_cast<int>(snapshot.executing.size()));
    worker.set_silent_seconds(
        absl::ToDoubleSeconds(clock_.Now() - snapshot.last_heard));
    worker.set_completed_jobs(session.completed);
    worker.set_draining(session.draining);
    for (const auto& [uid, refusal] : session.refusals) {
      if (registry_.FindUid(uid) != nullptr) worker.add_refusals(refusal);
    }
    workers.push_back(std::move(worker));
  }
  std::sort(workers.begin(), workers.end(),
            [](const v1::Worker& a, const v1::Worker& b) {
              return std::pair(a.name(), a.session_id()) <
                     std::pair(b.name(), b.session_id());
            });
  return workers;
}

WorkerDesk::WorkerCounts WorkerDesk::CountWorkers() const {
  const auto under_way = [this](const std::string& uid) {
    const CampaignEntry* entry = registry_.FindUid(uid);
    return entry != nullptr && !entry->runner->ended();
  };
  WorkerCounts counts;
  for (const auto& [id, session] : sessions_) {
    counts.job_capacity += session->identity.job_capacity();
    if (session->draining) {
      ++counts.draining;
    } else if (std::any_of(session->ready.begin(), session->ready.end(),
                           under_way)) {
      ++counts.ready;
    } else if (std::any_of(session->refusals.begin(), session->refusals.end(),
                           [&](const auto& refusal) {
                             return under_way(refusal.first);
                           })) {
      ++counts.refused;
    } else {
      ++counts.idle;
    }
  }
  return counts;
}

std::vector<std::string> WorkerDesk::Conditions(
    const CampaignEntry& entry) const {
  std::vector<std::string> conditions;
  const CampaignRunner& runner = *entry.runner;
  if (runner.ended()) return conditions;
  if (!entry.stall.empty()) conditions.push_back(entry.stall);
  if (runner.paused()) return conditions;
  if (runner.keeps_weights() && options_.blob_shortage) {
    std::string shortage = options_.blob_shortage();
    if (!shortage.empty()) conditions.push_back(std::move(shortage));
  }
  std::set<std::string> refusals;
  for (const auto& [id, session] : sessions_) {
    if (session->ready.contains(runner.uid())) return conditions;
    const auto refusal = session->refusals.find(runner.uid());
    if (refusal != session->refusals.end()) refusals.insert(refusal->second);
  }
  for (const std::string& refusal : refusals) {
    conditions.push_back(absl::StrCat("a worker cannot serve it: ", refusal));
  }
  if (!refusals.empty()) return conditions;
  const auto last = last_ready_.find(runner.uid());
  if (last == last_ready_.end()) {
    if (clock_.Now() - started_ >= options_.settling_time) {
      conditions.push_back("no worker is connected");
    }
  } else if (clock_.Now() - last->second >= options_.lonely_after) {
    conditions.push_back(absl::StrCat(
        "no worker of device class ", runner.device_class(), " for ",
        absl::ToInt64Seconds(clock_.Now() - last->second), " s"));
  }
  return conditions;
}

}  // namespace merganser
