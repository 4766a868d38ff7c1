#include "common/campaign_spec/chromosomes.h"

#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

bool Matches(const std::string& pattern, const TensorSlice& tensor) {
  return fnmatch(pattern.c_str(), tensor.name.c_str(), /*flags=*/0) == 0;
}

bool HasPatternFor(const v1::ChromosomeSpec& chromosome,
                   const TensorSlice& tensor) {
  const auto& patterns = chromosome.tensors();
  return std::any_of(patterns.begin(), patterns.end(),
                     [&tensor](const std::string& pattern) {
                       return Matches(pattern, tensor);
                     });
}

// Whoever wrote a pattern thought that there was such a tensor.
absl::Status CheckPatterns(const ParameterLayout& parameters,
                           const v1::ChromosomeSpec& chromosome,
                           const std::string& path) {
  for (int i = 0; i < chromosome.tensors_size(); ++i) {
    const std::string& pattern = chromosome.tensors(i);
    const bool found =
        std::any_of(parameters.tensors.begin(), parameters.tensors.end(),
                    [&pattern](const TensorSlice& tensor) {
                      return Matches(pattern, tensor);
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
  std::vector<TensorGroup> groups;
  for (const v1::ChromosomeSpec& chromosome : model.chromosomes()) {
    groups.push_back({.name = chromosome.name(), .tensors = {}});
  }
  for (size_t t = 0; t < parameters.tensors.size(); ++t) {
    const TensorSlice& tensor = parameters.tensors[t];
    const auto& chromosomes = model.chromosomes();
    const auto first =
        std::find_if(chromosomes.begin(), chromosomes.end(),
                     [&tensor](const v1::ChromosomeSpec& chromosome) {
                       return HasPatternFor(chromosome, tensor);
                     });
    if (first == chromosomes.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model.chromosomes: no pattern matches the tensor ", tensor.name,
          "; a last chromosome with the pattern \"*\""
          " takes the rest"));
    }
    groups[first - chromosomes.begin()].tensors.push_back(static_cast<int>(t));
  }
  for (int c = 0; c < model.chromosomes_size(); ++c) {
    const std::string path = absl::StrCat("model.chromosomes[", c, "]");
    RETURN_IF_ERROR(CheckPatterns(parameters, model.chromosomes(c), path));
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
