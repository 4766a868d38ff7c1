// Evaluates candidates again and compares their scores with the recorded ones.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/replay/difference.h"
#include "client/replay/replay.h"
#include "client/replay/score_worker.h"
#include "client/replay/scorer_blobs.h"
#include "client/results/winner.h"

namespace merganser {

enum class RescoreChoice {
  kNone,
  kAccepted,  // seeds, and children that entered the archive
  kAll,
};

// Observes a replay. Keeps up to `window` jobs under way.
// Threads: none.
class Rescorer : public ReplayObserver {
 public:
  // Both are borrowed.
  Rescorer(Scorer& scorer, DifferenceList& differences, int64_t window = 64)
      : scorer_(scorer), differences_(differences), window_(window) {}

  // Leaves out children that were dropped.
  void OnlyAccepted() { only_accepted_ = true; }
  // Where the scorer finds weights; borrowed. Needed where they are kept.
  void UseBlobs(ScorerBlobs& blobs) { blobs_ = &blobs; }

  absl::Status OnStart(const v1::CampaignSpec& spec,
                       std::span<const TaskExtent> tasks) override;
  absl::Status OnCandidate(const Candidate& candidate) override;
  absl::Status OnKept(const RemadeWeights& weights) override;
  void OnForgotten(const Digest& weights) override;

  // Compares a candidate's holdout accuracy, too; no-op if the campaign has no
  // holdout datapoints. Call it behind the replay, with a member of the
  // archive.
  absl::Status CheckHoldout(const std::string& where, const Winner& candidate,
                            double accuracy);

  // Waits for all answers. Call it last.
  absl::Status Finish();

  // Candidates whose scores were computed again.
  int64_t rescored() const { return rescored_; }

 private:
  struct Pending {
    v1::JobKey key;
    LayoutOrderPointer layout;
    std::string where;
    std::optional<ChunkAssembly> scores;
    std::optional<double> holdout_accuracy;  // instead of scores
    std::optional<Digest> weights;  // that it must be made into, if known
  };

  absl::Status SendLayout(int64_t version, const LayoutOrderPointer& layout);
  // Sends `job`, of which the key is set.
  absl::Status SendJob(v1::Job job, Pending pending);
  absl::Status ReceiveOne();
  void CompareWeights(const Pending& pending,
                      const v1::ScoreStreamResponse& response);
  void CompareScores(const Pending& pending, const ChunkAssembly& scores);
  void CompareHoldout(const Pending& pending,
                      const std::vector<uint32_t>& scores);

  Scorer& scorer_;
  DifferenceList& differences_;
  const int64_t window_;
  bool only_accepted_ = false;
  ScoreKind kind_ = ScoreKind::kBinary;
  std::vector<TaskExtent> tasks_;
  std::vector<TaskExtent> holdout_tasks_;
  std::vector<uint32_t> task_weights_;
  LayoutOrderPointer holdout_order_;
  int64_t sent_layout_ = -1;
  std::deque<Pending> pending_;
  int64_t sent_jobs_ = 0;
  int64_t rescored_ = 0;
  ScorerBlobs* blobs_ = nullptr;
};

}  // namespace merganser
