#include "common/genome/parameter_layout.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumBlocks = int64_t{1} << 16;

int64_t CeilingOfQuotient(int64_t dividend, int64_t divisor) {
  return (dividend + divisor - 1) / divisor;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

struct MlpTensorName {
  int layer = 0;
  bool is_bias = false;
  auto operator<=>(const MlpTensorName&) const = default;
};

std::string MlpName(const MlpTensorName& name) {
  return absl::StrCat("layers.", name.layer,
                      name.is_bias ? ".bias" : ".weight");
}

// The parts of `layers.<i>.weight` and `layers.<i>.bias`, i in plain decimal.
bool ParseMlpName(const std::string& name, MlpTensorName& parsed) {
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts.size() != 3 || parts[0] != "layers") return false;
  if (!absl::SimpleAtoi(parts[1], &parsed.layer) || parsed.layer < 0 ||
      absl::StrCat(parsed.layer) != parts[1]) {
    return false;
  }
  parsed.is_bias = parts[2] == "bias";
  return parsed.is_bias || parts[2] == "weight";
}

// Checks tensors one by one, in execution order, against those before them.
class MlpChecker {
 public:
  absl::Status Add(const MlpTensorName& parsed, const TensorView& tensor) {
    const MlpTensorName expected{.layer = static_cast<int>(added_ / 2),
                                 .is_bias = added_ % 2 == 1};
    if (parsed != expected) return Missing(expected);
    if (expected.is_bias) {
      RETURN_IF_ERROR(
          Check(tensor, tensor.shape.size() == 1 && tensor.shape[0] == width_,
                absl::StrCat("[", width_, "], the width of layers.",
                             parsed.layer, ".weight")));
    } else {
      RETURN_IF_ERROR(
          Check(tensor, tensor.shape.size() == 2, "[in][out], a matrix"));
      RETURN_IF_ERROR(
          Check(tensor, width_ == 0 || tensor.shape[0] == width_,
                absl::StrCat("in = ", width_, ", the width of layers.",
                             parsed.layer - 1)));
      width_ = tensor.shape[1];
    }
    RETURN_IF_ERROR(Check(tensor, tensor.elements > 0, "at least one element"));
    ++added_;
    return absl::OkStatus();
  }

  absl::Status Finish() const {
    if (added_ == 0) return Missing({.layer = 0, .is_bias = false});
    if (added_ % 2 == 0) return absl::OkStatus();
    return Missing({.layer = static_cast<int>(added_ / 2), .is_bias = true});
  }

 private:
  static absl::Status Missing(const MlpTensorName& name) {
    return absl::InvalidArgumentError(
        absl::StrCat("has no tensor ", MlpName(name),
                     "; expected layers.<i>.weight and layers.<i>.bias for "
                     "every i from 0 on"));
  }

  static absl::Status Check(const TensorView& tensor, bool right,
                            const std::string& expected) {
    if (right) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(tensor.name, " has shape ",
                                                   ShapeText(tensor.shape),
                                                   "; expected ", expected));
  }

  int64_t added_ = 0;  // tensors
  int64_t width_ = 0;  // out of the last weight
};

// Whether a component of a tensor's name is a layer's number.
bool IsNumber(const std::string& part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

}  // namespace

int64_t SplitGrid::StartOf(int64_t index) const {
  int64_t first = 0;  // block of the part that begins at `begin`
  int64_t begin = 0;
  for (const int64_t restart : restarts) {
    const int64_t next = first + CeilingOfQuotient(restart - begin, block);
    if (index < next) break;
    first = next;
    begin = restart;
  }
  return std::min(begin + (index - first) * block, length);
}

int64_t SplitGrid::BlockOf(int64_t element) const {
  if (element >= length) return blocks;
  int64_t first = 0;
  int64_t begin = 0;
  for (const int64_t restart : restarts) {
    if (element < restart) break;
    first += CeilingOfQuotient(restart - begin, block);
    begin = restart;
  }
  return first + (element - begin) / block;
}

SplitGrid MakeSplitGrid(int64_t length, std::span<const int64_t> group_starts) {
  SplitGrid grid{.length = length,
                 .block = CeilingOfQuotient(length, kMaximumBlocks)};
  int64_t begin = 0;
  for (const int64_t start : group_starts) {
    if (start == 0 || grid.block == 1) continue;
    grid.restarts.push_back(start);
    grid.blocks += CeilingOfQuotient(start - begin, grid.block);
    begin = start;
  }
  grid.blocks += CeilingOfQuotient(length - begin, grid.block);
  return grid;
}

std::string LayerOf(const std::string& tensor_name) {
  std::vector<std::string> parts = absl::StrSplit(tensor_name, '.');
  const auto number = std::find_if(parts.begin(), parts.end(), IsNumber);
  if (number != parts.end()) {
    parts.erase(number + 1, parts.end());
  } else if (parts.size() > 1) {
    parts.pop_back();
  }
  return absl::StrJoin(parts, ".");
}

std::vector<std::string> LayerGroups(const ParameterLayout& parameters) {
  std::vector<std::string> groups;
  bool in_layers = false;
  for (const TensorSlice& tensor : parameters.tensors) {
    const std::vector<std::string> parts = absl::StrSplit(tensor.name, '.');
    const bool numbered = std::any_of(parts.begin(), parts.end(), IsNumber);
    in_layers = in_layers || numbered;
    groups.push_back(numbered    ? LayerOf(tensor.name)
                     : in_layers ? "head"
                                 : "embedding");
  }
  return groups;
}

absl::StatusOr<GenomeLayout> GroupTensors(ParameterLayout parameters,
                                          std::span<const TensorGroup> groups) {
  GenomeLayout layout;
  const auto tensors = static_cast<int>(parameters.tensors.size());
  const std::vector<std::string> layer_groups = LayerGroups(parameters);
  layout.places.assign(tensors, {.chromosome = -1, .offset = 0});
  for (const TensorGroup& group : groups) {
    const auto index = static_cast<int>(layout.chromosomes.size());
    ChromosomeLayout chromosome;
    chromosome.name = group.name;
    chromosome.tensors = group.tensors;
    std::string before;
    for (const int tensor : group.tensors) {
      if (tensor < 0 || tensor >= tensors ||
          layout.places[tensor].chromosome >= 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("chromosome ", group.name, ": tensor ", tensor,
                         " does not exist, or is in a chromosome already"));
      }
      if (layer_groups[tensor] != before) {
        before = layer_groups[tensor];
        chromosome.group_starts.push_back(chromosome.length);
      }
      layout.places[tensor] = {index, chromosome.length};
      chromosome.length += parameters.tensors[tensor].elements;
    }
    if (chromosome.length == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("chromosome ", group.name, ": has no elements"));
    }
    static_cast<SplitGrid&>(chromosome) =
        MakeSplitGrid(chromosome.length, chromosome.group_starts);
    layout.chromosomes.push_back(std::move(chromosome));
  }
  for (int tensor = 0; tensor < tensors; ++tensor) {
    if (layout.places[tensor].chromosome >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(parameters.tensors[tensor].name, " is in no chromosome"));
  }
  layout.parameters = std::move(parameters);
  return layout;
}

GenomeLayout SingleChromosome(ParameterLayout parameters) {
  TensorGroup group{.name = "all", .tensors = {}};
  for (size_t tensor = 0; tensor < parameters.tensors.size(); ++tensor) {
    group.tensors.push_back(static_cast<int>(tensor));
  }
  return GroupTensors(std::move(parameters), {&group, 1}).value();
}

absl::Status AppendTensor(std::string name, std::vector<int64_t> shape,
                          ParameterLayout& layout) {
  int64_t elements = 1;
  int64_t length = 0;
  bool fits = true;
  for (const int64_t extent : shape) {
    fits = fits && extent >= 1 &&
           !__builtin_mul_overflow(elements, extent, &elements);
  }
  if (!fits || __builtin_add_overflow(layout.length, elements, &length)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " has shape ", ShapeText(shape),
        "; expected extents of at least 1, and fewer than 2^63 elements in "
        "all"));
  }
  layout.tensors.push_back(
      {std::move(name), std::move(shape), layout.length, elements});
  layout.length = length;
  return absl::OkStatus();
}

absl::StatusOr<ParameterLayout> MlpLayout(const SafetensorsFile& file) {
  std::map<MlpTensorName, std::string> in_order;
  for (const std::string& name : file.names()) {
    MlpTensorName parsed;
    if (!ParseMlpName(name, parsed)) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(), ": unknown tensor ", ShownName(name),
                       "; an mlp has layers.<i>.weight and layers.<i>.bias"));
    }
    in_order[parsed] = name;
  }
  ParameterLayout layout;
  MlpChecker checker;
  for (const auto& [parsed, name] : in_order) {
    ASSIGN_OR_RETURN(const TensorView tensor, file.Tensor(name));
    RETURN_IF_ERROR(Annotate(checker.Add(parsed, tensor), file.path()));
    RETURN_IF_ERROR(AppendTensor(tensor.name, tensor.shape, layout));
  }
  RETURN_IF_ERROR(Annotate(checker.Finish(), file.path()));
  return layout;
}

absl::StatusOr<ParameterLayout> MlpLayoutOfWidths(
    std::span<const int64_t> widths) {
  if (widths.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected at least 2 widths, features and classes; got ",
                     widths.size()));
  }
  ParameterLayout layout;
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    const auto layer = static_cast<int>(i);
    RETURN_IF_ERROR(AppendTensor(MlpName({.layer = layer, .is_bias = false}),
                                 {widths[i], widths[i + 1]}, layout));
    RETURN_IF_ERROR(AppendTensor(MlpName({.layer = layer, .is_bias = true}),
                                 {widths[i + 1]}, layout));
  }
  return layout;
}

absl::Status CheckSameLayout(const ParameterLayout& expected,
                             const std::string& expected_name,
                             const ParameterLayout& actual,
                             const std::string& actual_name) {
  const auto difference = [&](const std::string& here,
                              const std::string& there) {
    return absl::InvalidArgumentError(
        absl::StrCat(actual_name, ": ", here, "; ", expected_name, there));
  };
  const size_t common =
      std::min(expected.tensors.size(), actual.tensors.size());
  for (size_t i = 0; i < common; ++i) {
    const TensorSlice& right = expected.tensors[i];
    const TensorSlice& wrong = actual.tensors[i];
    if (right.name != wrong.name) {
      return difference(absl::StrCat("has tensor ", wrong.name),
                        absl::StrCat(" has ", right.name, " in its place"));
    }
    if (right.shape != wrong.shape) {
      return difference(
          absl::StrCat(wrong.name, " has shape ", ShapeText(wrong.shape)),
          absl::StrCat(" has ", ShapeText(right.shape)));
    }
  }
  if (actual.tensors.size() > common) {
    return difference(absl::StrCat("has tensor ", actual.tensors[common].name),
                      " has none of that name");
  }
  if (expected.tensors.size() > common) {
    return difference(
        absl::StrCat("has no tensor ", expected.tensors[common].name),
        " has one");
  }
  return absl::OkStatus();
}

}  // namespace merganser
