#include "worker/session/session_book.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/net/limits.h"

namespace merganser {
namespace {

// Results of one call; the rest goes with the next one.
constexpr size_t kResultBytesPerCall = kMaximumMessageBytes / 2;
// An empty answer that came sooner is not asked for again before it.
constexpr absl::Duration kShortestPoll = absl::Milliseconds(50);
// Wait for acknowledgements in a last call.
constexpr absl::Duration kFarewellPoll = absl::Milliseconds(500);
constexpr absl::Duration kDefaultWorkerTimeout = absl::Seconds(30);

bool IsEmpty(const v1::ExchangeRequest& request) {
  return request.results().empty() && request.failures().empty() &&
         request.hand_backs().empty() && request.readiness().empty();
}

bool IsEmpty(const v1::ExchangeResponse& response) {
  return response.results().empty() && response.stop().empty() &&
         response.jobs().empty() && response.join().empty() &&
         response.leave().empty();
}

std::string Describe(const v1::JobKey& key) {
  return absl::StrCat(v1::JobKind_Name(key.kind()), " of candidate ",
                      key.candidate(), " of campaign ", key.campaign_uid());
}

}  // namespace

SessionBook::SessionBook(const SessionBookOptions& options)
    : options_(options) {}

void SessionBook::BeginSession(const v1::RegisterResponse& response,
                               absl::Time now) {
  session_id_ = response.session_id();
  worker_timeout_ = response.worker_timeout_ms() > 0
                        ? absl::Milliseconds(response.worker_timeout_ms())
                        : kDefaultWorkerTimeout;
  call_number_ = 0;
  last_answer_ = absl::InfinitePast();  // the first call is due at once
  poll_not_before_ = absl::InfinitePast();
  next_call_ = absl::ZeroDuration();
  call_start_ = now;
}

void SessionBook::LoseSession() {
  session_id_.clear();
  if (unanswered_.has_value()) {
    failures_.insert(failures_.begin(), unanswered_->failures().begin(),
                     unanswered_->failures().end());
    unanswered_.reset();
  }
  for (auto& [id, entry] : outbox_) entry.reported = false;
  // Jobs that were handed back are not held, which tells as much; campaigns
  // are told about when the new session asks for them.
  hand_backs_.clear();
  readiness_.clear();
  for (auto& [uid, campaign] : campaigns_) campaign.asked_for = false;
  drain_answered_ = false;
}

bool SessionBook::Idle() const {
  if (!queue_.empty() || executing_ != nullptr || uploads_.size() > 0) {
    return false;
  }
  return draining_ ||
         std::none_of(campaigns_.begin(), campaigns_.end(),
                      [](const auto& entry) { return entry.second.joining; });
}

int SessionBook::Held() const {
  const auto unreported =
      std::count_if(outbox_.begin(), outbox_.end(),
                    [](const auto& entry) { return !entry.second.reported; });
  return static_cast<int>(queue_.size()) + (executing_ == nullptr ? 0 : 1) +
         static_cast<int>(uploads_.size()) + static_cast<int>(unreported);
}

absl::Duration SessionBook::HeartbeatInterval() const {
  const absl::Duration longest = worker_timeout_ / 3;
  return next_call_ > absl::ZeroDuration() ? std::min(next_call_, longest)
                                           : longest;
}

absl::Time SessionBook::NextCallTime(absl::Time now) const {
  if (unanswered_.has_value()) return now;
  if (!readiness_.empty() || !failures_.empty() || !hand_backs_.empty() ||
      (draining_ && !drain_answered_)) {
    return now;
  }
  if (Idle() && !drained()) return poll_not_before_;
  absl::Time due = last_answer_ + HeartbeatInterval();
  const bool queue_is_low =
      static_cast<int>(queue_.size()) * 2 <= options_.job_capacity;
  for (const auto& [id, entry] : outbox_) {
    if (entry.reported) continue;
    if (queue_is_low || draining_) return now;
    due = std::min(due, entry.since + options_.longest_result_wait);
  }
  return due;
}

const v1::ExchangeRequest& SessionBook::NextRequest(absl::Time now) {
  if (unanswered_.has_value()) {
    if (draining_) unanswered_->set_max_wait_ms(0);  // a hint, no content
    return *unanswered_;
  }
  v1::ExchangeRequest& request = unanswered_.emplace();
  request.set_session_id(session_id_);
  request.set_call_number(++call_number_);
  AddResults(request);
  request.mutable_failures()->Assign(failures_.begin(), failures_.end());
  request.mutable_hand_backs()->Assign(hand_backs_.begin(), hand_backs_.end());
  request.mutable_readiness()->Assign(readiness_.begin(), readiness_.end());
  failures_.clear();
  hand_backs_.clear();
  readiness_.clear();
  AddHeldJobs(request);
  request.set_draining(draining_);
  if (!draining_) {
    request.set_wanted_jobs(std::max(0, options_.job_capacity - Held()));
  }
  request.set_max_wait_ms(absl::ToInt64Milliseconds(LongestWait()));
  call_start_ = now;
  return request;
}

absl::Duration SessionBook::LongestWait() const {
  if (!Idle()) return absl::ZeroDuration();
  if (!draining_) return std::min(options_.longest_poll, worker_timeout_ / 4);
  return outbox_.empty() ? absl::ZeroDuration() : kFarewellPoll;
}

void SessionBook::AddResults(v1::ExchangeRequest& request) {
  size_t size_bytes = 0;
  for (auto& [id, entry] : outbox_) {
    if (entry.reported) continue;
    const size_t result_bytes = entry.result.ByteSizeLong();
    if (size_bytes > 0 && size_bytes + result_bytes > kResultBytesPerCall) {
      break;
    }
    size_bytes += result_bytes;
    *request.add_results() = entry.result;
    entry.reported = true;
  }
}

void SessionBook::AddHeldJobs(v1::ExchangeRequest& request) const {
  if (executing_ != nullptr && !executing_->dropped) {
    v1::HeldJob* held = request.add_held();
    *held->mutable_key() = executing_->job.key();
    held->set_executing(true);
  }
  for (const QueuedJob& queued : queue_) {
    *request.add_held()->mutable_key() = queued.job.key();
  }
  for (const v1::JobKey& key : uploads_.HeldKeys()) {
    *request.add_held()->mutable_key() = key;
  }
  for (const auto& [id, entry] : outbox_) {
    if (!entry.reported) {
      *request.add_held()->mutable_key() = entry.result.key();
    }
  }
}

SessionBook::Orders SessionBook::TakeAnswer(
    const v1::ExchangeResponse& response, absl::Time now) {
  Orders orders;
  if (!unanswered_.has_value()) return orders;
  const bool idle_poll = unanswered_->max_wait_ms() > 0 &&
                         IsEmpty(*unanswered_) && IsEmpty(response);
  poll_not_before_ =
      idle_poll ? call_start_ + kShortestPoll : absl::InfinitePast();
  drain_answered_ = drain_answered_ || unanswered_->draining();
  unanswered_.reset();
  last_answer_ = now;
  next_call_ = absl::Milliseconds(response.next_call_ms());
  TakeOutcomes(response, now, orders);
  for (const v1::JobKey& key : response.stop()) StopJob(IdOf(key));
  for (const std::string& uid : response.leave()) Leave(uid, orders);
  TakeJoins(response, orders);
  TakeLayouts(response);
  TakeArchives(response, orders);
  TakeJobs(response, now, orders);
  for (auto& [uid, campaign] : campaigns_) ForgetOldLayouts(uid, campaign);
  return orders;
}

void SessionBook::TakeOutcomes(const v1::ExchangeResponse& response,
                               absl::Time now, Orders& orders) {
  for (const v1::ResultStatus& status : response.results()) {
    if (const auto entry = outbox_.extract(IdOf(status.key()))) {
      options_.metrics.report.Observe(now - entry.mapped().ended);
    }
    if (status.outcome() == v1::RESULT_OUTCOME_CONFLICT) {
      orders.notes.push_back(
          absl::StrCat(Describe(status.key()),
                       ": reported before with other scores, which stand"));
    } else if (status.outcome() == v1::RESULT_OUTCOME_REFUSED) {
      orders.notes.push_back(
          absl::StrCat(Describe(status.key()), ": refused: ", status.error()));
    }
  }
}

void SessionBook::TakeJobs(const v1::ExchangeResponse& response, absl::Time now,
                           Orders& orders) {
  for (const v1::Job& job : response.jobs()) {
    const JobId id = IdOf(job.key());
    if (const auto entry = outbox_.find(id); entry != outbox_.end()) {
      entry->second.reported = false;  // it is done; only the news was lost
      continue;
    }
    const bool queued = std::any_of(
        queue_.begin(), queue_.end(),
        [&](const QueuedJob& other) { return IdOf(other.job.key()) == id; });
    const bool running = executing_ != nullptr && !executing_->dropped &&
                         IdOf(executing_->job.key()) == id;
    if (queued || running || uploads_.Holds(id)) continue;
    const std::string reason = WhyNot(job);
    if (!reason.empty()) {
      orders.notes.push_back(
          absl::StrCat(Describe(job.key()), ": handed back: ", reason));
    }
    if (draining_ || !reason.empty()) {
      HandBack(job.key());
    } else if (job.urgent()) {
      queue_.push_front({job, now});
    } else {
      queue_.push_back({job, now});
    }
  }
}

std::string SessionBook::WhyNot(const v1::Job& job) const {
  const auto campaign = campaigns_.find(job.key().campaign_uid());
  if (campaign == campaigns_.end() ||
      campaign->second.served.evaluator == nullptr) {
    return "the campaign is not ready here";
  }
  if (job.key().kind() == v1::JOB_KIND_SEARCH &&
      job.layout_version() != kFileOrder &&
      !campaign->second.layouts.contains(job.layout_version())) {
    return absl::StrCat("layout ", job.layout_version(),
                        " was not sent in this session");
  }
  return "";
}

void SessionBook::StopJob(const JobId& id) {
  std::erase_if(queue_, [&](const QueuedJob& queued) {
    const bool stopped = IdOf(queued.job.key()) == id;
    if (stopped) Count(queued.job.key(), JobOutcome::kStopped);
    return stopped;
  });
  if (executing_ != nullptr && IdOf(executing_->job.key()) == id) {
    executing_->dropped = true;
    executing_->stop = true;
  }
  uploads_.Drop(id);
  outbox_.erase(id);
}

void SessionBook::Leave(const std::string& campaign_uid, Orders& orders) {
  std::erase_if(queue_, [&](const QueuedJob& queued) {
    const v1::JobKey& key = queued.job.key();
    const bool stopped = key.campaign_uid() == campaign_uid;
    if (stopped) Count(key, JobOutcome::kStopped);
    return stopped;
  });
  std::erase_if(outbox_, [&](const auto& entry) {
    return entry.first.campaign_uid == campaign_uid;
  });
  uploads_.DropCampaign(campaign_uid);
  std::erase_if(readiness_, [&](const v1::CampaignReadiness& readiness) {
    return readiness.campaign_uid() == campaign_uid;
  });
  if (executing_ != nullptr &&
      executing_->job.key().campaign_uid() == campaign_uid) {
    executing_->dropped = true;
    executing_->stop = true;
  }
  if (campaigns_.erase(campaign_uid) > 0) {
    orders.leave.push_back(campaign_uid);
  }
}

std::shared_ptr<RunningJob> SessionBook::TakeJob() {
  if (queue_.empty() || executing_ != nullptr) return nullptr;
  executing_ = std::make_shared<RunningJob>();
  executing_->job = std::move(queue_.front().job);
  executing_->since = queue_.front().since;
  queue_.pop_front();
  const Campaign& campaign =
      campaigns_.at(executing_->job.key().campaign_uid());
  executing_->evaluator = campaign.served.evaluator;
  executing_->weights = campaign.served.weights;
  const auto order = campaign.layouts.find(executing_->job.layout_version());
  if (executing_->job.key().kind() == v1::JOB_KIND_SEARCH &&
      order != campaign.layouts.end()) {
    executing_->order = order->second;
    executing_->archive = campaign.served.archive;
  }
  return executing_;
}

void SessionBook::FinishJob(absl::StatusOr<ExecutedJob> executed,
                            absl::Time now) {
  const std::shared_ptr<RunningJob> finished = std::move(executing_);
  executing_ = nullptr;
  const v1::JobKey& key = finished->job.key();
  if (finished->dropped) return Count(key, JobOutcome::kStopped);
  if (executed.ok() && executed->weights.has_value()) {
    uploads_.Add(std::move(executed->result), *std::move(executed->weights),
                 now);
  } else if (executed.ok()) {
    Count(key,
          executed->result.parked() ? JobOutcome::kParked : JobOutcome::kDone);
    outbox_[IdOf(key)] = {std::move(executed->result), now, now};
  } else if (finished->stop || finished->hand_back) {
    HandBack(key);
  } else {
    Fail(key, executed.status());
  }
}

void SessionBook::FinishUpload(const std::shared_ptr<Upload>& upload,
                               const absl::Status& stored, absl::Time now) {
  uploads_.Remove(upload);
  const v1::JobKey key = upload->result.key();
  if (upload->dropped) return Count(key, JobOutcome::kStopped);
  if (stored.ok() || key.kind() != v1::JOB_KIND_MAKE_BLOB) {
    *upload->result.mutable_weights() = upload->weights.Reference();
    Count(key, JobOutcome::kDone);
    outbox_[IdOf(key)] = {std::move(upload->result), now, upload->ended};
  } else if (WorthRepeating(stored) || absl::IsResourceExhausted(stored)) {
    // Not the job's fault: a full store is emptied in time.
    HandBack(key);
  } else {
    Fail(key, stored);
  }
}

void SessionBook::HandBack(const v1::JobKey& key) {
  Count(key, JobOutcome::kHandedBack);
  hand_backs_.push_back(key);
}

void SessionBook::Fail(const v1::JobKey& key, const absl::Status& status) {
  Count(key, JobOutcome::kFailed);
  v1::JobFailure& failure = failures_.emplace_back();
  *failure.mutable_key() = key;
  failure.set_error(std::string(status.message()));
  if (const auto missing = MissingBlobOf(status); missing.has_value()) {
    failure.set_missing_blob(missing->ToBytes());
  }
}

void SessionBook::Drain() {
  if (draining_) return;
  draining_ = true;
  for (const QueuedJob& queued : queue_) HandBack(queued.job.key());
  queue_.clear();
}

void SessionBook::AbandonExecuting() {
  if (executing_ != nullptr) executing_->stop = true;
}

bool SessionBook::drained() const {
  return draining_ && drain_answered_ && executing_ == nullptr &&
         !unanswered_.has_value() && unacknowledged() == 0 &&
         failures_.empty() && hand_backs_.empty();
}

}  // namespace merganser
