#include "tests/hash_worker/hash_evaluator.h"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/genome/thread_team.h"
#include "worker/weights/campaign_data.h"

namespace merganser {
namespace {

std::string HashScores(const std::string& genome_digest, const Chunk& chunk) {
  const auto count = static_cast<size_t>(chunk.real_count);
  std::string bits((count + 7) / 8, '\0');
  const int bound = 64 + Sha256(genome_digest).bytes[2] / 2;
  Digest block;
  for (size_t i = 0; i < count; ++i) {
    if (i % block.bytes.size() == 0) {
      DigestBuilder hash;
      hash.String(genome_digest);
      for (const uint32_t datapoint : chunk.datapoints) hash.U32(datapoint);
      block = hash.U64(i / block.bytes.size()).Finish();
    }
    if (block.bytes[i % block.bytes.size()] >= bound) continue;
    bits[i / 8] = static_cast<char>(bits[i / 8] | (0x80 >> (i % 8)));
  }
  return bits;
}

class HashEvaluator : public CampaignEvaluator {
 public:
  HashEvaluator(std::unique_ptr<CampaignData> data,
                const HashEvaluatorOptions& options)
      : data_(std::move(data)), options_(options), team_(options.threads) {}

  absl::StatusOr<Digest> Probe() override { return Sha256("hash worker"); }

  absl::StatusOr<std::string> Gram() override {
    return data_->MakeGramSums(team_).Serialise();
  }

  absl::StatusOr<bool> Evaluate(const v1::Job& job,
                                std::span<const uint8_t> weights,
                                const ChunkOrder* order,
                                const std::atomic<bool>& stop,
                                TakeChunk take) override {
    RETURN_IF_ERROR(PlayFaults(job.key()));
    if (weights.empty()) RETURN_IF_ERROR(data_->RecipeOf(job).status());
    ASSIGN_OR_RETURN(const ChunkPlan plan, Plan(job, order));
    ASSIGN_OR_RETURN(const std::vector<ChunkPlan::Reference> chunks,
                     plan.Select(job));
    size_t passed_on = 0;
    for (const auto [task, chunk] : chunks) {
      if (stop) return absl::CancelledError("the job was stopped");
      v1::ChunkScores scored;
      scored.set_task(task);
      scored.set_chunk(chunk);
      scored.set_scores(HashScores(
          job.genome_digest(), plan.task(task)[static_cast<size_t>(chunk)]));
      ++passed_on;
      if (!take(std::move(scored))) break;
    }
    return passed_on == chunks.size();
  }

 private:
  absl::Status PlayFaults(const v1::JobKey& key) const {
    if (key.kind() != v1::JOB_KIND_SEARCH) return absl::OkStatus();
    absl::SleepFor(options_.delay);
    if (key.candidate() == options_.crash_candidate) std::abort();
    if (key.candidate() == options_.fail_candidate) {
      return absl::InternalError("this candidate is meant to fail");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ChunkPlan> Plan(const v1::Job& job,
                                 const ChunkOrder* order) const {
    if (job.key().kind() == v1::JOB_KIND_HOLDOUT) {
      return ChunkPlan::InFileOrder(data_->HoldoutShapes());
    }
    return order == nullptr ? ChunkPlan::InFileOrder(data_->SearchShapes())
                            : ChunkPlan::InOrder(data_->SearchShapes(), *order);
  }

  std::unique_ptr<CampaignData> data_;
  const HashEvaluatorOptions options_;
  ThreadTeam team_;
};

class HashEvaluators : public EvaluatorFactory {
 public:
  explicit HashEvaluators(const HashEvaluatorOptions& options)
      : options_(options) {}

  absl::StatusOr<std::unique_ptr<CampaignEvaluator>> Create(
      const v1::CampaignSpec& spec) override {
    ThreadTeam team(options_.threads);
    ASSIGN_OR_RETURN(auto data, CampaignData::Load(spec, options_.paths, team));
    return std::make_unique<HashEvaluator>(std::move(data), options_);
  }

  v1::Device Device() const override {
    v1::Device device;
    device.set_name("cpu");
    device.set_device_class("hash");
    device.set_memory_bytes(1 << 30);
    device.set_capacity(1);
    return device;
  }

 private:
  const HashEvaluatorOptions options_;
};

}  // namespace

bool ParksForNothing(const v1::Job& job, const v1::ChunkScores& chunk,
                     int percent) {
  if (job.urgent()) return false;
  const Digest digest = Sha256(job.genome_digest());
  return digest.bytes[0] % 100 < percent &&
         chunk.chunk() >= digest.bytes[1] % 16;
}

std::unique_ptr<EvaluatorFactory> CreateHashEvaluators(
    const HashEvaluatorOptions& options) {
  return std::make_unique<HashEvaluators>(options);
}

}  // namespace merganser
