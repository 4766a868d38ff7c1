#include "worker/tasks/metered_language_model.h"

#include <cstddef>

namespace merganser {

absl::StatusOr<std::vector<std::vector<ContinuationScore>>>
MeteredLanguageModel::Score(std::span<const ScoringRequest> requests) {
  auto scores = model_->Score(requests);
  if (!scores.ok()) return scores;
  size_t tokens = 0;
  for (const ScoringRequest& request : requests) {
    tokens += request.context.size();
    for (const TokenIds continuation : request.continuations) {
      tokens += continuation.size();
    }
  }
  read_.Add(static_cast<double>(tokens));
  return scores;
}

absl::StatusOr<std::vector<std::vector<int32_t>>>
MeteredLanguageModel::Generate(std::span<const GenerationRequest> requests,
                               IsComplete is_complete) {
  auto texts = model_->Generate(requests, is_complete);
  if (!texts.ok()) return texts;
  size_t read = 0;
  size_t written = 0;
  for (const GenerationRequest& request : requests) {
    read += request.prompt.size();
  }
  for (const std::vector<int32_t>& text : *texts) written += text.size();
  read_.Add(static_cast<double>(read));
  written_.Add(static_cast<double>(written));
  return texts;
}

}  // namespace merganser
