// One Hugging Face folder, ready to be scored.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/language_task/language_model.h"
#include "common/language_task/language_tools.h"
#include "common/storage/dtype.h"

namespace merganser {

// Threads: none.
struct ServedLanguageModel {
  std::unique_ptr<LanguageModel> model;  // has the folder's weights
  LanguageTools tools;
};

struct ServeOptions {
  std::string device = "cpu";  // "cpu" or "cuda:N"
  int threads = 1;
  DType compute_dtype = DType::kF32;
};

// Errors: what opening the folder, its tokenizer and the model says;
// InvalidArgument naming a weight that is not finite.
absl::StatusOr<ServedLanguageModel> ServeLanguageModel(
    const std::string& folder, const ServeOptions& options);

}  // namespace merganser
