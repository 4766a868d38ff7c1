#include "worker/models/token_forest.h"

#include <algorithm>
#include <numeric>

namespace merganser {

std::vector<size_t> SortedOrder(std::span<const TokenIds> sequences) {
  std::vector<size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto order_of_tokens = std::lexicographical_compare_three_way(
        sequences[a].begin(), sequences[a].end(), sequences[b].begin(),
        sequences[b].end());
    return order_of_tokens != 0 ? order_of_tokens < 0 : a < b;
  });
  return order;
}

int64_t CommonPrefix(TokenIds a, TokenIds b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
         a.begin();
}

TokenForest::TokenForest(std::span<const TokenIds> sorted) {
  segment_of_.reserve(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) {
    const int64_t shared = i == 0 ? 0 : CommonPrefix(sorted[i - 1], sorted[i]);
    int parent = i == 0 ? -1 : segment_of_.back();
    if (i > 0 && shared == std::ssize(sorted[i])) {  // equal to the one before
      segment_of_.push_back(parent);
      continue;
    }
    while (parent >= 0 && segments_[parent].position >= shared) {
      parent = segments_[parent].parent;
    }
    segment_of_.push_back(static_cast<int>(segments_.size()));
    segments_.push_back({parent, rows_, shared, sorted[i].subspan(shared)});
    rows_ += std::ssize(sorted[i]) - shared;
  }
}

int64_t TokenForest::RowOf(size_t sequence, int64_t position) const {
  const Segment* segment = &segments_[segment_of_[sequence]];
  while (segment->position > position) segment = &segments_[segment->parent];
  return segment->row + position - segment->position;
}

void TokenForest::AppendKeys(int segment, int64_t length,
                             std::vector<KeyRange>& keys) const {
  const size_t first = keys.size();
  while (segment >= 0) {
    const Segment& here = segments_[segment];
    keys.push_back({here.row, here.row + length - here.position});
    length = here.position;
    segment = here.parent;
  }
  std::reverse(keys.begin() + static_cast<int64_t>(first), keys.end());
}

std::vector<KeyRange> TokenForest::KeysOf(size_t sequence) const {
  const int segment = segment_of_[sequence];
  const Segment& last = segments_[segment];
  std::vector<KeyRange> keys;
  AppendKeys(segment, last.position + std::ssize(last.tokens), keys);
  return keys;
}

ForestStep TokenForest::Step(int64_t begin, int64_t end) const {
  ForestStep step;
  step.tokens.reserve(end - begin);
  step.rows.resize(end - begin);
  std::iota(step.rows.begin(), step.rows.end(), begin);
  const auto above = std::upper_bound(
      segments_.begin(), segments_.end(), begin,
      [](int64_t row, const Segment& segment) { return row < segment.row; });
  for (auto i = std::max(static_cast<int>(above - segments_.begin()) - 1, 0);
       i < static_cast<int>(segments_.size()) && segments_[i].row < end; ++i) {
    const Segment& segment = segments_[i];
    const int64_t from = std::max(begin - segment.row, int64_t{0});
    const int64_t to = std::min(end - segment.row,
                                static_cast<int64_t>(segment.tokens.size()));
    SegmentStep& part = step.segments.emplace_back();
    part.first = segment.row + from - begin;
    part.count = to - from;
    part.position = segment.position + from;
    AppendKeys(i, segment.position + to, part.keys);
    for (int64_t k = from; k < to; ++k) {
      step.positions.push_back(segment.position + k);
    }
    step.tokens.insert(step.tokens.end(), segment.tokens.begin() + from,
                       segment.tokens.begin() + to);
  }
  return step;
}

}  // namespace merganser
