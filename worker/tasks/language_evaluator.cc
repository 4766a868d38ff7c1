#include "worker/tasks/language_evaluator.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/materialise.h"
#include "common/genome/thread_team.h"
#include "common/language_task/language_model.h"
#include "worker/models/device.h"
#include "worker/models/llama.h"
#include "worker/tasks/language_data.h"
#include "worker/tasks/metered_language_model.h"
#include "worker/weights/job_recipe.h"

namespace merganser {
namespace {

// Tokens whose logits tell device classes apart.
constexpr int64_t kProbeTokens = 32;

class LanguageEvaluator : public CampaignEvaluator {
 public:
  LanguageEvaluator(ScoreKind kind, std::unique_ptr<LanguageData> data,
                    std::unique_ptr<LanguageModel> model, int threads,
                    const WorkerMetrics& metrics)
      : metrics_(metrics),
        kind_(kind),
        data_(std::move(data)),
        model_(std::move(model)),
        team_(threads),
        materialiser_(team_),
        pointers_(data_->seeds().pointers()) {}

  absl::StatusOr<Digest> Probe() override;
  absl::StatusOr<std::string> Gram() override {
    return data_->seeds().MakeGramSums(team_).Serialise();
  }
  absl::StatusOr<bool> Evaluate(const v1::Job& job,
                                std::span<const uint8_t> weights,
                                const ChunkOrder* order,
                                const std::atomic<bool>& stop,
                                TakeChunk take) override;

 private:
  absl::Status Materialise(const LinearRecipe& recipe);
  absl::StatusOr<ChunkPlan> PlanOf(bool holdout, const ChunkOrder* order) const;
  absl::StatusOr<v1::ChunkScores> Score(bool holdout, const ChunkPlan& plan,
                                        const ChunkPlan::Reference& chunk);

  const WorkerMetrics metrics_;
  const ScoreKind kind_;
  const std::unique_ptr<LanguageData> data_;
  const std::unique_ptr<LanguageModel> model_;
  ThreadTeam team_;
  Materialiser materialiser_;
  const std::vector<const SeedWeights*> pointers_;
};

absl::Status LanguageEvaluator::Materialise(const LinearRecipe& recipe) {
  const CampaignSeeds& seeds = data_->seeds();
  RETURN_IF_ERROR(materialiser_.RunInto(
      data_->model_layout(), recipe, seeds.layout, pointers_,
      model_->parameter_format(), model_->parameters()));
  return model_->LoadParameters();
}

// The bits of logits depend on the weights, the device and the kernels alone,
// so any tokens will do.
absl::StatusOr<Digest> LanguageEvaluator::Probe() {
  UseDeviceOnThisThread();
  RETURN_IF_ERROR(Materialise(
      SeedRecipe(0, static_cast<int>(pointers_.size()),
                 static_cast<int>(data_->seeds().layout.chromosomes.size()))));
  const int64_t length =
      std::min(kProbeTokens, data_->seeds().language->maximum_length());
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < length; ++i) {
    tokens.push_back(static_cast<int32_t>(i % model_->vocabulary_size()));
  }
  ASSIGN_OR_RETURN(const std::vector<float> logits, model_->Logits(tokens));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(logits));
  return DigestBuilder()
      .String("merganser-language-probe/1")
      .Raw({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()})
      .Finish();
}

absl::StatusOr<ChunkPlan> LanguageEvaluator::PlanOf(
    bool holdout, const ChunkOrder* order) const {
  const std::vector<TaskShape> shapes =
      holdout ? data_->HoldoutShapes() : data_->SearchShapes();
  if (holdout || order == nullptr) return ChunkPlan::InFileOrder(shapes);
  return ChunkPlan::InOrder(shapes, *order);
}

absl::StatusOr<v1::ChunkScores> LanguageEvaluator::Score(
    bool holdout, const ChunkPlan& plan, const ChunkPlan::Reference& chunk) {
  const LanguageTaskData& task = data_->tasks()[chunk.task];
  const Chunk& members = plan.task(chunk.task)[chunk.chunk];
  const std::span<const uint32_t> own =
      std::span(members.datapoints).first(members.real_count);
  ASSIGN_OR_RETURN(const LanguageScores scores,
                   (holdout ? task.holdout : task.search)
                       ->Score(*model_, own, /*wants_outputs=*/false));
  v1::ChunkScores scored;
  scored.set_task(chunk.task);
  scored.set_chunk(chunk.chunk);
  scored.set_scores(PackLanguageScores(kind_, scores.scores));
  scored.set_saw_nan(scores.saw_nan);
  return scored;
}

absl::StatusOr<bool> LanguageEvaluator::Evaluate(
    const v1::Job& job, std::span<const uint8_t> weights,
    const ChunkOrder* order, const std::atomic<bool>& stop, TakeChunk take) {
  UseDeviceOnThisThread();
  if (!weights.empty()) {
    return absl::InvalidArgumentError(
        "job.weights: candidates of language models are made by recipes");
  }
  const bool holdout = job.key().kind() == v1::JOB_KIND_HOLDOUT;
  ASSIGN_OR_RETURN(const ChunkPlan plan, PlanOf(holdout, order));
  ASSIGN_OR_RETURN(const std::vector<ChunkPlan::Reference> chunks,
                   plan.Select(job));
  ASSIGN_OR_RETURN(const LinearRecipe recipe, RecipeOf(job, data_->seeds()));
  {
    const PhaseTimer timer(metrics_.merge);
    const int64_t elements = std::ssize(model_->parameters()) /
                             DTypeBytes(model_->parameter_format().held());
    metrics_.merged_bytes.Add(
        static_cast<double>(elements * DTypeBytes(data_->seeds().dtype)));
    RETURN_IF_ERROR(Materialise(recipe));
  }
  const PhaseTimer timer(metrics_.evaluate);
  size_t passed_on = 0;
  for (const ChunkPlan::Reference& chunk : chunks) {
    if (stop.load(std::memory_order_relaxed)) {
      return absl::CancelledError("the job was stopped");
    }
    ASSIGN_OR_RETURN(v1::ChunkScores scored, Score(holdout, plan, chunk));
    metrics_.CountDatapoints(job.key().kind(),
                             plan.task(chunk.task)[chunk.chunk].real_count);
    ++passed_on;
    if (!take(std::move(scored))) break;
  }
  return passed_on == chunks.size();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CampaignEvaluator>> CreateLanguageEvaluator(
    const v1::CampaignSpec& spec, const PathRules& paths,
    const LanguageEvaluatorOptions& options) {
  UseDeviceOnThisThread();
  ThreadTeam team(options.threads);
  ASSIGN_OR_RETURN(auto data, LanguageData::Load(spec, paths, team));
  LlamaOptions llama{.device = options.device,
                     .threads = options.threads,
                     .weights_dtype = data->seeds().dtype};
  ASSIGN_OR_RETURN(llama.compute_dtype, ComputeDTypeOf(spec));
  ASSIGN_OR_RETURN(
      auto model, CreateLlama(data->seeds().language->tokenizer_seed().config(),
                              data->model_layout(), llama));
  RETURN_IF_ERROR(
      data->WriteKeptRows(model->parameter_format(), model->parameters()));
  return std::make_unique<LanguageEvaluator>(
      ScoreKindOf(spec), std::move(data),
      std::make_unique<MeteredLanguageModel>(std::move(model),
                                             options.metrics.tokens_read,
                                             options.metrics.tokens_written),
      options.threads, options.metrics);
}

}  // namespace merganser
