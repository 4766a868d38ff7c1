// Counts the tokens of a language model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/language_task/language_model.h"
#include "common/telemetry/metrics.h"

namespace merganser {

// Passes all on to another model. Read are the tokens of prompts and of
// continuations to be scored, each time that one is asked for; written are
// those that the model generates. Only calls that succeed count.
// Threads: none; one object belongs to one thread at a time.
class MeteredLanguageModel : public LanguageModel {
 public:
  MeteredLanguageModel(std::unique_ptr<LanguageModel> model, Counter read,
                       Counter written)
      : model_(std::move(model)), read_(read), written_(written) {}

  int64_t vocabulary_size() const override { return model_->vocabulary_size(); }
  int64_t maximum_length() const override { return model_->maximum_length(); }
  std::span<uint8_t> parameters() override { return model_->parameters(); }
  absl::Status LoadParameters() override { return model_->LoadParameters(); }
  absl::StatusOr<std::vector<std::vector<ContinuationScore>>> Score(
      std::span<const ScoringRequest> requests) override;
  absl::StatusOr<std::vector<std::vector<int32_t>>> Generate(
      std::span<const GenerationRequest> requests,
      IsComplete is_complete) override;
  absl::StatusOr<std::vector<float>> Logits(TokenIds tokens) override {
    return model_->Logits(tokens);
  }

 private:
  const std::unique_ptr<LanguageModel> model_;
  const Counter read_;
  const Counter written_;
};

}  // namespace merganser
