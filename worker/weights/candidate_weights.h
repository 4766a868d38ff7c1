// Makes or fetches the weights of candidates, in campaigns that keep weights.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/offspring.h"
#include "common/genome/offspring_digest.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/storage/blob_cache.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/telemetry/worker_metrics.h"
#include "worker/weights/blobs.h"

namespace merganser {

// One candidate's parameter vector.
// Threads: none; one object belongs to one thread at a time.
class MadeWeights {
 public:
  MadeWeights(MadeWeights&&) = default;
  MadeWeights& operator=(MadeWeights&&) = default;

  std::span<const uint8_t> bytes() const;
  // False: they were fetched, so that they are stored already.
  bool made_here() const { return made_ != nullptr; }
  // With crossover, of which they were made; otherwise empty.
  std::span<const v1::ChromosomeCrossover> crossovers() const {
    return crossovers_;
  }
  // Of the bytes. Computed when it is first asked for, which takes long.
  const Digest& digest();
  // digest() and the size.
  v1::WeightsRef Reference();
  // The same bytes, to keep; they may not be recycled any more.
  std::shared_ptr<const Blob> Share() const;

 private:
  friend class CandidateWeights;
  MadeWeights() = default;

  std::shared_ptr<Blob> made_;
  std::shared_ptr<const Blob> fetched_;  // if not made_
  std::optional<Digest> digest_;
  std::vector<v1::ChromosomeCrossover> crossovers_;
};

// Threads: one call at a time.
class CandidateWeights {
 public:
  // `blobs` is borrowed. `threads`, at least 1, make weights.
  // Errors: InvalidArgument naming the field of the spec that does not fit.
  static absl::StatusOr<std::unique_ptr<CandidateWeights>> Create(
      const v1::CampaignSpec& spec, Blobs& blobs, int threads,
      const WorkerMetrics& metrics = {});

  // What the job is about: the blob of `weights`, the child of `offspring`, or
  // else the random seed with the candidate's number. The child's mutation has
  // the candidate's number, too. A parent B that is not used need not be set.
  // Errors: InvalidArgument naming the field that does not fit the campaign or
  // the genome digest; a MissingBlob() status when `weights` or a parent is
  // nowhere; what Blobs::Fetch() says otherwise.
  absl::StatusOr<MadeWeights> Make(const v1::Job& job);

  // Takes back weights that nobody wants to keep: their memory serves the next
  // candidate.
  void Recycle(MadeWeights weights);

 private:
  struct FetchedBlob {
    Digest digest;
    std::shared_ptr<const Blob> blob;
  };

  CandidateWeights(const v1::CampaignSpec& spec, Blobs& blobs, int threads,
                   const WorkerMetrics& metrics)
      : metrics_(metrics),
        campaign_seed_(spec.random_seed()),
        init_sigma_(spec.model().init_sigma()),
        mutation_sigma_(spec.search().mutation_sigma()),
        blobs_(blobs),
        team_(threads),
        maker_(team_) {}

  absl::Status ReadSpec(const v1::CampaignSpec& spec);
  absl::StatusOr<MadeWeights> MakeSeed(int64_t candidate, const Digest& genome);
  absl::StatusOr<OffspringDefinition> DefinitionOf(const v1::Job& job) const;
  absl::StatusOr<MadeWeights> MakeOffspring(const v1::Job& job,
                                            const Digest& genome);
  absl::StatusOr<MadeWeights> FetchWeights(const v1::WeightsRef& weights,
                                           const Digest& genome);
  // `field` names the reference in errors.
  absl::StatusOr<FetchedBlob> Fetch(const v1::WeightsRef& weights,
                                    const char* field);
  // Memory for one candidate.
  MadeWeights NewWeights();
  // Empty without a blob.
  ParentWeights View(const FetchedBlob& parent) const;
  void KeepSquares(const Digest& parent, std::span<const double> squares);

  const WorkerMetrics metrics_;
  const uint64_t campaign_seed_;
  const double init_sigma_;
  const double mutation_sigma_;
  Blobs& blobs_;
  ThreadTeam team_;
  OffspringMaker maker_;
  GenomeLayout layout_;
  DType dtype_ = DType::kF32;
  int64_t size_bytes_ = 0;
  std::vector<Digest> seeds_;  // their genome digests
  std::shared_ptr<Blob> spare_;
  // Of parents seen, per chromosome.
  std::map<Digest, std::vector<double>> squares_;
};

}  // namespace merganser
