// Scores and continuations by any engine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/language_task/language_model.h"
#include "worker/models/decoder_engine.h"
#include "worker/models/token_forest.h"

namespace merganser {

// What sequences begin with together is computed once; sequences that do not
// fit the cache together are computed in several forests.
class ForestModel final : public LanguageModel {
 public:
  struct Limits {
    int64_t vocabulary_size = 0;
    int64_t maximum_length = 0;
    int64_t cache_bytes = 0;
    int64_t tokens_per_step = 1024;  // computed at once
  };

  ForestModel(std::unique_ptr<DecoderEngine> engine, const Limits& limits);

  int64_t vocabulary_size() const override { return limits_.vocabulary_size; }
  int64_t maximum_length() const override { return limits_.maximum_length; }
  std::span<uint8_t> parameters() override { return engine_->parameters(); }
  OutputFormat parameter_format() const override {
    return engine_->parameter_format();
  }
  absl::Status LoadParameters() override { return engine_->LoadParameters(); }

  absl::StatusOr<std::vector<std::vector<ContinuationScore>>> Score(
      std::span<const ScoringRequest> requests) override;
  absl::StatusOr<std::vector<std::vector<int32_t>>> Generate(
      std::span<const GenerationRequest> requests,
      IsComplete is_complete) override;
  absl::StatusOr<std::vector<float>> Logits(TokenIds tokens) override;

 private:
  // A continuation that is being scored, behind its context.
  struct Scored {
    std::vector<int32_t> tokens;  // context and continuation
    int64_t context = 0;          // tokens of it
    bool wants_next = false;
    ContinuationScore* score = nullptr;

    // What has to be computed: the last token's logits give `next` alone.
    TokenIds computed() const {
      return TokenIds(tokens).first(tokens.size() - (wants_next ? 0 : 1));
    }
  };
  // Where a continuation is being written.
  struct Leaf {
    size_t request = 0;
    int64_t length = 0;          // tokens so far, the prompt's among them
    int64_t left = 0;            // tokens that it may still take
    int64_t next_row = 0;        // of the cache
    std::vector<KeyRange> keys;  // of the tokens so far
    int32_t token = -1;          // the one that was just written
  };
  // A row whose logits say something of a continuation.
  struct Wanted {
    int64_t row = 0;
    int32_t token = -1;  // that follows; -1: it is asked for
    ContinuationScore* score = nullptr;
  };

  absl::Status CheckTokens(TokenIds tokens) const;
  absl::Status CheckLength(int64_t length) const;
  absl::Status CheckScoring(const ScoringRequest& request) const;
  // Rows of the cache that are used at once; one sequence always fits.
  int64_t RowLimit() const;
  absl::Status ScoreForest(std::span<const Scored* const> sorted);
  absl::Status ScoreStep(std::span<const Wanted> wanted, int64_t first_row);
  // Generates for as many requests from `begin` on as fit the cache, and
  // returns the first that did not.
  absl::StatusOr<size_t> GenerateSome(
      std::span<const GenerationRequest> requests, size_t begin,
      IsComplete is_complete, std::vector<std::vector<int32_t>>& written);
  absl::Status RunPrompts(const TokenForest& forest, std::vector<Leaf>& leaves);
  absl::Status Extend(std::vector<Leaf>& leaves);

  const std::unique_ptr<DecoderEngine> engine_;
  const Limits limits_;
  HeadRequest head_request_;
  HeadResult head_result_;
};

}  // namespace merganser
