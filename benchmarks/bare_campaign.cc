// A campaign with no service around it: the worker's own code in one loop, on
// one thread of control. What a cluster adds is measured against it.
//
//   bare_campaign FILE [--set key.path=value]... [--threads N] [--reject]
//
// With --reject, a child is given up once its scores so far prove that the
// archive has to drop it, as workers do it.
//
// Prints one line of JSON.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/proposal_proto.h"
#include "common/campaign_spec/resolve.h"
#include "common/evolution/rejection_bound.h"
#include "common/genome_proto/genome_proto.h"
#include "common/schedule/chunk_assembly.h"
#include "common/schedule/ordered_schedule.h"
#include "worker/tasks/torch_evaluator.h"
#include "worker/weights/candidate_weights.h"

namespace merganser {
namespace {

struct Arguments {
  std::string file;
  std::vector<std::string> overrides;
  int threads = 1;
  bool reject = false;
};

// The weights of accepted candidates, all of them.
class KeptBlobs : public Blobs {
 public:
  absl::StatusOr<std::shared_ptr<const Blob>> Fetch(
      const Digest& digest) override {
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return MissingBlob(digest, "it was not kept");
    return found->second;
  }
  absl::Status Store(const Digest& digest,
                     std::shared_ptr<const Blob> blob) override {
    blobs_[digest] = std::move(blob);
    return absl::OkStatus();
  }

 private:
  std::map<Digest, std::shared_ptr<const Blob>> blobs_;
};

// What is known of a candidate after its evaluation.
struct Evaluated {
  ChunkAssembly chunks;
  // Where weights are kept.
  std::optional<MadeWeights> weights;
};

class BareCampaign {
 public:
  static absl::StatusOr<std::unique_ptr<BareCampaign>> Create(
      const Arguments& arguments) {
    std::unique_ptr<BareCampaign> bare(new BareCampaign);
    ASSIGN_OR_RETURN(bare->spec_,
                     LoadCampaignFile(arguments.file, arguments.overrides));
    RETURN_IF_ERROR(
        ResolveSpec(bare->spec_, {.base_dir = DirectoryOf(arguments.file)}));
    const auto evaluators = CreateTorchEvaluators({.device = "cpu",
                                                   .threads = arguments.threads,
                                                   .paths = PathRules("")});
    RETURN_IF_ERROR(evaluators.status());
    ASSIGN_OR_RETURN(bare->evaluator_, (*evaluators)->Create(bare->spec_));
    ASSIGN_OR_RETURN(bare->options_, MakeScheduleOptions(bare->spec_));
    bare->reject_ = arguments.reject;
    if (!KeepsWeights(bare->spec_)) return bare;
    ASSIGN_OR_RETURN(
        bare->weights_,
        CandidateWeights::Create(bare->spec_, bare->blobs_, arguments.threads));
    return bare;
  }

  absl::Status Run() {
    std::shared_ptr<const GramSums> gram;
    if (weights_ == nullptr) {
      ASSIGN_OR_RETURN(const std::string bytes, evaluator_->Gram());
      ASSIGN_OR_RETURN(GramSums sums, GramSums::Parse(bytes));
      gram = std::make_shared<GramSums>(std::move(sums));
    }
    ASSIGN_OR_RETURN(auto schedule, OrderedSchedule::Create(options_, gram));
    std::vector<std::vector<uint32_t>> scores;
    std::vector<Digest> weights;
    for (int k = 0; k < spec_.seeds_size(); ++k) {
      ASSIGN_OR_RETURN(Evaluated seed, EvaluateSeed(k, schedule.file_order()));
      scores.push_back(seed.chunks.scores());
      if (!seed.weights.has_value()) continue;
      weights.push_back(seed.weights->digest());
      RETURN_IF_ERROR(Keep(k - spec_.seeds_size(), *seed.weights));
    }
    RETURN_IF_ERROR(schedule.Start(std::move(scores), weights));
    const auto start = std::chrono::steady_clock::now();
    while (schedule.applied() < spec_.budget().evaluations()) {
      ASSIGN_OR_RETURN(const AppliedResult applied, RunNext(schedule));
      accepted_ += applied.accepted ? 1 : 0;
    }
    seconds_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    return Print(schedule);
  }

 private:
  BareCampaign() = default;

  // Evaluates the next child as far as it must be, and applies it.
  absl::StatusOr<AppliedResult> RunNext(OrderedSchedule& schedule) {
    const Proposal& proposal = schedule.open().front();
    const Archive& archive = schedule.archive();
    RejectionBound::Standing standing;
    if (reject_) {
      if (!bound_.has_value()) bound_.emplace(archive);
      bound_->Begin(standing);
    }
    bool rejected = false;
    ASSIGN_OR_RETURN(
        Evaluated child,
        Evaluate(ChildJob(proposal), schedule.layout(proposal.layout_version),
                 [&](std::span<const uint32_t> datapoints,
                     std::span<const uint32_t> scores) {
                   datapoint_evaluations_ +=
                       static_cast<int64_t>(datapoints.size());
                   if (!reject_) return true;
                   bound_->Observe(archive, datapoints, scores, standing);
                   rejected = bound_->Rejects(standing);
                   return !rejected;
                 }));
    const int64_t candidate = proposal.candidate;
    if (rejected) {
      if (child.weights.has_value()) {
        weights_->Recycle(*std::move(child.weights));
      }
      return schedule.ApplyRejected(candidate, child.chunks);
    }
    std::optional<Digest> weights;
    if (child.weights.has_value()) weights = child.weights->digest();
    ASSIGN_OR_RETURN(const AppliedResult applied,
                     schedule.Apply(candidate, child.chunks.scores(), weights));
    if (!applied.accepted) return applied;
    bound_.reset();
    if (weights.has_value()) {
      RETURN_IF_ERROR(Keep(candidate, *child.weights));
    }
    return applied;
  }

  absl::Status Keep(int64_t candidate, MadeWeights& weights) {
    members_[candidate] = weights.Reference();
    return blobs_.Store(weights.digest(), weights.Share());
  }

  absl::StatusOr<Evaluated> EvaluateSeed(int seed,
                                         const LayoutOrderPointer& order) {
    v1::Job job;
    job.mutable_key()->set_kind(v1::JOB_KIND_SEED);
    job.mutable_key()->set_candidate(seed - spec_.seeds_size());
    job.set_layout_version(-1);
    Digest genome = options_.seed_digests[seed];
    if (weights_ == nullptr) {
      const LinearRecipe recipe = SeedRecipe(seed, spec_.seeds_size(), 1);
      *job.mutable_recipe() = RecipeToProto(recipe);
      genome = GenomeDigest(recipe, options_.seed_digests);
    }
    job.set_genome_digest(genome.ToBytes());
    return Evaluate(job, order);
  }

  v1::Job ChildJob(const Proposal& proposal) const {
    v1::Job job;
    job.mutable_key()->set_kind(v1::JOB_KIND_SEARCH);
    job.mutable_key()->set_candidate(proposal.candidate);
    job.set_genome_digest(proposal.genome.ToBytes());
    job.set_layout_version(proposal.layout_version);
    if (weights_ == nullptr) {
      *job.mutable_recipe() = RecipeToProto(proposal.recipe);
      return job;
    }
    // With a window of more than 1, a parent may have left the archive.
    *job.mutable_offspring() =
        MakeOffspring(ProposalToProto(proposal), members_.at(proposal.parent_a),
                      members_.at(proposal.parent_b));
    return job;
  }

  // Takes the datapoints of a chunk, numbered over all tasks, and their scores;
  // false: no further chunk is wanted.
  using TakeScores =
      std::function<bool(std::span<const uint32_t>, std::span<const uint32_t>)>;

  absl::StatusOr<Evaluated> Evaluate(
      const v1::Job& job, const LayoutOrderPointer& order,
      const TakeScores& take = [](auto, auto) { return true; }) {
    const int64_t version = job.layout_version();
    const std::vector<TaskExtent>& tasks =
        job.key().kind() == v1::JOB_KIND_HOLDOUT ? holdout_ : options_.tasks;
    std::optional<MadeWeights> weights;
    if (weights_ != nullptr) {
      ASSIGN_OR_RETURN(weights, weights_->Make(job));
    }
    ChunkAssembly assembly(ScoreKind::kBinary, tasks, order);
    absl::Status status;
    const absl::StatusOr<bool> evaluated = evaluator_->Evaluate(
        job,
        weights.has_value() ? weights->bytes() : std::span<const uint8_t>(),
        version < 0 ? nullptr : &Order(version, *order), stop_,
        [&](const v1::ChunkScores& chunk) {
          status.Update(
              assembly.Add(chunk.task(), chunk.chunk(), chunk.scores())
                  .status());
          const auto members =
              ChunkMembers(tasks[chunk.task()], chunk.chunk(), *order);
          const auto scores = UnpackScores(ScoreKind::kBinary,
                                           static_cast<int64_t>(members.size()),
                                           chunk.scores());
          status.Update(scores.status());
          return status.ok() && take(members, *scores);
        });
    RETURN_IF_ERROR(evaluated.status());
    RETURN_IF_ERROR(status);
    return Evaluated{std::move(assembly), std::move(weights)};
  }

  // The layout as a worker holds it; kept while it is in use.
  const ChunkOrder& Order(int64_t version, const std::vector<uint32_t>& order) {
    if (order_.tasks.empty() || order_.version != version) {
      order_ = {.version = version};
      for (const TaskExtent& task : options_.tasks) {
        std::vector<uint32_t>& members = order_.tasks.emplace_back();
        for (int64_t i = task.begin; i < task.end; ++i) {
          members.push_back(order[i] - static_cast<uint32_t>(task.begin));
        }
      }
    }
    return order_;
  }

  absl::Status Print(const OrderedSchedule& schedule) {
    const Archive& archive = schedule.archive();
    const int slot = *archive.best_slot();
    const Member& best = *archive.slot(slot);
    nlohmann::json line = {
        {"evaluations", schedule.applied()},
        {"accepted", accepted_},
        {"datapoint_evaluations", datapoint_evaluations_},
        {"archive_digest", schedule.archive_digest().ToHex()},
        {"coverage", archive.coverage()},
        {"entropy", archive.entropy()},
        {"evaluations_per_second",
         static_cast<double>(schedule.applied()) / seconds_},
        {"best",
         {{"candidate", best.sequence_number},
          {"search_accuracy", Mean(best.scores)}}}};
    holdout_ = HoldoutExtents(spec_);
    if (holdout_.back().end > 0) {
      auto order = std::make_shared<std::vector<uint32_t>>(holdout_.back().end);
      std::iota(order->begin(), order->end(), 0u);
      v1::Job job;
      job.mutable_key()->set_kind(v1::JOB_KIND_HOLDOUT);
      job.set_genome_digest(best.genome.ToBytes());
      job.set_layout_version(-1);
      if (weights_ == nullptr) {
        *job.mutable_recipe() = RecipeToProto(*schedule.recipe(slot));
      } else {
        *job.mutable_weights() = members_.at(best.sequence_number);
      }
      ASSIGN_OR_RETURN(const Evaluated evaluated, Evaluate(job, order));
      line["best"]["holdout_accuracy"] = Mean(evaluated.chunks.scores());
    }
    std::cout << line.dump() << std::endl;
    return absl::OkStatus();
  }

  static double Mean(const std::vector<uint32_t>& scores) {
    const uint64_t solved =
        std::accumulate(scores.begin(), scores.end(), uint64_t{0});
    return static_cast<double>(solved) / static_cast<double>(scores.size());
  }

  v1::CampaignSpec spec_;
  ScheduleOptions options_;
  std::unique_ptr<CampaignEvaluator> evaluator_;
  KeptBlobs blobs_;
  std::unique_ptr<CandidateWeights> weights_;  // null: by recipes
  // Accepted candidates, where weights are kept.
  std::map<int64_t, v1::WeightsRef> members_;
  std::vector<TaskExtent> holdout_;
  std::atomic<bool> stop_ = false;
  ChunkOrder order_;
  bool reject_ = false;
  std::optional<RejectionBound> bound_;  // of the archive as it stands
  int64_t datapoint_evaluations_ = 0;
  int64_t accepted_ = 0;
  double seconds_ = 0;
};

int Run(const Arguments& arguments) {
  const auto bare = BareCampaign::Create(arguments);
  const absl::Status status = bare.ok() ? (*bare)->Run() : bare.status();
  if (status.ok()) return 0;
  std::cerr << "bare_campaign: " << status.message() << std::endl;
  return 1;
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  CLI::App app("A campaign with no service around it", "bare_campaign");
  merganser::Arguments arguments;
  app.add_option("FILE", arguments.file, "Campaign file")->required();
  app.add_option("--set", arguments.overrides, "key.path=value")
      ->allow_extra_args(false);
  app.add_option("--threads", arguments.threads, "Threads per forward pass");
  app.add_flag("--reject", arguments.reject,
               "Give up children that must be dropped");
  CLI11_PARSE(app, argc, argv);
  return merganser::Run(arguments);
}
