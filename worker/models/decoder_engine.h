// The arithmetic of a decoder, as scoring and generating ask for it. Knows no
// libtorch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/genome/output_format.h"

namespace merganser {

// Rows begin … end-1 of the cache of keys and values.
struct KeyRange {
  int64_t begin = 0;
  int64_t end = 0;

  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Tokens that follow one another in a sequence.
struct SegmentStep {
  int64_t first = 0;  // index into ForestStep::tokens
  int64_t count = 0;
  int64_t position = 0;  // of the first one in its sequence
  // Where keys and values of positions 0 … position + count - 1 lie, those of
  // the segment's own tokens included.
  std::vector<KeyRange> keys;
};

// Tokens that are computed together. Those that a segment sees beyond its own
// are of earlier segments, or of earlier steps.
struct ForestStep {
  std::vector<int32_t> tokens;
  std::vector<int64_t> positions;     // in their sequences; per token
  std::vector<int64_t> rows;          // of the cache; per token
  std::vector<SegmentStep> segments;  // cover the tokens, in their order
};

// A logit that is asked for.
struct LogitQuery {
  int64_t row = 0;  // index into HeadRequest::tokens
  int32_t token = 0;
};

struct HeadRequest {
  std::vector<int64_t> tokens;      // indices into the tokens of the last step
  std::vector<LogitQuery> queries;  // rows ascend
};

struct HeadResult {
  // Per token: the first of the largest logits; -1 where a logit is NaN or
  // infinite, so that there are no probabilities.
  std::vector<int32_t> best;
  // Per query: the natural logarithm of the token's probability; NaN there.
  std::vector<double> log_probabilities;
};

// Threads: none; one object belongs to one thread at a time.
class DecoderEngine {
 public:
  virtual ~DecoderEngine() = default;

  // As in LanguageModel.
  virtual std::span<uint8_t> parameters() = 0;
  virtual OutputFormat parameter_format() const = 0;
  virtual absl::Status LoadParameters() = 0;

  // Bytes of one row of the cache in all layers.
  virtual int64_t row_bytes() const = 0;

  // Makes room for `rows` rows of the cache and positions below `positions`.
  // Rows keep nothing of what was computed before. Unless `keep`, a step sees
  // only its own rows; the cache then takes one layer's room.
  // Errors: ResourceExhausted when memory runs out.
  virtual absl::Status Reserve(int64_t rows, int64_t positions, bool keep) = 0;

  // Errors: Internal with libtorch's message, ResourceExhausted.
  virtual absl::Status Forward(const ForestStep& step) = 0;

  // Errors: as Forward().
  virtual absl::Status Head(const HeadRequest& request, HeadResult& result) = 0;

  // Shape: logits is [tokens.size()][vocabulary].
  virtual absl::Status Logits(std::span<const int64_t> tokens,
                              std::span<float> logits) = 0;
};

}  // namespace merganser
