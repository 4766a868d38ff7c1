#include "coordinator/dispatch/campaign_registry.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr int64_t kCurvePage = 10'000;
constexpr absl::Duration kFirstRetry = absl::Milliseconds(50);
constexpr absl::Duration kLongestRetry = absl::Seconds(1);

std::string RandomUid() {
  unsigned char bytes[8];
  RAND_bytes(bytes, sizeof(bytes));
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

bool IsRetried(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsUnauthenticated(status) ||
         absl::IsPermissionDenied(status);
}

}  // namespace

absl::Status CampaignRegistry::LoadAll() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   dependencies_.store.ListCampaigns());
  for (const std::string& name : names) {
    const absl::Status status = LoadOne(name);
    if (status.ok()) continue;
    if (IsRetried(status) || absl::IsFailedPrecondition(status)) return status;
    spdlog::error("campaign {} cannot be taken up: {}", name,
                  std::string(status.message()));
    unreadable_[name] = Annotate(
        status, absl::StrCat("campaign ", name, " cannot be taken up"));
  }
  return absl::OkStatus();
}

absl::Status CampaignRegistry::LoadOne(const std::string& name) {
  CampaignStore& store = dependencies_.store;
  RETURN_IF_ERROR(store.Claim(name, dependencies_.epoch).status());
  ASSIGN_OR_RETURN(const StoredCampaign stored, store.Load(name));
  std::vector<std::string> curve;
  while (static_cast<int64_t>(curve.size()) < stored.curve_length) {
    ASSIGN_OR_RETURN(
        const std::vector<std::string> page,
        store.ReadList(name, ListCollection::kCurve,
                       static_cast<int64_t>(curve.size()), kCurvePage));
    if (page.empty()) return absl::DataLossError("the curve is cut off");
    curve.insert(curve.end(), page.begin(), page.end());
  }
  ASSIGN_OR_RETURN(std::unique_ptr<CampaignRunner> runner,
                   CampaignRunner::Restore(stored, curve, dependencies_.clock));
  spdlog::info("campaign {} taken up at revision {} with {} results", name,
               stored.revision, runner->applied());
  Adopt(std::move(runner), stored.revision);
  return absl::OkStatus();
}

void CampaignRegistry::Adopt(std::unique_ptr<CampaignRunner> runner,
                             int64_t revision) {
  const std::string name = runner->name();
  names_[runner->uid()] = name;
  CampaignEntry& entry = entries_[name];
  entry.runner = std::move(runner);
  entry.revision = revision;
  ++generation_;
  Changed(entry);
}

void CampaignRegistry::Create(
    const std::string& request_id, const v1::CampaignSpec& spec,
    std::function<void(absl::StatusOr<CampaignEntry*>)> done) {
  const std::string& name = spec.name();
  const auto existing = entries_.find(name);
  if (existing != entries_.end() &&
      existing->second.runner->request_id() == request_id) {
    return done(&existing->second);
  }
  const auto under_way = creating_.find(name);
  if (under_way != creating_.end() && under_way->second == request_id) {
    return done(absl::UnavailableError(
        absl::StrCat("campaign ", name, " is being created; ask again")));
  }
  if (existing != entries_.end() || unreadable_.contains(name) ||
      under_way != creating_.end()) {
    return done(absl::AlreadyExistsError(absl::StrCat(
        "name: there is a campaign \"", name,
        "\" already; choose another name, or delete that one first")));
  }
  creating_[name] = request_id;
  storage::v1::SpecRecord record;
  record.set_uid(RandomUid());
  record.set_request_id(request_id);
  *record.mutable_spec() = spec;
  record.set_create_time_us(
      absl::ToUnixMicros(dependencies_.clock.CalendarNow()));
  auto runner = CampaignRunner::Create(std::move(record), dependencies_.clock);
  const absl::Status valid =
      runner.ok() ? CheckRoom(**runner) : runner.status();
  if (!valid.ok()) {
    creating_.erase(name);
    return done(valid);
  }
  auto shared =
      std::make_shared<std::unique_ptr<CampaignRunner>>(*std::move(runner));
  const auto batch = std::make_shared<Batch>((*shared)->TakeBatch());
  dependencies_.pool.Post([this, shared, batch, done = std::move(done)] {
    const absl::Status status = CreateUntilKnown((*shared)->name(), *batch);
    dependencies_.loop.Post([this, shared, status, done] {
      FinishCreate(std::move(*shared), status, done);
    });
  });
}

void CampaignRegistry::FinishCreate(
    std::unique_ptr<CampaignRunner> runner, absl::Status status,
    std::function<void(absl::StatusOr<CampaignEntry*>)> done) {
  const std::string name = runner->name();
  creating_.erase(name);
  if (!status.ok()) return done(status);
  spdlog::info("campaign {} created", name);
  Adopt(std::move(runner), 1);
  done(&entries_.at(name));
}

absl::Status CampaignRegistry::CreateUntilKnown(const std::string& name,
                                                const Batch& batch) {
  CampaignStore& store = dependencies_.store;
  absl::Duration delay = kFirstRetry;
  absl::Status status = store.Create(name, dependencies_.epoch, batch);
  while (absl::IsUnavailable(status) && !stopping_) {
    absl::SleepFor(delay);
    delay = std::min(2 * delay, kLongestRetry);
    // The name was free and the store is ours: what is there is this one.
    const absl::Status stored = store.ReadRevision(name).status();
    if (stored.ok()) return stored;
    status = absl::IsNotFound(stored)
                 ? store.Create(name, dependencies_.epoch, batch)
                 : stored;
  }
  return status;
}

void CampaignRegistry::Delete(const std::string& name,
                              std::function<void(absl::Status)> done) {
  if (unreadable_.contains(name)) return StartDelete(name, "", std::move(done));
  const absl::StatusOr<CampaignEntry*> found = Find(name);
  if (!found.ok()) return done(found.status());
  CampaignEntry& entry = **found;
  if (entry.deleting) {
    return done(absl::FailedPreconditionError(
        absl::StrCat("campaign ", name, " is being deleted")));
  }
  if (!entry.runner->ended()) {
    return done(absl::FailedPreconditionError(absl::StrCat(
        "campaign ", name, " has not ended; cancel it before deleting it")));
  }
  if (entry.committing || entry.runner->dirty()) {
    return WhenStored(entry, [this, name, done] { Delete(name, done); });
  }
  entry.deleting = true;
  StartDelete(name, entry.runner->uid(), std::move(done));
}

absl::Status CampaignRegistry::DeleteUntilKnown(const std::string& name) {
  CampaignStore& store = dependencies_.store;
  absl::Duration delay = kFirstRetry;
  absl::Status status = store.Delete(name, dependencies_.epoch);
  while (absl::IsUnavailable(status) && !stopping_) {
    absl::SleepFor(delay);
    delay = std::min(2 * delay, kLongestRetry);
    status = store.Delete(name, dependencies_.epoch);
  }
  // Gone is gone, whichever of several attempts did it.
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

void CampaignRegistry::StartDelete(const std::string& name,
                                   const std::string& uid,
                                   std::function<void(absl::Status)> done) {
  dependencies_.pool.Post([this, name, uid, done = std::move(done)] {
    const absl::Status status = DeleteUntilKnown(name);
    dependencies_.loop.Post([this, name, uid, status, done] {
      const auto found = entries_.find(name);
      const bool ours =
          found != entries_.end() && found->second.runner->uid() == uid;
      if (!status.ok()) {
        if (ours) found->second.deleting = false;
        return done(status);
      }
      unreadable_.erase(name);
      if (ours) {
        dependencies_.scheduler.RemoveCampaign(uid);
        names_.erase(uid);
        entries_.erase(found);
      }
      ++generation_;
      spdlog::info("campaign {} deleted", name);
      dependencies_.on_change();
      done(absl::OkStatus());
    });
  });
}

absl::StatusOr<CampaignEntry*> CampaignRegistry::Find(const std::string& name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return &found->second;
  const auto unreadable = unreadable_.find(name);
  if (unreadable != unreadable_.end()) return unreadable->second;
  return absl::NotFoundError(
      absl::StrCat("there is no campaign \"", name, "\""));
}

CampaignEntry* CampaignRegistry::FindUid(const std::string& uid) {
  const auto name = names_.find(uid);
  return name == names_.end() ? nullptr : &entries_.at(name->second);
}

absl::Status CampaignRegistry::CheckRoom(const CampaignRunner& runner) const {
  const int64_t room = dependencies_.blob_room_bytes;
  if (room == 0 || runner.least_blob_bytes() <= room) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "search.population: the weights of ", runner.spec().search().population(),
      " members and two parents take ", runner.least_blob_bytes(),
      " bytes; this coordinator has room for ", room,
      ", which a larger --blob-gib extends"));
}

void CampaignRegistry::Changed(CampaignEntry& entry) {
  CampaignRunner& runner = *entry.runner;
  Scheduler& scheduler = dependencies_.scheduler;
  for (const JobKey& job : runner.NewJobs()) scheduler.AddJob(job);
  // Behind them: some may have been closed since they came up.
  for (const JobKey& job : runner.ClosedJobs()) scheduler.Complete(job);
  if (!runner.ended()) {
    scheduler.SetPaused(runner.uid(), runner.paused() || !entry.stall.empty());
  }
  if (runner.ended() != entry.ended) {
    entry.ended = runner.ended();
    if (entry.ended) scheduler.RemoveCampaign(runner.uid());
    ++generation_;
    spdlog::info("campaign {}: {}", runner.name(),
                 v1::CampaignState_Name(runner.state()));
  }
  Commit(entry);
  dependencies_.on_change();
}

void CampaignRegistry::WhenStored(CampaignEntry& entry,
                                  std::function<void()> run) {
  if (lost_ownership_) {
    // Never: what is waited for is not stored.
    entry.waiters.push_back({INT64_MAX, std::move(run)});
  } else if (entry.runner->dirty()) {
    entry.waiters.push_back({entry.commits_begun + 1, std::move(run)});
  } else if (entry.committing) {
    entry.waiters.push_back({entry.commits_begun, std::move(run)});
  } else {
    run();
  }
}

bool CampaignRegistry::quiet() const {
  return lost_ownership_ ||
         std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
           return !entry.second.committing && !entry.second.runner->dirty();
         });
}

void CampaignRegistry::Commit(CampaignEntry& entry) {
  if (entry.committing || entry.deleting || lost_ownership_ ||
      !entry.runner->dirty()) {
    return;
  }
  entry.committing = true;
  ++entry.commits_begun;
  const auto batch = std::make_shared<Batch>(entry.runner->TakeBatch());
  dependencies_.pool.Post([this, batch, name = entry.runner->name(),
                           revision = entry.revision] {
    const absl::Status status = CommitUntilKnown(name, revision, *batch);
    dependencies_.loop.Post([this, name, status] { CommitDone(name, status); });
  });
}

absl::Status CampaignRegistry::CommitOnce(const std::string& name,
                                          int64_t revision,
                                          const Batch& batch) {
  const CommitMetrics& metrics = dependencies_.metrics;
  const absl::Time start = dependencies_.clock.Now();
  absl::Status status =
      dependencies_.store.Commit(name, dependencies_.epoch, revision, batch);
  metrics.duration.Observe(dependencies_.clock.Now() - start);
  metrics.batch_size.Observe(
      static_cast<double>(batch.writes.size() + batch.appends.size()));
  if (!status.ok()) metrics.failures.Add();
  return status;
}

absl::Status CampaignRegistry::CommitUntilKnown(const std::string& name,
                                                int64_t revision,
                                                const Batch& batch) {
  CampaignStore& store = dependencies_.store;
  absl::Duration delay = kFirstRetry;
  absl::Status status = CommitOnce(name, revision, batch);
  while (IsRetried(status) && !stopping_) {
    dependencies_.loop.Post(
        [this, name, status] { CommitStalled(name, status); });
    absl::SleepFor(delay);
    delay = std::min(2 * delay, kLongestRetry);
    const absl::StatusOr<int64_t> stored = store.ReadRevision(name);
    if (!stored.ok()) {
      status = stored.status();
      continue;
    }
    if (*stored == revision + 1) {
      // Ours, if the campaign is still ours: epochs never come back.
      status = store.Claim(name, dependencies_.epoch).status();
      if (status.ok()) return status;
      continue;
    }
    status = CommitOnce(name, revision, batch);
  }
  return status;
}

void CampaignRegistry::CommitStalled(const std::string& name,
                                     const absl::Status& status) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  CampaignEntry& entry = found->second;
  if (entry.stall.empty()) {
    spdlog::warn("campaign {}: a commit must be repeated: {}", name,
                 std::string(status.message()));
  }
  entry.stall = absl::StrCat("its state cannot be stored: ", status.message());
  dependencies_.scheduler.SetPaused(entry.runner->uid(), true);
}

void CampaignRegistry::CommitDone(const std::string& name,
                                  absl::Status status) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  CampaignEntry& entry = found->second;
  entry.committing = false;
  if (!status.ok()) {
    const bool first = !std::exchange(lost_ownership_, true);
    if (first && !stopping_) {
      dependencies_.on_lost_ownership(Annotate(status, name));
    }
    return;
  }
  ++entry.revision;
  if (!entry.stall.empty()) {
    spdlog::info("campaign {}: commits succeed again", name);
    entry.stall.clear();
  }
  std::vector<CampaignEntry::Waiter> ready;
  const auto stored = [&entry](const CampaignEntry::Waiter& waiter) {
    return waiter.commit <= entry.commits_begun;
  };
  for (CampaignEntry::Waiter& waiter : entry.waiters) {
    if (stored(waiter)) ready.push_back(std::move(waiter));
  }
  std::erase_if(entry.waiters, stored);
  Changed(entry);
  for (const CampaignEntry::Waiter& waiter : ready) waiter.run();
}

}  // namespace merganser
