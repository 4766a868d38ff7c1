// One campaign as a state machine, and the only writer of its state.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/schedule/chunk_assembly.h"
#include "common/schedule/ordered_schedule.h"
#include "coordinator/campaign/child_scores.h"
#include "coordinator/campaign/task_scores.h"
#include "coordinator/campaign/write_buffer.h"
#include "coordinator/scheduler/job_key.h"
#include "coordinator/store/campaign_store.h"
#include "merganser/storage/v1/records.pb.h"
#include "merganser/v1/campaign_service.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// What the campaign says to a reported result.
struct ResultVerdict {
  v1::ResultOutcome outcome = v1::RESULT_OUTCOME_UNSPECIFIED;
  // Of a refusal, for a person.
  std::string error;
  // The job needs no worker any more.
  bool job_done = false;
};

//                 Gram sums and seeds' scores known        budget spent
//     PREPARING ───────────────────────────────► RUNNING ─────────────►
//     FINISHING
//       │  ▲                                      │  ▲                    │  ▲
//  pause│  │resume                           pause│  │resume              │  │
//  larger
//       ▼  │                                      ▼  │   holdout complete │  │
//       budget
//        PAUSED                                  PAUSED                   ▼  │
//                                                                     COMPLETED
//     any state that has not ended ─ cancel ─► CANCELLED
//     PREPARING ─ a Gram or seed job is quarantined ─► FAILED
//
// Where weights are kept there are no Gram sums; the seeds' workers say which
// weights they have made.
//
// All that it decides shows in three places: Snapshot() for people, NewJobs()
// for the scheduler, TakeBatch() for the store. It does no I/O.
// Threads: none; the dispatcher's loop owns it.
class CampaignRunner {
 public:
  // A campaign that begins now. `record` holds a validated, resolved spec.
  // Errors: InvalidArgument naming the field.
  static absl::StatusOr<std::unique_ptr<CampaignRunner>> Create(
      storage::v1::SpecRecord record, const Clock& clock);
  // A campaign as it was stored; `curve` holds the whole kCurve list.
  // Errors: DataLoss or InvalidArgument naming what does not fit.
  static absl::StatusOr<std::unique_ptr<CampaignRunner>> Restore(
      const StoredCampaign& stored, const std::vector<std::string>& curve,
      const Clock& clock);

  const std::string& name() const { return spec_.spec().name(); }
  const std::string& uid() const { return spec_.uid(); }
  const std::string& request_id() const { return spec_.request_id(); }
  // With the budget in force.
  const v1::CampaignSpec& spec() const { return spec_.spec(); }
  v1::CampaignState state() const { return state_.state(); }
  bool ended() const;
  bool paused() const { return state() == v1::CAMPAIGN_STATE_PAUSED; }

  // --- What users ask for.

  // Errors of all: FailedPrecondition in a state that does not allow it.
  absl::Status Pause();
  absl::Status Resume();
  absl::Status Cancel();
  // Errors: InvalidArgument if below the present budget.
  absl::Status ExtendBudget(int64_t evaluations);

  // --- Who may work.

  // Empty until it is chosen.
  const std::string& device_class() const { return state_.device_class(); }
  void SetDeviceClass(const std::string& device_class);
  // Compares a worker's probe with the campaign's; the first one becomes it.
  // Errors: FailedPrecondition if it differs.
  absl::Status CheckProbe(const std::string& digest);

  // --- Work.

  // Jobs that came up since the last call, or all open ones after Restore.
  std::vector<JobKey> NewJobs();
  // Jobs that no worker need do any more, since the last call.
  std::vector<JobKey> ClosedJobs();
  // The job as a worker gets it.
  // Errors: NotFound if it is not open.
  absl::StatusOr<v1::Job> MakeJob(const JobKey& key) const;
  // The layout of an open job. Errors: NotFound.
  absl::StatusOr<v1::ChunkLayout> MakeLayout(int64_t version) const;
  // What has changed in the archive since `since` results were applied; -1 =
  // everything. Nullopt if nothing has, or if workers have no use for it.
  std::optional<v1::ArchiveUpdate> MakeArchiveUpdate(int64_t since) const;
  // Jobs were leased: the campaign's active time runs.
  void NoteLease();
  // Takes a result in and applies what has become applicable.
  ResultVerdict TakeResult(const v1::JobResult& result);
  // The job is given up, for this reason.
  void Quarantine(const JobKey& key, const std::string& reason);

  // --- Weights, in campaigns that keep them.

  bool keeps_weights() const { return plan_.genomes == GenomeKind::kWeights; }
  // Of the archive's members and of a child's two parents, bytes: less room
  // does not do. 0 where recipes are kept.
  int64_t least_blob_bytes() const {
    return weights_bytes_ * (plan_.archive.population + 2);
  }
  // A worker cannot do the job, since these weights are nowhere stored: they
  // will be made again, and the job comes up again after that. False, and
  // nothing changes, if the job does not need them.
  bool TakeMissingBlob(const JobKey& key, const std::string& digest);
  // The weights that must stay where they are stored: those of the archive's
  // members, of the parents of open proposals, of children that are not applied
  // yet, of candidates whose holdout scores are wanted; and those of the
  // parents of any of these that is not stored.
  std::set<Digest> PinnedBlobs(
      absl::FunctionRef<bool(const Digest&)> is_stored) const;

  // --- What must be stored.

  bool dirty() const { return state_changed_ || !writes_.empty(); }
  Batch TakeBatch();

  // --- What people see. Neither sets revision or conditions.

  v1::Campaign Snapshot() const;
  std::vector<v1::CurvePoint> Curve() const;
  // Accepted candidates and seeds, ascending.
  const std::map<int64_t, storage::v1::CandidateRecord>& candidates() const {
    return candidates_;
  }
  // Errors: NotFound unless it was accepted.
  absl::StatusOr<v1::Candidate> MakeCandidate(int64_t candidate) const;
  // The sequence number of the best member.
  std::optional<int64_t> best() const;
  // Whether it holds a slot of the archive.
  std::optional<int> SlotOf(int64_t candidate) const;
  // Errors: FailedPrecondition before the seeds are evaluated.
  absl::StatusOr<v1::ExportHeader> MakeExportHeader() const;
  const std::string& gram_bytes() const { return gram_bytes_; }
  int64_t applied() const { return state_.applied(); }
  // Children whose results wait for those of earlier ones to be applied.
  int64_t waiting_results() const;
  // Search datapoints of all tasks together.
  int64_t search_datapoints() const { return plan_.archive.datapoints; }

 private:
  CampaignRunner(storage::v1::SpecRecord record, ScheduleOptions plan,
                 const Clock& clock);

  absl::Status RestoreMaps(const StoredCampaign& stored);
  absl::Status RestoreResult(int64_t candidate, const std::string& bytes);
  absl::Status RestoreSchedule(const StoredCampaign& stored);
  absl::Status RestoreChildren(const StoredCampaign& stored);

  bool started() const { return schedule_.has_value(); }
  int seeds() const { return static_cast<int>(plan_.seed_digests.size()); }
  ScoreKind kind() const { return plan_.archive.kind; }
  double Accuracy(const std::vector<uint32_t>& scores) const;
  // Of the archive's members; 0 without any.
  double MeanAccuracy() const;
  // Sets holdout accuracy and tasks of `Scored`, a BestCandidate or SeedScore;
  // `scores` are those of the search datapoints.
  template <typename Scored>
  void WriteTaskScores(int64_t candidate, const std::vector<uint32_t>& scores,
                       Scored& scored) const;

  void SetState(v1::CampaignState state, std::string message = "");
  void Fail(const std::string& message);
  // Moves on where everything for the next state is there.
  void Advance();
  absl::Status StartSchedule();
  storage::v1::CandidateRecord MakeSeedRecord(int64_t candidate) const;
  std::string PackMember(int slot) const;
  void AddOpenSearchJobs(int64_t first);

  ResultVerdict TakeGram(const v1::JobResult& result);
  ResultVerdict TakeSeed(const v1::JobResult& result);
  ResultVerdict TakeHoldout(const v1::JobResult& result);
  ResultVerdict TakeSearch(const v1::JobResult& result);
  ResultVerdict TakeChunks(const v1::JobResult& result,
                           const Proposal& proposal);
  absl::Status CheckSearchResult(const v1::JobResult& result,
                                 const Proposal& proposal) const;
  ResultVerdict CompareApplied(const v1::JobResult& result);
  absl::StatusOr<v1::Job> MakeSearchJob(const JobKey& key, v1::Job job) const;
  absl::StatusOr<std::vector<uint32_t>> Assemble(
      const v1::JobResult& result, const std::vector<TaskExtent>& tasks,
      LayoutOrderPointer order) const;
  ResultVerdict Compare(const std::vector<uint32_t>& first,
                        const std::vector<uint32_t>& second);

  void ApplyReady();
  // Applies the child or asks for what is missing; false if it must wait.
  bool ApplyOrResume(int64_t candidate);
  void ApplyOne(int64_t candidate, bool rejected);
  // What is recorded of a child with all its scores.
  storage::v1::CandidateRecord MakeRecord(const Proposal& proposal,
                                          const ChildScores& child) const;
  void NoteApplied(int64_t candidate, const v1::LogEntry& entry);
  void OpenJobs(int64_t candidate, ChildScores& child);
  void CloseJobs(int64_t candidate, ChildScores& child);
  // Those of parts without a missing chunk.
  void CloseKnownParts(int64_t candidate, ChildScores& child);
  void StoreChild(int64_t candidate, const ChildScores& child);
  void StoreLayouts(const std::set<int64_t>& before);
  void StoreAccepted(const AppliedResult& applied);
  void NoteBest();
  void AddHoldoutJob(int64_t candidate);
  void Remember(int64_t candidate, ChunkAssembly chunks);

  absl::Status CheckWeights(const v1::JobResult& result) const;
  static absl::Status CheckCrossover(const v1::JobResult& result,
                                     const v1::Proposal& drawn);
  // Takes up what a result says of the child's weights; false if another one
  // has said otherwise before.
  absl::StatusOr<bool> TakeWeights(const v1::JobResult& result,
                                   const Proposal& proposal, bool part_is_known,
                                   ChildScores& child);
  ResultVerdict TakeBlob(const v1::JobResult& result);
  v1::Offspring OffspringOf(const v1::Proposal& drawn) const;
  absl::StatusOr<v1::Job> MakeWeightsJob(const JobKey& key, v1::Job job) const;
  // The candidate with these weights, if the job needs them.
  std::optional<int64_t> NeededCandidate(const JobKey& key,
                                         const std::string& digest) const;
  // Whether a job that waited for weights is still to be done.
  bool IsWanted(const JobKey& key) const;
  void GiveUpBlob(int64_t candidate, const std::string& reason);

  const Clock& clock_;
  storage::v1::SpecRecord spec_;
  ScheduleOptions plan_;
  ChunkDealer dealer_;
  std::vector<TaskExtent> holdout_tasks_;
  storage::v1::StateRecord state_;
  std::shared_ptr<const GramSums> gram_;
  std::string gram_bytes_;
  std::map<int64_t, std::vector<uint32_t>> seed_scores_;
  // Where weights are kept: of the seeds with scores.
  std::map<int64_t, v1::WeightsRef> seed_weights_;
  // Of each candidate's weights; 0 where recipes are kept.
  int64_t weights_bytes_ = 0;
  // Candidates whose lost weights are being made again, with the jobs that wait
  // for them.
  std::map<int64_t, std::set<JobKey>> blocked_;
  std::optional<OrderedSchedule> schedule_;
  // Of the open proposals within the budget.
  std::map<int64_t, ChildScores> children_;
  std::map<int64_t, storage::v1::CandidateRecord> candidates_;
  std::map<int64_t, HoldoutScores> holdout_;
  std::set<int64_t> holdout_open_;
  std::vector<v1::CurvePoint> curve_;
  // Number of results applied when a slot last changed, [slots].
  std::vector<int64_t> slot_changed_;
  // The last children that were applied: to tell a repeat from a conflict.
  std::map<int64_t, ChunkAssembly> recent_;

  std::vector<JobKey> new_jobs_;
  std::vector<JobKey> closed_jobs_;
  WriteBuffer writes_;
  bool state_changed_ = false;
  // Since when the active time runs in this process; unset before a lease.
  std::optional<absl::Time> active_since_;
  int64_t active_us_before_ = 0;
};

// Whether a state is one from which nothing moves on by itself.
bool IsEnded(v1::CampaignState state);

}  // namespace merganser
