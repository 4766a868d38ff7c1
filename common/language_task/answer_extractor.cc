#include "common/language_task/answer_extractor.h"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumPatternMemory = int64_t{8} << 20;
constexpr char kNumber[] =
    R"((-?\$?(?:[0-9]+(?:,[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)))";

std::shared_ptr<const re2::RE2> Compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaximumPatternMemory);
  return std::make_shared<const re2::RE2>(pattern, options);
}

std::optional<std::string> LastMatch(const re2::RE2& number,
                                     std::string_view text) {
  re2::StringPiece rest(text.data(), text.size());
  std::string found;
  bool any = false;
  while (re2::RE2::FindAndConsume(&rest, number, &found)) any = true;
  if (!any) return std::nullopt;
  return absl::StrReplaceAll(found, {{",", ""}, {"$", ""}});
}

std::optional<std::string> FirstMatch(const re2::RE2& pattern,
                                      std::string_view text) {
  re2::StringPiece groups[2];
  const int wanted = pattern.NumberOfCapturingGroups() > 0 ? 2 : 1;
  if (!pattern.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                     re2::RE2::UNANCHORED, groups, wanted)) {
    return std::nullopt;
  }
  const re2::StringPiece& found = groups[wanted - 1];
  // A group that has no part in the match has no data.
  if (found.data() == nullptr) return std::nullopt;
  return std::string(absl::StripAsciiWhitespace(
      absl::string_view(found.data(), found.size())));
}

}  // namespace

AnswerExtractor AnswerExtractor::Exact() {
  return AnswerExtractor(Kind::kExact, nullptr);
}

AnswerExtractor AnswerExtractor::LastNumber() {
  return AnswerExtractor(Kind::kLastNumber, Compile(kNumber));
}

absl::StatusOr<AnswerExtractor> AnswerExtractor::Pattern(
    const std::string& pattern) {
  auto compiled = Compile(pattern);
  if (!compiled->ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a regular expression in RE2's syntax: ", compiled->error()));
  }
  return AnswerExtractor(Kind::kPattern, std::move(compiled));
}

std::optional<std::string> AnswerExtractor::Extract(
    std::string_view text) const {
  switch (kind_) {
    case Kind::kExact:
      return std::string(text);
    case Kind::kLastNumber:
      return LastMatch(*pattern_, text);
    case Kind::kPattern:
      break;
  }
  return FirstMatch(*pattern_, text);
}

}  // namespace merganser
