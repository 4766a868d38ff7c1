#include "client/merge/mergekit_export.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/merge/merge_plan.h"
#include "common/checkpoint/language_model_config.h"

namespace merganser {
namespace {

// A number that YAML 1.1 reads as one: with a point, if it has an exponent.
std::string NumberText(double value) {
  std::string text = nlohmann::json(value).dump();
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

// Quotes of JSON are quotes of YAML.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

// The segment with most of a tensor, the first of equals.
const MergeSegment& LargestSegment(const MergeTensor& tensor) {
  size_t largest = 0;
  int64_t most = 0;
  for (size_t s = 0; s < tensor.segments.size(); ++s) {
    const int64_t end = s + 1 < tensor.segments.size()
                            ? tensor.segments[s + 1].begin
                            : tensor.elements;
    const int64_t elements = end - tensor.segments[s].begin;
    if (elements > most) largest = s;
    most = std::max(most, elements);
  }
  return tensor.segments[largest];
}

// "model.layers.3." of a layer's tensor, else the whole name: a filter that
// matches no tensor of another group.
std::string GroupOf(const std::string& name) {
  constexpr char kLayers[] = "model.layers.";
  if (!absl::StartsWith(name, kLayers)) return name;
  return name.substr(0, name.find('.', sizeof(kLayers) - 1) + 1);
}

// One model's weights: a filter for each group of tensors with one value, for
// each tensor of other groups, and none for the most frequent value.
class WeightList {
 public:
  void Add(const std::string& tensor, double value) {
    const std::string group = GroupOf(tensor);
    if (groups_.empty() || groups_.back().filter != group) {
      groups_.push_back({.filter = group});
    }
    groups_.back().tensors.emplace_back(tensor, value);
    ++uses_[value];
  }

  std::string Text(const std::string& indent) const {
    const double common = CommonValue();
    std::string text;
    const auto add = [&](const std::string& filter, double value) {
      if (value == common) return;
      absl::StrAppend(&text, indent, "- {filter: ", filter,
                      ", value: ", NumberText(value), "}\n");
    };
    for (const Group& group : groups_) {
      const double first = group.tensors[0].second;
      const bool same =
          std::all_of(group.tensors.begin(), group.tensors.end(),
                      [first](const auto& t) { return t.second == first; });
      if (same) add(group.filter, first);
      if (same) continue;
      for (const auto& [tensor, value] : group.tensors) add(tensor, value);
    }
    return absl::StrCat(text, indent, "- value: ", NumberText(common), "\n");
  }

 private:
  struct Group {
    std::string filter;
    std::vector<std::pair<std::string, double>> tensors;
  };

  double CommonValue() const {
    return std::max_element(
               uses_.begin(), uses_.end(),
               [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
  }

  std::vector<Group> groups_;
  std::map<double, int> uses_;  // tensors of each value
};

}  // namespace

MergekitExport MergekitConfigOf(const LinearRecipe& recipe,
                                const GenomeLayout& layout,
                                const std::string& architecture,
                                std::span<const std::string> models,
                                DType dtype) {
  const auto seeds = static_cast<int>(models.size());
  const MergePlan plan = PlanOfRecipe(recipe, seeds, layout).value();
  MergekitExport result;
  std::vector<WeightList> weights(models.size());
  for (const MergeTensor& tensor : plan.tensors) {
    if (architecture != "Qwen2ForCausalLM" &&
        absl::EndsWith(tensor.name, ".bias")) {
      result.unknown_tensors.push_back(tensor.name);
      continue;
    }
    if (tensor.segments.size() > 1) {
      result.split_tensors.push_back(tensor.name);
    }
    const MergeSegment& segment = LargestSegment(tensor);
    for (int k = 0; k < seeds; ++k) {
      weights[k].Add(tensor.name, segment.coefficients[k]);
    }
  }
  result.yaml = "merge_method: linear\nmodels:\n";
  for (int k = 0; k < seeds; ++k) {
    absl::StrAppend(&result.yaml, "  - model: ", Quoted(models[k]), "\n",
                    "    parameters:\n      weight:\n",
                    weights[k].Text("        "));
  }
  absl::StrAppend(&result.yaml, "parameters:\n  normalize: false\n",
                  "dtype: float32\nout_dtype: ", TorchNameOf(dtype), "\n");
  return result;
}

}  // namespace merganser
