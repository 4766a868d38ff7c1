#include "worker/testing/fake_evaluators.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {

class FakeEvaluators::Evaluator : public CampaignEvaluator {
 public:
  explicit Evaluator(FakeEvaluators& owner) : owner_(owner) {}

  absl::StatusOr<Digest> Probe() override { return ProbeDigest(); }
  absl::StatusOr<std::string> Gram() override { return std::string("gram"); }

  absl::StatusOr<bool> Evaluate(const v1::Job& job,
                                std::span<const uint8_t> weights,
                                const ChunkOrder*,
                                const std::atomic<bool>& stop,
                                TakeChunk take) override {
    const int64_t candidate = job.key().candidate();
    absl::MutexLock lock(&owner_.mutex_);
    owner_.weights_[candidate].assign(weights.begin(), weights.end());
    owner_.started_.insert(candidate);
    while (owner_.held_.contains(candidate)) {
      if (stop) return absl::CancelledError("stopped");
      const auto changed = [this, candidate, &stop] {
        owner_.mutex_.AssertHeld();
        return stop || !owner_.held_.contains(candidate);
      };
      // `stop` is set without a signal to this mutex; look again now and then.
      owner_.mutex_.AwaitWithTimeout(absl::Condition(&changed),
                                     absl::Milliseconds(5));
    }
    if (owner_.failing_.contains(candidate)) {
      return absl::InternalError(absl::StrCat(candidate, " fails"));
    }
    for (int chunk = 0; chunk < owner_.chunks_; ++chunk) {
      v1::ChunkScores scores;
      scores.set_chunk(chunk);
      scores.set_scores(ScoresOf(candidate));
      if (!take(std::move(scores))) return chunk + 1 == owner_.chunks_;
    }
    return true;
  }

 private:
  FakeEvaluators& owner_;
};

absl::StatusOr<std::unique_ptr<CampaignEvaluator>> FakeEvaluators::Create(
    const v1::CampaignSpec& spec) {
  if (spec.name() == kBrokenCampaign) {
    return absl::InvalidArgumentError("seeds[0].path: broken.safetensors");
  }
  return std::make_unique<Evaluator>(*this);
}

v1::Device FakeEvaluators::Device() const {
  v1::Device device;
  device.set_name("cpu");
  device.set_device_class("fake");
  device.set_capacity(1);
  return device;
}

std::string FakeEvaluators::ScoresOf(int64_t candidate) {
  return absl::StrCat("scores of ", candidate);
}

void FakeEvaluators::Fail(int64_t candidate) {
  absl::MutexLock lock(&mutex_);
  failing_.insert(candidate);
}

void FakeEvaluators::Hold(int64_t candidate) {
  absl::MutexLock lock(&mutex_);
  held_.insert(candidate);
}

void FakeEvaluators::Release(int64_t candidate) {
  absl::MutexLock lock(&mutex_);
  held_.erase(candidate);
}

void FakeEvaluators::UseChunks(int chunks) {
  absl::MutexLock lock(&mutex_);
  chunks_ = chunks;
}

std::string FakeEvaluators::WeightsOf(int64_t candidate) {
  absl::MutexLock lock(&mutex_);
  return weights_[candidate];
}

void FakeEvaluators::AwaitStart(int64_t candidate) {
  const auto started = [this, candidate] {
    mutex_.AssertHeld();
    return started_.contains(candidate);
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&started));
}

}  // namespace merganser
