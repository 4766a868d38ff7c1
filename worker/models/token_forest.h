// Token sequences with what they have in common stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/language_task/language_model.h"
#include "worker/models/decoder_engine.h"

namespace merganser {

// Indices of the sequences in text order of their tokens; equal ones by index.
std::vector<size_t> SortedOrder(std::span<const TokenIds> sequences);

// Tokens that two sequences begin with together.
int64_t CommonPrefix(TokenIds a, TokenIds b);

// Every token of every sequence has a row; two sequences share the rows of
// their common prefix. A token's row is above those of the tokens before it.
// Threads: immutable after construction.
class TokenForest {
 public:
  // `sorted`: in the order of SortedOrder(), none empty; borrowed for as long
  // as the forest lives.
  explicit TokenForest(std::span<const TokenIds> sorted);

  int64_t rows() const { return rows_; }

  // `sequence` is an index into `sorted`.
  int64_t RowOf(size_t sequence, int64_t position) const;

  // The rows of the sequence's tokens, in their order.
  std::vector<KeyRange> KeysOf(size_t sequence) const;

  // What the engine has to do for rows begin … end-1, when it has done those
  // before them.
  ForestStep Step(int64_t begin, int64_t end) const;

 private:
  // The tokens that a sequence adds to those before it in order.
  struct Segment {
    int parent = -1;       // segment of the token before the first; -1: none
    int64_t row = 0;       // of its first token
    int64_t position = 0;  // likewise
    TokenIds tokens;
  };

  // Rows of the first `length` tokens on the way to the end of `segment`.
  void AppendKeys(int segment, int64_t length,
                  std::vector<KeyRange>& keys) const;

  std::vector<Segment> segments_;  // rows ascend
  std::vector<int> segment_of_;    // per sequence
  int64_t rows_ = 0;
};

}  // namespace merganser
