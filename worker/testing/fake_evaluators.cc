#include "worker/testing/fake_evaluators.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace merganser {

class FakeEvaluators::Evaluator : public CampaignEvaluator {
 public:
  explicit Evaluator(FakeEvaluators& owner) : owner_(owner) {}

  absl::StatusOr<Digest> Probe() override { return ProbeDigest(); }
  absl::StatusOr<std::string> Gram() override { return std::string("gram"); }

  absl::Status Evaluate(const v1::Job& job, const ChunkOrder*,
                        const std::atomic<bool>& stop,
                        TakeChunk take) override {
    const int64_t candidate = job.key().candidate();
    absl::MutexLock lock(&owner_.mutex_);
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
    v1::ChunkScores scores;
    scores.set_scores(ScoresOf(candidate));
    take(std::move(scores));
    return absl::OkStatus();
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

void FakeEvaluators::AwaitStart(int64_t candidate) {
  const auto started = [this, candidate] {
    mutex_.AssertHeld();
    return started_.contains(candidate);
  };
  absl::MutexLock lock(&mutex_, absl::Condition(&started));
}

}  // namespace merganser
