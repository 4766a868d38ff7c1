// The small checkpoints of tests/data/llm, loaded into models.
#pragma once

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/checkpoint/checkpoint.h"
#include "common/genome/vector_kernels.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/models/llama.h"

namespace merganser {

inline std::string LanguageModelFolder(const std::string& name) {
  return MERGANSER_SOURCE_DIR "/tests/data/llm/" + name;
}

inline nlohmann::json ReadJson(const std::string& path) {
  return nlohmann::json::parse(std::ifstream(path));
}

// The parameter vector in the dtype of the files.
inline std::vector<uint8_t> ParameterBytes(const Checkpoint& checkpoint) {
  std::vector<uint8_t> bytes;
  for (const TensorSlice& slice : checkpoint.layout().tensors) {
    const TensorView view = *checkpoint.Tensor(slice.name);
    EXPECT_EQ(view.dtype, checkpoint.dtype());
    bytes.insert(bytes.end(), view.bytes.begin(), view.bytes.end());
  }
  return bytes;
}

// A model with the checkpoint's weights, in their own dtype.
inline std::unique_ptr<LanguageModel> LoadLlama(const std::string& name,
                                                LlamaOptions options = {}) {
  const auto checkpoint = Checkpoint::Open(LanguageModelFolder(name));
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  options.weights_dtype = (*checkpoint)->dtype();
  auto model =
      CreateLlama((*checkpoint)->config(), (*checkpoint)->layout(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  const std::vector<uint8_t> bytes = ParameterBytes(**checkpoint);
  const OutputFormat format = (*model)->parameter_format();
  const auto elements = std::ssize(bytes) / DTypeBytes(options.weights_dtype);
  EXPECT_EQ(elements * DTypeBytes(format.held()),
            std::ssize((*model)->parameters()));
  const WeightedInput input{bytes.data(), options.weights_dtype, 1};
  Combine({&input, 1}, elements, format, /*streaming=*/false,
          (*model)->parameters().data());
  EXPECT_TRUE((*model)->LoadParameters().ok());
  return std::move(*model);
}

}  // namespace merganser
