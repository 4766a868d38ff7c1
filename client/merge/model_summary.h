// What `merganser inspect` says of a model.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/merge/merge_sources.h"

namespace merganser {

struct ModelSummary {
  std::string name;
  std::string path;
  std::string architecture;         // "mlp" for a file
  int64_t parameters = 0;           // that are merged; a tied head is none
  std::map<DType, int64_t> dtypes;  // parameters of each
  std::optional<Digest> digest;
  int64_t weight_bytes = 0;
  std::vector<std::string> weight_files;
  std::vector<std::string> other_files;  // that go with the model
  std::optional<LanguageModelConfig> config;
  std::optional<int64_t> tokenizer_size;  // tokens; nullopt: no tokenizer.json
  GenerationSettings generation;
  std::string licence;  // empty: not known
};

// Without the digest; see DigestOf().
// Errors: InvalidArgument for a tokenizer.json that cannot be read.
absl::StatusOr<ModelSummary> SummaryOf(const OpenedModel& model);

// Lines of "key  value", for people.
std::string SummaryText(const ModelSummary& summary);
// One line of JSON.
std::string SummaryJson(const ModelSummary& summary);

}  // namespace merganser
