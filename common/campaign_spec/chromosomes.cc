#include "common/campaign_spec/chromosomes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "re2/re2.h"

namespace merganser {
namespace {

// More than any model with any sensible file has, and little enough that a
// coordinator is not held up.
constexpr int64_t kMaximumComparisons = int64_t{1} << 18;

// A pattern of the shell as a regular expression, which takes linear time.
std::string RegexOf(const std::string& pattern) {
  std::string regex;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const size_t close = pattern.find(']', i + 2);
    if (pattern[i] == '*') {
      regex += ".*";
    } else if (pattern[i] == '?') {
      regex += ".";
    } else if (pattern[i] == '[' && close != std::string::npos) {
      std::string set = pattern.substr(i, close + 1 - i);
      if (set[1] == '!') set[1] = '^';
      regex += set;
      i = close;
    } else {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      regex += re2::RE2::QuoteMeta(pattern.substr(i, 1));
    }
  }
  return regex;
}

// The patterns of one chromosome.
class Patterns {
 public:
  explicit Patterns(const v1::ChromosomeSpec& chromosome) {
    re2::RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    for (const std::string& pattern : chromosome.tensors()) {
      patterns_.push_back(
          std::make_unique<re2::RE2>(RegexOf(pattern), options));
    }
  }

  bool Matches(size_t index, const TensorSlice& tensor) const {
    return re2::RE2::FullMatch(tensor.name, *patterns_[index]);
  }
  bool Match(const TensorSlice& tensor) const {
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (Matches(i, tensor)) return true;
    }
    return false;
  }

 private:
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

absl::Status CheckNumbers(const ParameterLayout& parameters,
                          const v1::ModelSpec& model) {
  int64_t patterns = 0;
  for (const v1::ChromosomeSpec& chromosome : model.chromosomes()) {
    patterns += chromosome.tensors_size();
  }
  const auto tensors = static_cast<int64_t>(parameters.tensors.size());
  if (patterns * tensors <= kMaximumComparisons) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "model.chromosomes: expected at most ", kMaximumComparisons / tensors,
      " patterns in all for ", tensors, " tensors; got ", patterns));
}

// Whoever wrote a pattern thought that there was such a tensor.
absl::Status CheckPatterns(const ParameterLayout& parameters,
                           const v1::ChromosomeSpec& chromosome,
                           const Patterns& patterns, const std::string& path) {
  for (int i = 0; i < chromosome.tensors_size(); ++i) {
    const std::string& pattern = chromosome.tensors(i);
    const bool found =
        std::any_of(parameters.tensors.begin(), parameters.tensors.end(),
                    [&](const TensorSlice& tensor) {
                      return patterns.Matches(static_cast<size_t>(i), tensor);
                    });
    if (found) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ".tensors[", i, "]: no tensor of the seeds matches \"", pattern,
        "\"; they begin with ", parameters.tensors.front().name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GenomeLayout> GroupByPatterns(ParameterLayout parameters,
                                             const v1::ModelSpec& model) {
  if (model.chromosomes().empty()) {
    return SingleChromosome(std::move(parameters));
  }
  RETURN_IF_ERROR(CheckNumbers(parameters, model));
  std::vector<TensorGroup> groups;
  std::vector<Patterns> patterns;
  for (const v1::ChromosomeSpec& chromosome : model.chromosomes()) {
    groups.push_back({.name = chromosome.name(), .tensors = {}});
    patterns.emplace_back(chromosome);
  }
  for (size_t t = 0; t < parameters.tensors.size(); ++t) {
    const TensorSlice& tensor = parameters.tensors[t];
    const auto first = std::find_if(
        patterns.begin(), patterns.end(),
        [&tensor](const Patterns& some) { return some.Match(tensor); });
    if (first == patterns.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model.chromosomes: no pattern matches the tensor ", tensor.name,
          "; a last chromosome with the pattern \"*\""
          " takes the rest"));
    }
    groups[first - patterns.begin()].tensors.push_back(static_cast<int>(t));
  }
  for (int c = 0; c < model.chromosomes_size(); ++c) {
    const std::string path = absl::StrCat("model.chromosomes[", c, "]");
    RETURN_IF_ERROR(
        CheckPatterns(parameters, model.chromosomes(c), patterns[c], path));
    if (groups[c].tensors.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": ", groups[c].name,
          " gets no tensor; those it has patterns for are in chromosomes "
          "before it"));
    }
  }
  return GroupTensors(std::move(parameters), groups);
}

}  // namespace merganser
