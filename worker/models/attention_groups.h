// Segments of a step that are padded to one shape, for attention in libtorch.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/models/decoder_engine.h"

namespace merganser {

struct AttentionGroup {
  int64_t segments = 0;
  int64_t queries = 0;                // per segment, padding included
  int64_t keys = 0;                   // likewise
  std::vector<int64_t> query_tokens;  // [segments][queries]: indices of tokens
  std::vector<int64_t> key_rows;      // [segments][keys]: rows of the cache
  std::vector<float> mask;  // [segments][queries][keys]: 0 seen, -infinity not
  // The queries that are no padding: index into [segments][queries], and token.
  std::vector<int64_t> valid;
  std::vector<int64_t> valid_tokens;
};

// Together the groups have every token of the step once. A group has at most
// `scores` elements in its mask, unless one query alone has more.
// `window`: keys that a token sees, itself included.
std::vector<AttentionGroup> GroupForAttention(const ForestStep& step,
                                              int64_t window, int64_t scores);

}  // namespace merganser
