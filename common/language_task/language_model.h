// What tasks need of a language model: tokens in, log-likelihoods and
// continuations out. Knows no libtorch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/genome/output_format.h"

namespace merganser {

using TokenIds = std::span<const int32_t>;

// A context and what may follow it.
struct ScoringRequest {
  TokenIds context;                     // at least one token
  std::vector<TokenIds> continuations;  // each at least one token
  bool wants_next = false;              // see ContinuationScore::next
};

struct ContinuationScore {
  // Sum over the continuation's tokens of the natural logarithm of their
  // probability, added in double. NaN where a logit is.
  double log_likelihood = 0;
  // Every token of it has the largest logit, the first on ties: greedy decoding
  // would write it. False where a logit is NaN.
  bool greedy = false;
  // The token that greedy decoding would write behind it; -1 where a logit is
  // NaN, or it is not asked for.
  int32_t next = -1;
};

struct GenerationRequest {
  TokenIds prompt;  // at least one token
  int64_t maximum_new_tokens = 0;
};

// Called after each new token of request `request`; `tokens` are all new ones.
// Returns whether the continuation is complete.
using IsComplete = absl::FunctionRef<bool(size_t request, TokenIds tokens)>;

// One candidate at a time: its parameter vector is written straight into the
// model's own buffer. All results are functions of the parameters and of the
// whole batch that is passed: the same batch gives the same bits.
// Threads: none; one object belongs to one thread at a time.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  virtual int64_t vocabulary_size() const = 0;
  // Tokens of a prompt and its continuation together.
  virtual int64_t maximum_length() const = 0;

  // Where the next candidate's parameter vector goes, and how it is written.
  virtual std::span<uint8_t> parameters() = 0;
  virtual OutputFormat parameter_format() const = 0;
  // Takes up what parameters() holds.
  virtual absl::Status LoadParameters() = 0;

  // Per request, per continuation. A context is computed once whatever the
  // number of its continuations, and so is what all contexts of the batch begin
  // with.
  // Errors: InvalidArgument for a token that is not of the vocabulary, or a
  // context and continuation longer than maximum_length(); ResourceExhausted
  // when memory runs out; Internal with libtorch's message.
  virtual absl::StatusOr<std::vector<std::vector<ContinuationScore>>> Score(
      std::span<const ScoringRequest> requests) = 0;

  // Greedy continuations, the token that completed one included; the batch
  // shrinks as they end. They end, too, at maximum_length(), and without a
  // token where a logit is NaN.
  // Errors: as Score().
  virtual absl::StatusOr<std::vector<std::vector<int32_t>>> Generate(
      std::span<const GenerationRequest> requests, IsComplete is_complete) = 0;

  // Shape: [tokens.size()][vocabulary_size()], the logits behind each token.
  // Errors: as Score().
  virtual absl::StatusOr<std::vector<float>> Logits(TokenIds tokens) = 0;
};

}  // namespace merganser
