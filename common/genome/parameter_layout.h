// Where each tensor of a model lies in its parameter vector, and how tensors
// are grouped into chromosomes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/storage/safetensors.h"

namespace merganser {

// Elements offset … offset + elements - 1 of the parameter vector.
struct TensorSlice {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0;
  int64_t elements = 0;

  friend bool operator==(const TensorSlice&, const TensorSlice&) = default;
};

// The parameter vector: tensors in execution order, without gaps.
struct ParameterLayout {
  std::vector<TensorSlice> tensors;
  int64_t length = 0;  // D

  friend bool operator==(const ParameterLayout&,
                         const ParameterLayout&) = default;
};

// Where a chromosome may be split: at the starts of its blocks. Blocks have
// `block` elements, but for the last one before a restart or the end, which is
// as long as is left. So no block lies in two layer groups.
struct SplitGrid {
  int64_t length = 0;  // D_c, elements
  int64_t block = 1;   // ceil(D_c / 2^16)
  int64_t blocks = 0;
  // Elements at which blocks begin anew, ascending, between 0 and the length;
  // none with blocks of one element, where it would change nothing.
  std::vector<int64_t> restarts;

  // The first element of a block, 0 … blocks; that of `blocks` is the length.
  int64_t StartOf(int64_t index) const;
  // The block that an element, 0 … length, lies in; that of the length is
  // `blocks`.
  int64_t BlockOf(int64_t element) const;
  bool IsStart(int64_t element) const {
    return StartOf(BlockOf(element)) == element;
  }

  friend bool operator==(const SplitGrid&, const SplitGrid&) = default;
};

// The grid of a chromosome whose layer groups begin at `group_starts`: 0 and,
// ascending, elements below the length, which is at least 1.
SplitGrid MakeSplitGrid(int64_t length, std::span<const int64_t> group_starts);

// A group of whole tensors, concatenated in the order of `tensors`. Split
// points lie on its grid, and Gram sums are kept per block of it.
struct ChromosomeLayout : SplitGrid {
  std::string name;
  std::vector<int> tensors;  // indices into ParameterLayout::tensors
  // First element of each layer group in it: tensors side by side of one
  // GroupOf().
  std::vector<int64_t> group_starts;

  friend bool operator==(const ChromosomeLayout&,
                         const ChromosomeLayout&) = default;
};

// A parameter vector cut into chromosomes; every tensor belongs to exactly one.
struct GenomeLayout {
  // Where a tensor lies: elements offset … of its chromosome.
  struct Place {
    int chromosome = 0;
    int64_t offset = 0;

    friend bool operator==(const Place&, const Place&) = default;
  };

  ParameterLayout parameters;
  std::vector<ChromosomeLayout> chromosomes;
  std::vector<Place> places;  // one per tensor

  friend bool operator==(const GenomeLayout&, const GenomeLayout&) = default;
};

struct TensorGroup {
  std::string name;
  std::vector<int> tensors;
};

// Errors: InvalidArgument when a tensor is in no group or in several, or a
// group is empty.
absl::StatusOr<GenomeLayout> GroupTensors(ParameterLayout parameters,
                                          std::span<const TensorGroup> groups);

// The layer that a tensor belongs to: its name up to and including the first
// component that is a number ("model.layers.3" of
// "model.layers.3.mlp.up.weight"); without one, its name without the last
// component.
std::string LayerOf(const std::string& tensor_name);

// The layer group of each tensor: LayerOf() where that ends with a number;
// "embedding" before the first such tensor, and "head" behind it.
std::vector<std::string> LayerGroups(const ParameterLayout& parameters);

// All tensors in one chromosome named "all": the plain case.
GenomeLayout SingleChromosome(ParameterLayout parameters);

// Puts a tensor behind the others.
// Errors: InvalidArgument naming the tensor for an extent below 1, or when the
// elements of all tensors do not fit 63 bits; the layout is unchanged.
absl::Status AppendTensor(std::string name, std::vector<int64_t> shape,
                          ParameterLayout& layout);

// The layout of the family `mlp`: tensors `layers.<i>.weight` [in][out] and
// `layers.<i>.bias` [out] for i = 0, 1, …, in the order of i, weight first.
// Errors: InvalidArgument naming the file, the tensor and what was expected.
absl::StatusOr<ParameterLayout> MlpLayout(const SafetensorsFile& file);

// The same of a network that no file holds: `widths` are its features, hidden
// units of each layer, classes.
// Errors: InvalidArgument for fewer than two widths, and those of
// AppendTensor().
absl::StatusOr<ParameterLayout> MlpLayoutOfWidths(
    std::span<const int64_t> widths);

// Errors: InvalidArgument for the first difference, as in "seeds[1]:
// layers.0.weight has shape [64, 128]; seeds[0] has [64, 256]".
absl::Status CheckSameLayout(const ParameterLayout& expected,
                             const std::string& expected_name,
                             const ParameterLayout& actual,
                             const std::string& actual_name);

}  // namespace merganser
