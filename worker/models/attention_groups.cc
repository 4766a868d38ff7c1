#include "worker/models/attention_groups.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace merganser {
namespace {

// Padding that is not worth another group.
constexpr int64_t kFewQueries = 8;
constexpr int64_t kFewKeys = 64;

// Some tokens of a segment, and the keys that any of them sees.
struct Piece {
  const SegmentStep* segment;
  int64_t begin, count;  // of the segment's tokens
  int64_t first_key;     // position

  int64_t position() const { return segment->position + begin; }
  int64_t keys() const { return position() + count - first_key; }
};

std::vector<Piece> CutSegments(const ForestStep& step, int64_t window,
                               int64_t scores) {
  std::vector<Piece> pieces;
  for (const SegmentStep& segment : step.segments) {
    const int64_t keys =
        std::min(segment.position + segment.count, window + segment.count);
    const int64_t most = std::max<int64_t>(1, scores / keys);
    for (int64_t begin = 0; begin < segment.count; begin += most) {
      const int64_t first = segment.position + begin + 1 - window;
      pieces.push_back({&segment, begin, std::min(most, segment.count - begin),
                        std::max<int64_t>(0, first)});
    }
  }
  // The largest first; those of one size in their order.
  const auto key = [](const Piece& piece) {
    return std::tuple(-piece.count, -piece.keys(), piece.segment->first,
                      piece.begin);
  };
  std::sort(pieces.begin(), pieces.end(),
            [&](const Piece& a, const Piece& b) { return key(a) < key(b); });
  return pieces;
}

// The cache's rows of the piece's keys.
void AppendRows(const Piece& piece, std::vector<int64_t>& rows) {
  int64_t position = 0;
  const int64_t end = piece.first_key + piece.keys();
  for (const KeyRange& range : piece.segment->keys) {
    const int64_t length = range.end - range.begin;
    const int64_t from = std::max(piece.first_key, position);
    const int64_t to = std::min(end, position + length);
    for (int64_t p = from; p < to; ++p) {
      rows.push_back(range.begin + p - position);
    }
    position += length;
  }
}

void AppendPiece(const Piece& piece, int64_t window, AttentionGroup& group) {
  const size_t first_row = group.key_rows.size();
  AppendRows(piece, group.key_rows);
  // Padding is a key and a query of the piece: it brings in no NaN of others.
  group.key_rows.resize(first_row + group.keys, group.key_rows[first_row]);
  for (int64_t i = 0; i < group.queries; ++i) {
    const int64_t query = std::min(i, piece.count - 1);
    const int64_t token = piece.segment->first + piece.begin + query;
    if (i == query) {
      group.valid.push_back(std::ssize(group.query_tokens));
      group.valid_tokens.push_back(token);
    }
    group.query_tokens.push_back(token);
    const int64_t position = piece.position() + query;
    for (int64_t k = 0; k < group.keys; ++k) {
      const int64_t key = piece.first_key + k;
      const bool seen = key <= position && key > position - window;
      group.mask.push_back(seen ? 0 : -std::numeric_limits<float>::infinity());
    }
  }
}

}  // namespace

std::vector<AttentionGroup> GroupForAttention(const ForestStep& step,
                                              int64_t window, int64_t scores) {
  const std::vector<Piece> pieces = CutSegments(step, window, scores);
  std::vector<AttentionGroup> groups;
  for (size_t begin = 0; begin < pieces.size();) {
    AttentionGroup& group = groups.emplace_back();
    group.queries = pieces[begin].count;
    int64_t fewest = pieces[begin].keys();
    size_t end = begin;
    for (; end < pieces.size(); ++end) {
      const int64_t keys = pieces[end].keys();
      const int64_t most = std::max(group.keys, keys);
      fewest = std::min(fewest, keys);
      const bool alike =
          (group.queries <= kFewQueries ||
           2 * pieces[end].count >= group.queries) &&
          (most <= kFewKeys || most <= 2 * fewest) &&
          static_cast<int64_t>(end - begin + 1) * group.queries * most <=
              scores;
      if (end > begin && !alike) break;
      group.keys = most;
    }
    group.segments = static_cast<int64_t>(end - begin);
    for (; begin < end; ++begin) AppendPiece(pieces[begin], window, group);
  }
  return groups;
}

}  // namespace merganser
