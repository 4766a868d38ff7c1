// A recipe as a configuration of mergekit, for those who have no Merganser.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/genome/linear_recipe.h"
#include "common/genome/parameter_layout.h"
#include "common/storage/dtype.h"

namespace merganser {

struct MergekitExport {
  // A mergekit_config.yml: a linear merge with weights by filter.
  std::string yaml;
  // Tensors with a boundary of the recipe inside. mergekit has one weight per
  // model and tensor: it gives all of the tensor the coefficients of the
  // segment that has most of it.
  std::vector<std::string> split_tensors;
  // Tensors that mergekit 0.1.5 leaves out for this architecture: biases of
  // LlamaForCausalLM and MistralForCausalLM.
  std::vector<std::string> unknown_tensors;
};

// Other tensors come out of mergekit within one unit in the last place of
// `dtype`, as far as no terms cancel: it adds in float32 too, without fusing.
// `models` are what mergekit shall read, one per seed: paths or repositories.
// The recipe is valid for the layout, which is that of a language model.
MergekitExport MergekitConfigOf(const LinearRecipe& recipe,
                                const GenomeLayout& layout,
                                const std::string& architecture,
                                std::span<const std::string> models,
                                DType dtype);

}  // namespace merganser
