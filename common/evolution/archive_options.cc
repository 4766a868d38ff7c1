#include "common/evolution/archive_options.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

absl::Status OutOfRange(const char* setting, const char* expected,
                        const absl::AlphaNum& got) {
  return absl::InvalidArgumentError(
      absl::StrCat(setting, ": expected ", expected, ", got ", got));
}

absl::Status ValidateTaskWeights(const ArchiveOptions& options) {
  const size_t count = options.task_weight.size();
  if (static_cast<int64_t>(count) != options.datapoints) {
    return absl::InvalidArgumentError(
        absl::StrCat("task_weight: expected one for each of ",
                     options.datapoints, " datapoints, got ", count));
  }
  for (size_t j = 0; j < count; ++j) {
    if (options.task_weight[j] < 1 ||
        options.task_weight[j] > kMaximumTaskWeight) {
      return absl::InvalidArgumentError(
          absl::StrCat("task_weight of datapoint ", j, ": expected 1 to ",
                       kMaximumTaskWeight, ", got ", options.task_weight[j]));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateArchiveOptions(const ArchiveOptions& options) {
  if (options.population < 1 || options.population > kMaximumPopulation) {
    return OutOfRange("population", "1 to 1024", options.population);
  }
  if (options.datapoints < 1 || options.datapoints > kMaximumDatapoints) {
    return OutOfRange("datapoints", "1 to 2^23", options.datapoints);
  }
  // Written so that NaN is refused.
  if (!(options.alpha >= 0 && options.alpha <= kMaximumAlpha)) {
    return OutOfRange("alpha", "0 to 16", options.alpha);
  }
  if (options.subtract_worst && options.kind == ScoreKind::kBinary) {
    return absl::InvalidArgumentError(
        "subtract_worst: expected continuous scores, got binary ones");
  }
  return ValidateTaskWeights(options);
}

}  // namespace merganser
