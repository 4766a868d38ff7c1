#include "worker/models/forest_model.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

int64_t LongestOf(std::span<const TokenIds> sequences) {
  int64_t longest = 0;
  for (const TokenIds tokens : sequences) {
    longest = std::max(longest, std::ssize(tokens));
  }
  return longest;
}

std::vector<TokenIds> InOrder(std::span<const TokenIds> sequences,
                              std::span<const size_t> order) {
  std::vector<TokenIds> sorted;
  sorted.reserve(order.size());
  for (const size_t index : order) sorted.push_back(sequences[index]);
  return sorted;
}

}  // namespace

ForestModel::ForestModel(std::unique_ptr<DecoderEngine> engine,
                         const Limits& limits)
    : engine_(std::move(engine)), limits_(limits) {}

absl::Status ForestModel::CheckTokens(TokenIds tokens) const {
  for (const int32_t token : tokens) {
    if (token < 0 || token >= limits_.vocabulary_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", token, " is not of the model's vocabulary of ",
                       limits_.vocabulary_size));
    }
  }
  return absl::OkStatus();
}

absl::Status ForestModel::CheckLength(int64_t length) const {
  if (length <= limits_.maximum_length) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(length, " tokens; expected at most ", limits_.maximum_length,
                   ", the model's context"));
}

absl::Status ForestModel::CheckScoring(const ScoringRequest& request) const {
  if (request.context.empty()) {
    return absl::InvalidArgumentError("a context without tokens");
  }
  RETURN_IF_ERROR(CheckTokens(request.context));
  for (const TokenIds continuation : request.continuations) {
    if (continuation.empty()) {
      return absl::InvalidArgumentError("a continuation without tokens");
    }
    RETURN_IF_ERROR(CheckTokens(continuation));
    RETURN_IF_ERROR(
        CheckLength(std::ssize(request.context) + std::ssize(continuation)));
  }
  return absl::OkStatus();
}

int64_t ForestModel::RowLimit() const {
  return limits_.cache_bytes / engine_->row_bytes();
}

absl::StatusOr<std::vector<std::vector<ContinuationScore>>> ForestModel::Score(
    std::span<const ScoringRequest> requests) {
  std::vector<std::vector<ContinuationScore>> scores(requests.size());
  std::vector<Scored> scored;
  for (size_t i = 0; i < requests.size(); ++i) {
    const ScoringRequest& request = requests[i];
    RETURN_IF_ERROR(CheckScoring(request));
    scores[i].resize(request.continuations.size(), {.greedy = true});
    for (size_t k = 0; k < request.continuations.size(); ++k) {
      Scored& entry = scored.emplace_back();
      entry.tokens.assign(request.context.begin(), request.context.end());
      entry.tokens.insert(entry.tokens.end(), request.continuations[k].begin(),
                          request.continuations[k].end());
      entry.context = std::ssize(request.context);
      entry.wants_next = request.wants_next;
      entry.score = &scores[i][k];
    }
  }
  std::vector<TokenIds> sequences;
  for (const Scored& entry : scored) sequences.push_back(entry.computed());
  std::vector<const Scored*> forest;
  int64_t rows = 0;
  for (const size_t index : SortedOrder(sequences)) {
    const TokenIds tokens = sequences[index];
    const int64_t shared =
        forest.empty() ? 0 : CommonPrefix(forest.back()->computed(), tokens);
    // A sequence that is longer than the limit is computed alone.
    if (!forest.empty() && rows + std::ssize(tokens) - shared > RowLimit()) {
      RETURN_IF_ERROR(ScoreForest(forest));
      forest.clear();
      rows = 0;
    }
    rows += std::ssize(tokens) - (forest.empty() ? 0 : shared);
    forest.push_back(&scored[index]);
  }
  RETURN_IF_ERROR(ScoreForest(forest));
  return scores;
}

absl::Status ForestModel::ScoreForest(std::span<const Scored* const> sorted) {
  std::vector<TokenIds> sequences;
  for (const Scored* entry : sorted) sequences.push_back(entry->computed());
  const TokenForest forest(sequences);
  std::vector<Wanted> wanted;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Scored& entry = *sorted[i];
    for (int64_t p = entry.context; p <= std::ssize(sequences[i]); ++p) {
      const bool follows = p < std::ssize(entry.tokens);
      wanted.push_back({forest.RowOf(i, p - 1), follows ? entry.tokens[p] : -1,
                        entry.score});
    }
  }
  // A sequence's rows ascend, so its terms stay in their order.
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return a.row != b.row ? a.row < b.row : a.token < b.token;
  });
  const bool keep = forest.rows() > limits_.tokens_per_step;
  RETURN_IF_ERROR(engine_->Reserve(forest.rows(), LongestOf(sequences), keep));
  size_t next = 0;
  for (int64_t row = 0; row < forest.rows(); row += limits_.tokens_per_step) {
    const int64_t end = std::min(forest.rows(), row + limits_.tokens_per_step);
    RETURN_IF_ERROR(engine_->Forward(forest.Step(row, end)));
    const size_t first = next;
    while (next < wanted.size() && wanted[next].row < end) ++next;
    RETURN_IF_ERROR(
        ScoreStep(std::span(wanted).subspan(first, next - first), row));
  }
  return absl::OkStatus();
}

absl::Status ForestModel::ScoreStep(std::span<const Wanted> wanted,
                                    int64_t first_row) {
  std::vector<int64_t>& tokens = head_request_.tokens;
  tokens.clear();
  head_request_.queries.clear();
  for (const Wanted& want : wanted) {
    const int64_t token = want.row - first_row;
    if (tokens.empty() || tokens.back() != token) tokens.push_back(token);
    if (want.token < 0) continue;
    head_request_.queries.push_back({std::ssize(tokens) - 1, want.token});
  }
  RETURN_IF_ERROR(engine_->Head(head_request_, head_result_));
  size_t row = 0;
  size_t query = 0;
  for (const Wanted& want : wanted) {
    while (tokens[row] != want.row - first_row) ++row;
    const int32_t best = head_result_.best[row];
    if (want.token < 0) {
      want.score->next = best;
      continue;
    }
    want.score->log_likelihood += head_result_.log_probabilities[query++];
    want.score->greedy = want.score->greedy && best == want.token;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<int32_t>>> ForestModel::Generate(
    std::span<const GenerationRequest> requests, IsComplete is_complete) {
  for (const GenerationRequest& request : requests) {
    if (request.prompt.empty()) {
      return absl::InvalidArgumentError("a prompt without tokens");
    }
    RETURN_IF_ERROR(CheckTokens(request.prompt));
    RETURN_IF_ERROR(CheckLength(std::ssize(request.prompt)));
  }
  std::vector<std::vector<int32_t>> written(requests.size());
  for (size_t begin = 0; begin < requests.size();) {
    ASSIGN_OR_RETURN(begin,
                     GenerateSome(requests, begin, is_complete, written));
  }
  return written;
}

absl::StatusOr<size_t> ForestModel::GenerateSome(
    std::span<const GenerationRequest> requests, size_t begin,
    IsComplete is_complete, std::vector<std::vector<int32_t>>& written) {
  std::vector<TokenIds> prompts;
  std::vector<Leaf> leaves;
  int64_t rows = 0;
  int64_t longest = 0;
  size_t end = begin;
  for (; end < requests.size(); ++end) {
    const int64_t length = std::ssize(requests[end].prompt);
    const int64_t left = std::min(requests[end].maximum_new_tokens,
                                  limits_.maximum_length - length);
    if (end > begin && rows + length + left > RowLimit()) break;
    rows += length + left;
    longest = std::max(longest, length + left);
    if (left <= 0) continue;
    prompts.push_back(requests[end].prompt);
    leaves.push_back({.request = end, .length = length, .left = left});
  }
  const std::vector<size_t> order = SortedOrder(prompts);
  const std::vector<TokenIds> sorted = InOrder(prompts, order);
  const TokenForest forest(sorted);
  RETURN_IF_ERROR(engine_->Reserve(rows, longest, /*keep=*/true));
  int64_t row = forest.rows();
  for (size_t i = 0; i < order.size(); ++i) {
    Leaf& leaf = leaves[order[i]];
    leaf.keys = forest.KeysOf(i);
    leaf.keys.push_back({row, row});
    leaf.next_row = row;
    row += leaf.left;
  }
  RETURN_IF_ERROR(RunPrompts(forest, leaves));
  while (!leaves.empty()) {
    std::erase_if(leaves, [&](Leaf& leaf) {
      if (leaf.token < 0) return true;
      written[leaf.request].push_back(leaf.token);
      return is_complete(leaf.request, written[leaf.request]) ||
             --leaf.left == 0;
    });
    RETURN_IF_ERROR(Extend(leaves));
  }
  return end;
}

absl::Status ForestModel::RunPrompts(const TokenForest& forest,
                                     std::vector<Leaf>& leaves) {
  // The prompt's last row is the last key before the leaf's own.
  const auto last_row = [](const Leaf& leaf) {
    return leaf.keys[leaf.keys.size() - 2].end - 1;
  };
  for (int64_t row = 0; row < forest.rows(); row += limits_.tokens_per_step) {
    const int64_t end = std::min(forest.rows(), row + limits_.tokens_per_step);
    RETURN_IF_ERROR(engine_->Forward(forest.Step(row, end)));
    std::vector<Leaf*> ready;
    head_request_.tokens.clear();
    head_request_.queries.clear();
    for (Leaf& leaf : leaves) {
      if (last_row(leaf) < row || last_row(leaf) >= end) continue;
      ready.push_back(&leaf);
      head_request_.tokens.push_back(last_row(leaf) - row);
    }
    RETURN_IF_ERROR(engine_->Head(head_request_, head_result_));
    for (size_t i = 0; i < ready.size(); ++i) {
      ready[i]->token = head_result_.best[i];
    }
  }
  return absl::OkStatus();
}

absl::Status ForestModel::Extend(std::vector<Leaf>& leaves) {
  if (leaves.empty()) return absl::OkStatus();
  ForestStep step;
  head_request_.tokens.resize(leaves.size());
  head_request_.queries.clear();
  std::iota(head_request_.tokens.begin(), head_request_.tokens.end(), 0);
  for (Leaf& leaf : leaves) {
    leaf.keys.back().end = leaf.next_row + 1;
    step.segments.push_back({.first = std::ssize(step.tokens),
                             .count = 1,
                             .position = leaf.length,
                             .keys = leaf.keys});
    step.tokens.push_back(leaf.token);
    step.positions.push_back(leaf.length++);
    step.rows.push_back(leaf.next_row++);
  }
  RETURN_IF_ERROR(engine_->Forward(step));
  RETURN_IF_ERROR(engine_->Head(head_request_, head_result_));
  for (size_t i = 0; i < leaves.size(); ++i) {
    leaves[i].token = head_result_.best[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> ForestModel::Logits(TokenIds tokens) {
  RETURN_IF_ERROR(CheckTokens(tokens));
  RETURN_IF_ERROR(CheckLength(std::ssize(tokens)));
  if (tokens.empty()) return std::vector<float>();
  const TokenForest forest({&tokens, 1});
  RETURN_IF_ERROR(engine_->Reserve(forest.rows(), forest.rows(),
                                   /*keep=*/true));
  std::vector<float> logits(tokens.size() * limits_.vocabulary_size);
  for (int64_t row = 0; row < forest.rows(); row += limits_.tokens_per_step) {
    const int64_t end = std::min(forest.rows(), row + limits_.tokens_per_step);
    RETURN_IF_ERROR(engine_->Forward(forest.Step(row, end)));
    std::vector<int64_t> all(end - row);
    std::iota(all.begin(), all.end(), 0);
    RETURN_IF_ERROR(engine_->Logits(
        all, std::span(logits).subspan(row * limits_.vocabulary_size,
                                       (end - row) * limits_.vocabulary_size)));
  }
  return logits;
}

}  // namespace merganser
