// What a replay does beside the schedule where weights are kept: it makes every
// child again from its parents' weights.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/replay/difference.h"
#include "client/results/lineage.h"
#include "client/results/weights_maker.h"
#include "common/base/digest.h"
#include "common/genome/thread_team.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/genome.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

// Told which weights children can still be made of.
// Threads: none.
class WeightsObserver {
 public:
  virtual ~WeightsObserver() = default;

  // One more candidate has these weights, and may become a parent. Two
  // candidates may have the same ones.
  virtual absl::Status OnKept(const RemadeWeights& weights) = 0;
  // One of the candidates that have these weights will not be a parent of
  // proposals behind those that were shown already.
  virtual void OnForgotten(const Digest& weights) = 0;
};

// Keeps the weights of the archive's members and of parents of open proposals.
// Threads: none; the team runs nothing else meanwhile.
class WeightsReplay {
 public:
  // `team` is borrowed; so is `observer`, which may be null.
  // Errors: as WeightsMaker::Create().
  static absl::StatusOr<std::unique_ptr<WeightsReplay>> Create(
      const v1::CampaignSpec& spec, WeightsObserver* observer,
      ThreadTeam& team);

  // Makes the seeds -seeds … -1 and keeps them. Gives the digests of their
  // weights. Errors: the observer's.
  absl::StatusOr<std::vector<Digest>> MakeSeeds(int seeds);

  // A child of kept parents. Errors: as WeightsMaker::MakeChild().
  absl::StatusOr<RemadeWeights> Make(const Proposal& proposal);

  // How the evaluation of a proposal of kept parents is asked for.
  v1::Offspring OffspringOf(const Proposal& proposal) const;

  // Compares the weights that the entry names with those that it must name,
  // if any.
  void CompareRef(const std::string& where,
                  const std::optional<Digest>& expected,
                  const v1::LogEntry& entry, DifferenceList& differences) const;

  // Takes in a child that was accepted; `proposal` has its coefficients.
  // Errors: the observer's.
  absl::Status Keep(Proposal proposal, RemadeWeights weights);
  // Call it once the schedule has applied a result.
  void ForgetUnneeded(const OrderedSchedule& schedule);

  // Errors: as merganser::AncestorsOf().
  absl::StatusOr<std::vector<Ancestor>> AncestorsOf(int64_t candidate) const {
    return merganser::AncestorsOf(candidate, accepted_);
  }

  // Of each candidate's weights.
  int64_t size_bytes() const { return maker_.size_bytes(); }

 private:
  WeightsReplay(WeightsMaker maker, WeightsObserver* observer)
      : maker_(std::move(maker)), observer_(observer) {}

  v1::WeightsRef RefOf(const Digest& weights) const;
  absl::Status KeepWeights(int64_t candidate, RemadeWeights weights);

  WeightsMaker maker_;
  WeightsObserver* observer_;
  Ancestors accepted_;
  std::map<int64_t, RemadeWeights> kept_;
};

}  // namespace merganser
