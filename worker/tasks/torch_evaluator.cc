#include "worker/tasks/torch_evaluator.h"

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/materialise.h"
#include "common/genome/random_seed.h"
#include "common/genome/thread_team.h"
#include "worker/models/device.h"
#include "worker/models/device_memory.h"
#include "worker/models/mlp.h"
#include "worker/tasks/batch_cache.h"
#include "worker/tasks/classification.h"
#include "worker/tasks/language_evaluator.h"
#include "worker/weights/campaign_data.h"

namespace merganser {
namespace {

class TorchEvaluator : public CampaignEvaluator {
 public:
  TorchEvaluator(std::unique_ptr<CampaignData> data, int threads,
                 const WorkerMetrics& metrics)
      : metrics_(metrics),
        data_(std::move(data)),
        team_(threads),
        materialiser_(team_) {}

  absl::Status AllocateModel(const std::string& device);
  absl::StatusOr<Digest> Probe() override;
  absl::StatusOr<std::string> Gram() override;
  absl::StatusOr<bool> Evaluate(const v1::Job& job,
                                std::span<const uint8_t> weights,
                                const ChunkOrder* order,
                                const std::atomic<bool>& stop,
                                TakeChunk take) override;

 private:
  absl::Status Materialise(const LinearRecipe& recipe);
  // Takes the candidate into the model.
  absl::Status LoadCandidate(const v1::Job& job,
                             std::span<const uint8_t> weights);
  absl::Status LoadFirstSeed();
  absl::StatusOr<std::string> Score(const Batch& batch);

  const WorkerMetrics metrics_;
  std::unique_ptr<CampaignData> data_;
  ThreadTeam team_;
  Materialiser materialiser_;
  std::optional<Mlp> model_;
  std::optional<BatchCache> batches_;
};

absl::Status TorchEvaluator::AllocateModel(const std::string& device) {
  Mlp::Options options{.device = device,
                       .weights_dtype = data_->weights_dtype(),
                       .batch_sizes = {}};
  for (const TaskData& task : data_->tasks()) {
    options.batch_sizes.insert(task.chunk_size);
  }
  ASSIGN_OR_RETURN(model_, Mlp::Create(data_->layout().parameters, options));
  batches_.emplace(*data_, *model_);
  return absl::OkStatus();
}

absl::Status TorchEvaluator::Materialise(const LinearRecipe& recipe) {
  RETURN_IF_ERROR(materialiser_.Run(recipe, data_->layout(), data_->seeds(),
                                    data_->weights_dtype(),
                                    model_->parameters()));
  return model_->LoadParameters();
}

absl::Status TorchEvaluator::LoadFirstSeed() {
  if (const auto& random = data_->random_seeds(); random.has_value()) {
    MakeRandomSeed({random->campaign_seed, -random->count}, random->sigma,
                   data_->weights_dtype(), team_, model_->parameters());
    return model_->LoadParameters();
  }
  const auto seeds = static_cast<int>(data_->seeds().size());
  const auto chromosomes = static_cast<int>(data_->layout().chromosomes.size());
  return Materialise(SeedRecipe(0, seeds, chromosomes));
}

absl::Status TorchEvaluator::LoadCandidate(const v1::Job& job,
                                           std::span<const uint8_t> weights) {
  if (weights.empty()) {
    ASSIGN_OR_RETURN(const LinearRecipe recipe, data_->RecipeOf(job));
    const PhaseTimer timer(metrics_.merge);
    metrics_.merged_bytes.Add(static_cast<double>(model_->parameters().size()));
    return Materialise(recipe);
  }
  const std::span<uint8_t> parameters = model_->parameters();
  if (weights.size() != parameters.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the candidate's weights are ", weights.size(),
                     " bytes; the model takes ", parameters.size()));
  }
  std::memcpy(parameters.data(), weights.data(), weights.size());
  return model_->LoadParameters();
}

absl::StatusOr<Digest> TorchEvaluator::Probe() {
  UseDeviceOnThisThread();
  RETURN_IF_ERROR(LoadFirstSeed());
  ASSIGN_OR_RETURN(const BatchSet* batches, batches_->Search(nullptr));
  ASSIGN_OR_RETURN(const std::span<const float> logits,
                   model_->Forward(batches->tasks[0][0].rows));
  const std::span<const std::byte> bytes = std::as_bytes(logits);
  return DigestBuilder()
      .String("merganser-probe/1")
      .Raw({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()})
      .Finish();
}

absl::StatusOr<std::string> TorchEvaluator::Gram() {
  return data_->MakeGramSums(team_).Serialise();
}

absl::StatusOr<bool> TorchEvaluator::Evaluate(const v1::Job& job,
                                              std::span<const uint8_t> weights,
                                              const ChunkOrder* order,
                                              const std::atomic<bool>& stop,
                                              TakeChunk take) {
  UseDeviceOnThisThread();
  ASSIGN_OR_RETURN(const BatchSet* batches,
                   job.key().kind() == v1::JOB_KIND_HOLDOUT
                       ? batches_->Holdout()
                       : batches_->Search(order));
  ASSIGN_OR_RETURN(const std::vector<ChunkPlan::Reference> chunks,
                   batches->plan.Select(job));
  RETURN_IF_ERROR(LoadCandidate(job, weights));
  const PhaseTimer timer(metrics_.evaluate);
  size_t passed_on = 0;
  for (const auto [task, chunk] : chunks) {
    if (stop.load(std::memory_order_relaxed)) {
      return absl::CancelledError("the job was stopped");
    }
    const Batch& batch = batches->tasks[task][chunk];
    ASSIGN_OR_RETURN(std::string scores, Score(batch));
    metrics_.CountDatapoints(job.key().kind(),
                             static_cast<int64_t>(batch.labels.size()));
    v1::ChunkScores scored;
    scored.set_task(task);
    scored.set_chunk(chunk);
    scored.set_scores(std::move(scores));
    ++passed_on;
    if (!take(std::move(scored))) break;
  }
  return passed_on == chunks.size();
}

absl::StatusOr<std::string> TorchEvaluator::Score(const Batch& batch) {
  ASSIGN_OR_RETURN(const std::span<const float> logits,
                   model_->Forward(batch.rows));
  return ClassificationScores(
      logits, ShapeOfMlp(data_->layout().parameters).outputs, batch.labels);
}

class TorchEvaluators : public EvaluatorFactory {
 public:
  TorchEvaluators(const TorchEvaluatorOptions& options, v1::Device device)
      : options_(options), device_(std::move(device)) {}

  absl::StatusOr<std::unique_ptr<CampaignEvaluator>> Create(
      const v1::CampaignSpec& spec) override {
    if (IsLanguageModel(spec.model())) {
      return CreateLanguageEvaluator(spec, options_.paths,
                                     {.device = device_.name(),
                                      .threads = options_.threads,
                                      .metrics = metrics_});
    }
    UseDeviceOnThisThread();
    ThreadTeam team(options_.threads);
    ASSIGN_OR_RETURN(auto data, CampaignData::Load(spec, options_.paths, team));
    auto evaluator = std::make_unique<TorchEvaluator>(
        std::move(data), options_.threads, metrics_);
    RETURN_IF_ERROR(evaluator->AllocateModel(device_.name()));
    return evaluator;
  }

  v1::Device Device() const override { return device_; }

  std::optional<DeviceMemory> Memory() const override {
    return MemoryOf(device_.name());
  }

  void CountWith(const WorkerMetrics& metrics) override { metrics_ = metrics; }

 private:
  const TorchEvaluatorOptions options_;
  const v1::Device device_;
  WorkerMetrics metrics_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EvaluatorFactory>> CreateTorchEvaluators(
    const TorchEvaluatorOptions& options) {
  ASSIGN_OR_RETURN(v1::Device device,
                   OpenDevice(options.device, options.threads));
  return std::make_unique<TorchEvaluators>(options, std::move(device));
}

}  // namespace merganser
