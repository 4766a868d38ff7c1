#include "worker/weights/candidate_weights.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/offspring_digest.h"
#include "common/genome/random_seed.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

// Parents whose squares are kept; beyond, all are forgotten and computed again.
constexpr size_t kSquaresKept = 4096;

constexpr char kParentA[] = "job.offspring.parent_a";
constexpr char kParentB[] = "job.offspring.parent_b";
constexpr char kWeights[] = "job.weights";

std::span<const uint8_t> BytesOf(const Blob& blob) {
  return {reinterpret_cast<const uint8_t*>(blob.data()), blob.size()};
}

std::span<uint8_t> MutableBytesOf(Blob& blob) {
  return {reinterpret_cast<uint8_t*>(blob.data()), blob.size()};
}

absl::Status ExpectGenome(const Digest& genome, const Digest& expected,
                          const char* what) {
  if (genome == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("job.genome_digest: ", genome.ToHex(), "; ", what, " gives ",
                   expected.ToHex()));
}

absl::Status ExpectSize(int64_t size_bytes, int64_t expected,
                        const std::string& field) {
  if (size_bytes == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", size_bytes,
                   " bytes; the campaign's parameter vectors have ", expected));
}

v1::ChromosomeCrossover ToProto(const ChromosomeCrossover& crossover,
                                int64_t split_block, double mix) {
  v1::ChromosomeCrossover proto;
  proto.set_split_block(split_block);
  proto.set_mix(mix);
  proto.set_before_a(crossover.before.a);
  proto.set_before_b(crossover.before.b);
  proto.set_after_a(crossover.after.a);
  proto.set_after_b(crossover.after.b);
  return proto;
}

}  // namespace

std::span<const uint8_t> MadeWeights::bytes() const {
  return BytesOf(made_ != nullptr ? *made_ : *fetched_);
}

const Digest& MadeWeights::digest() {
  if (!digest_.has_value()) digest_ = Sha256(*Share());
  return *digest_;
}

v1::WeightsRef MadeWeights::Reference() {
  v1::WeightsRef reference;
  reference.set_digest(digest().ToBytes());
  reference.set_size_bytes(static_cast<int64_t>(bytes().size()));
  return reference;
}

std::shared_ptr<const Blob> MadeWeights::Share() const {
  return made_ != nullptr ? made_ : fetched_;
}

absl::StatusOr<std::unique_ptr<CandidateWeights>> CandidateWeights::Create(
    const v1::CampaignSpec& spec, Blobs& blobs, int threads,
    const WorkerMetrics& metrics) {
  std::unique_ptr<CandidateWeights> weights(
      new CandidateWeights(spec, blobs, threads, metrics));
  RETURN_IF_ERROR(weights->ReadSpec(spec));
  return weights;
}

absl::Status CandidateWeights::ReadSpec(const v1::CampaignSpec& spec) {
  ASSIGN_OR_RETURN(ParameterLayout layout, LayoutOfLayers(spec.model()));
  layout_ = SingleChromosome(std::move(layout));
  ASSIGN_OR_RETURN(dtype_, WeightsDTypeOf(spec));
  size_bytes_ = layout_.parameters.length * DTypeBytes(dtype_);
  const int seeds = spec.seeds_size();
  for (int i = 0; i < seeds; ++i) {
    seeds_.push_back(RandomSeedDigest(layout_.parameters, init_sigma_,
                                      {campaign_seed_, i - seeds}));
    const std::string field = absl::StrCat("seeds[", i, "].digest");
    if (spec.seeds(i).digest().empty()) continue;  // not resolved
    ASSIGN_OR_RETURN(const Digest digest,
                     DigestFromProto(spec.seeds(i).digest(), field.c_str()));
    if (digest != seeds_.back()) {
      return absl::InvalidArgumentError(absl::StrCat(
          field, ": ", digest.ToHex(), "; the campaign's settings give ",
          seeds_.back().ToHex()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<MadeWeights> CandidateWeights::Make(const v1::Job& job) {
  if (job.has_recipe()) {
    return absl::InvalidArgumentError(
        "job.recipe: candidates of this campaign are kept as weights");
  }
  ASSIGN_OR_RETURN(const Digest genome,
                   DigestFromProto(job.genome_digest(), "job.genome_digest"));
  if (job.has_weights()) return FetchWeights(job.weights(), genome);
  if (job.has_offspring()) return MakeOffspring(job, genome);
  return MakeSeed(job.key().candidate(), genome);
}

MadeWeights CandidateWeights::NewWeights() {
  MadeWeights weights;
  weights.made_ = std::exchange(spare_, nullptr);
  if (weights.made_ == nullptr) weights.made_ = std::make_shared<Blob>();
  weights.made_->resize(static_cast<size_t>(size_bytes_));
  return weights;
}

void CandidateWeights::Recycle(MadeWeights weights) {
  // Not if somebody shares it.
  if (weights.made_.use_count() == 1) spare_ = std::move(weights.made_);
}

absl::StatusOr<MadeWeights> CandidateWeights::MakeSeed(int64_t candidate,
                                                       const Digest& genome) {
  const auto seeds = static_cast<int64_t>(seeds_.size());
  if (candidate < -seeds || candidate >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("job.key.candidate: ", candidate,
                     " without offspring or weights; the random seeds are ",
                     -seeds, " to -1"));
  }
  RETURN_IF_ERROR(ExpectGenome(genome,
                               seeds_[static_cast<size_t>(candidate + seeds)],
                               "the random seed"));
  MadeWeights weights = NewWeights();
  const PhaseTimer timer(metrics_.merge);
  metrics_.merged_bytes.Add(static_cast<double>(size_bytes_));
  MakeRandomSeed({campaign_seed_, candidate}, init_sigma_, dtype_, team_,
                 MutableBytesOf(*weights.made_));
  return weights;
}

absl::StatusOr<OffspringDefinition> CandidateWeights::DefinitionOf(
    const v1::Job& job) const {
  const v1::Offspring& offspring = job.offspring();
  OffspringDefinition definition{
      .crossover = offspring.crossover(),
      .mutation = {{campaign_seed_, job.key().candidate()}, mutation_sigma_}};
  for (const v1::ChromosomeCrossover& drawn : offspring.chromosomes()) {
    definition.draw.split_blocks.push_back(drawn.split_block());
    definition.draw.mixes.push_back(drawn.mix());
  }
  ASSIGN_OR_RETURN(definition.parent_a,
                   DigestFromProto(offspring.parent_a().digest(), kParentA));
  if (offspring.crossover() || offspring.has_parent_b()) {
    ASSIGN_OR_RETURN(definition.parent_b,
                     DigestFromProto(offspring.parent_b().digest(), kParentB));
  }
  return definition;
}

absl::StatusOr<MadeWeights> CandidateWeights::MakeOffspring(
    const v1::Job& job, const Digest& genome) {
  ASSIGN_OR_RETURN(const OffspringDefinition definition, DefinitionOf(job));
  RETURN_IF_ERROR(
      ExpectGenome(genome, OffspringDigest(definition), "job.offspring"));
  FetchedBlob parent_a;
  FetchedBlob parent_b;
  {
    const PhaseTimer timer(metrics_.fetch);
    ASSIGN_OR_RETURN(parent_a, Fetch(job.offspring().parent_a(), kParentA));
    if (definition.crossover) {
      ASSIGN_OR_RETURN(parent_b, Fetch(job.offspring().parent_b(), kParentB));
    }
  }
  const PhaseTimer timer(metrics_.merge);
  metrics_.merged_bytes.Add(static_cast<double>(size_bytes_));
  const auto& [split_blocks, mixes] = definition.draw;
  MadeWeights weights = NewWeights();
  const absl::Status made = maker_.Make(layout_, dtype_,
                                        {.parent_a = View(parent_a),
                                         .parent_b = View(parent_b),
                                         .crossover = definition.crossover,
                                         .split_blocks = split_blocks,
                                         .mixes = mixes,
                                         .mutation = definition.mutation},
                                        MutableBytesOf(*weights.made_));
  if (!made.ok()) {
    Recycle(std::move(weights));
    return Annotate(made, "job.offspring");
  }
  if (!definition.crossover) return weights;
  KeepSquares(parent_a.digest, maker_.squares_a());
  KeepSquares(parent_b.digest, maker_.squares_b());
  for (size_t c = 0; c < mixes.size(); ++c) {
    weights.crossovers_.push_back(
        ToProto(maker_.crossovers()[c], split_blocks[c], mixes[c]));
  }
  return weights;
}

absl::StatusOr<MadeWeights> CandidateWeights::FetchWeights(
    const v1::WeightsRef& weights, const Digest& genome) {
  const PhaseTimer timer(metrics_.fetch);
  ASSIGN_OR_RETURN(FetchedBlob fetched, Fetch(weights, kWeights));
  RETURN_IF_ERROR(ExpectGenome(genome, fetched.digest, kWeights));
  MadeWeights made;
  made.fetched_ = std::move(fetched.blob);
  made.digest_ = fetched.digest;
  return made;
}

absl::StatusOr<CandidateWeights::FetchedBlob> CandidateWeights::Fetch(
    const v1::WeightsRef& weights, const char* field) {
  FetchedBlob fetched;
  ASSIGN_OR_RETURN(fetched.digest, DigestFromProto(weights.digest(), field));
  RETURN_IF_ERROR(ExpectSize(weights.size_bytes(), size_bytes_, field));
  auto blob = blobs_.Fetch(fetched.digest);
  if (absl::IsNotFound(blob.status())) {
    return MissingBlob(fetched.digest,
                       absl::StrCat(field, ": ", blob.status().message()));
  }
  if (!blob.ok()) return Annotate(blob.status(), field);
  RETURN_IF_ERROR(
      ExpectSize(static_cast<int64_t>((*blob)->size()), size_bytes_, field));
  fetched.blob = *std::move(blob);
  return fetched;
}

ParentWeights CandidateWeights::View(const FetchedBlob& parent) const {
  if (parent.blob == nullptr) return {};
  const auto known = squares_.find(parent.digest);
  if (known == squares_.end()) return {BytesOf(*parent.blob), {}};
  return {BytesOf(*parent.blob), known->second};
}

void CandidateWeights::KeepSquares(const Digest& parent,
                                   std::span<const double> squares) {
  if (squares_.contains(parent)) return;
  if (squares_.size() >= kSquaresKept) squares_.clear();
  squares_[parent].assign(squares.begin(), squares.end());
}

}  // namespace merganser
