// Shapes of language models that benchmarks are run with.
#pragma once

#include "common/checkpoint/language_model_config.h"

namespace merganser {

// 134,515,008 parameters.
inline LanguageModelConfig SmallConfig() {
  LanguageModelConfig config;
  config.vocabulary_size = 49152;
  config.hidden_size = 576;
  config.intermediate_size = 1536;
  config.layers = 30;
  config.heads = 9;
  config.key_value_heads = 3;
  config.head_size = 64;
  config.positions = 2048;
  config.norm_epsilon = 1e-5;
  config.tied_head = true;
  return config;
}

// 395,424 parameters: that of the models in examples/llm.
inline LanguageModelConfig TinyConfig() {
  LanguageModelConfig config = SmallConfig();
  config.vocabulary_size = 520;
  config.hidden_size = 96;
  config.intermediate_size = 256;
  config.layers = 3;
  config.heads = 6;
  config.key_value_heads = 2;
  config.head_size = 16;
  config.tied_head = false;
  return config;
}

}  // namespace merganser
