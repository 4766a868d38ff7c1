// A tokenizer and a language model that can be worked out by hand, for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/language_task/language_model.h"
#include "common/language_task/text_codec.h"

namespace merganser {

// A token per byte; "th" is one token; a text begins with kBegin. A text
// that begins with a space loses it in decoding, as SentencePiece has it.
class FakeCodec : public TextCodec {
 public:
  static constexpr int32_t kBegin = 256;
  static constexpr int32_t kEnd = 257;
  static constexpr int32_t kTh = 258;
  static constexpr int32_t kVocabulary = 259;

  absl::StatusOr<std::vector<int32_t>> Encode(
      std::string_view text, bool add_special_tokens) const override {
    std::vector<int32_t> ids;
    if (add_special_tokens) ids.push_back(kBegin);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i, 2) == "th") {
        ids.push_back(kTh);
        ++i;
      } else {
        ids.push_back(static_cast<unsigned char>(text[i]));
      }
    }
    return ids;
  }

  absl::StatusOr<std::string> Decode(
      std::span<const int32_t> ids) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id == kTh) text += "th";
      if (id < kBegin) text += static_cast<char>(id);
    }
    return text.starts_with(' ') ? text.substr(1) : text;
  }
};

// Knows what it writes behind each prompt, and how likely each continuation is.
class FakeLanguageModel : public LanguageModel {
 public:
  using Tokens = std::vector<int32_t>;
  // In place of a token: its logits are NaN.
  static constexpr int32_t kNan = -1;

  // Behind `prompt` it writes `tokens`, and then ends for ever.
  void Writes(Tokens prompt, Tokens tokens) {
    writes_[std::move(prompt)] = std::move(tokens);
  }
  void Likes(Tokens context, Tokens continuation, double log_likelihood) {
    likes_[{std::move(context), std::move(continuation)}] = log_likelihood;
  }

  int64_t vocabulary_size() const override { return FakeCodec::kVocabulary; }
  int64_t maximum_length() const override { return maximum_length_; }
  void set_maximum_length(int64_t length) { maximum_length_ = length; }
  std::span<uint8_t> parameters() override { return {}; }
  OutputFormat parameter_format() const override { return {}; }
  absl::Status LoadParameters() override { return absl::OkStatus(); }

  absl::StatusOr<std::vector<std::vector<ContinuationScore>>> Score(
      std::span<const ScoringRequest> requests) override {
    ++score_calls;
    std::vector<std::vector<ContinuationScore>> all;
    for (const ScoringRequest& request : requests) {
      auto& scores = all.emplace_back();
      for (const TokenIds continuation : request.continuations) {
        scores.push_back(
            ScoreOne(request.context, continuation, request.wants_next));
      }
    }
    return all;
  }

  absl::StatusOr<std::vector<Tokens>> Generate(
      std::span<const GenerationRequest> requests,
      IsComplete is_complete) override {
    generated += requests.size();
    std::vector<Tokens> all;
    for (size_t i = 0; i < requests.size(); ++i) {
      Tokens sequence(requests[i].prompt.begin(), requests[i].prompt.end());
      Tokens& written = all.emplace_back();
      while (static_cast<int64_t>(written.size()) <
                 requests[i].maximum_new_tokens &&
             static_cast<int64_t>(sequence.size()) < maximum_length_) {
        const int32_t next = Next(sequence);
        if (next == kNan) break;
        written.push_back(next);
        sequence.push_back(next);
        if (is_complete(i, written)) break;
      }
    }
    return all;
  }

  absl::StatusOr<std::vector<float>> Logits(TokenIds) override {
    return absl::UnimplementedError("the fake has no logits");
  }

  int score_calls = 0;
  size_t generated = 0;  // prompts that were decoded

 private:
  int32_t Next(const Tokens& sequence) const {
    for (const auto& [prompt, tokens] : writes_) {
      if (sequence.size() < prompt.size() ||
          !std::equal(prompt.begin(), prompt.end(), sequence.begin())) {
        continue;
      }
      const size_t done = sequence.size() - prompt.size();
      if (done > tokens.size() ||
          !std::equal(sequence.begin() + static_cast<int64_t>(prompt.size()),
                      sequence.end(), tokens.begin())) {
        continue;
      }
      return done < tokens.size() ? tokens[done] : FakeCodec::kEnd;
    }
    return FakeCodec::kEnd;
  }

  ContinuationScore ScoreOne(TokenIds context, TokenIds continuation,
                             bool wants_next) const {
    Tokens sequence(context.begin(), context.end());
    const auto liked =
        likes_.find({sequence, {continuation.begin(), continuation.end()}});
    ContinuationScore score{
        .log_likelihood = liked == likes_.end()
                              ? -1.0 * static_cast<double>(continuation.size())
                              : liked->second,
        .greedy = true};
    for (const int32_t token : continuation) {
      const int32_t next = Next(sequence);
      if (next == kNan) {
        score.log_likelihood = std::numeric_limits<double>::quiet_NaN();
      }
      score.greedy &= next == token;
      sequence.push_back(token);
    }
    if (wants_next) score.next = Next(sequence);
    return score;
  }

  std::map<Tokens, Tokens> writes_;
  std::map<std::pair<Tokens, Tokens>, double> likes_;
  int64_t maximum_length_ = 64;
};

}  // namespace merganser
