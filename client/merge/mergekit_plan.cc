#include "client/merge/mergekit_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/merge/mergekit_settings.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/leading_rows.h"

namespace merganser {
namespace {

using Shape = std::vector<int64_t>;

constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kLayers[] = "model.layers.";
constexpr char kOfVocabulary[] =
    "; rows of the vocabulary are never added or removed. Of a winner with "
    "such seeds, merge the merganser_recipe.json, which keeps them";
constexpr int64_t kMaximumLayers = 4096;
// Sums of weights below it do not divide.
constexpr double kNoSum = 1e-8;

absl::Status Error(const std::string& origin, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(origin, ": ", message));
}

// "model.layers.12.mlp.x": layer 12 and "mlp.x"; layer -1 for other tensors.
struct LayerTensor {
  int64_t layer = -1;
  std::string rest;
};

LayerTensor ParseLayerTensor(const std::string& name) {
  if (!name.starts_with(kLayers)) return {};
  const size_t begin = std::string(kLayers).size();
  const size_t dot = name.find('.', begin);
  LayerTensor parsed{.rest = name.substr(dot + 1)};
  (void)absl::SimpleAtoi(name.substr(begin, dot - begin), &parsed.layer);
  return parsed;
}

// A tensor of the result: of which slice, which of its layers, and where that
// lies among them.
struct TensorPlace {
  const MergekitSlice* slice = nullptr;
  std::optional<int> base;  // index into slice->sources
  int64_t layer = -1;       // of the slice; -1: outside of the layers
  double position = 0;      // in [0, 1]
};

class Planner {
 public:
  Planner(const MergekitFile& file,
          std::span<const LanguageModelConfig> configs)
      : file_(file), configs_(configs), slices_(file.slices) {}

  absl::StatusOr<MergePlan> Plan() {
    RETURN_IF_ERROR(CompleteSlices());
    for (const MergekitSlice& slice : slices_) {
      RETURN_IF_ERROR(CheckSlice(slice));
    }
    MergePlan plan{.donor = Donor(), .layers = layers_};
    if (layers_ > kMaximumLayers) {
      return Error(file_.origin,
                   absl::StrCat("the result has ", layers_,
                                " layers; expected at most ", kMaximumLayers));
    }
    CollectShapes();
    LanguageModelConfig result = configs_[plan.donor];
    result.layers = layers_;
    for (const TensorSlice& slice : LanguageModelLayout(result).tensors) {
      ASSIGN_OR_RETURN(plan.tensors.emplace_back(), PlanTensor(slice));
    }
    return plan;
  }

 private:
  int Donor() const {
    return file_.base_model.value_or(file_.slices[0].sources[0].model);
  }

  // With the base model where `models` leaves it out, and with all layer
  // ranges.
  absl::Status CompleteSlices() {
    const bool whole = slices_[0].sources[0].end_layer < 0;
    std::vector<MergekitSource>& first = slices_[0].sources;
    const auto is_base = [this](const MergekitSource& source) {
      return source.model == file_.base_model;
    };
    if (whole && file_.base_model.has_value() &&
        std::none_of(first.begin(), first.end(), is_base)) {
      first.push_back({.model = *file_.base_model});
    }
    for (MergekitSlice& slice : slices_) {
      for (MergekitSource& source : slice.sources) {
        const int64_t layers = configs_[source.model].layers;
        if (source.end_layer < 0) source.end_layer = layers;
        if (source.end_layer <= layers) continue;
        return Error(
            slice.origin,
            absl::StrCat("layer_range: ", Name(source), " has ", layers,
                         " layers; expected an end of at most "
                         "that, not ",
                         source.end_layer));
      }
    }
    return absl::OkStatus();
  }

  const std::string& Name(const MergekitSource& source) const {
    return file_.models[source.model];
  }

  static int64_t LayersOf(const MergekitSlice& slice) {
    return slice.sources[0].end_layer - slice.sources[0].first_layer;
  }

  absl::Status CheckSlice(const MergekitSlice& slice) {
    const MergekitSource& first = slice.sources[0];
    for (const MergekitSource& source : slice.sources) {
      RETURN_IF_ERROR(CheckCompatible(slice, source.model));
    }
    for (const MergekitSource& source : slice.sources) {
      const int64_t layers = source.end_layer - source.first_layer;
      if (layers != LayersOf(slice)) {
        return Error(slice.origin,
                     absl::StrCat(Name(source), " has ", layers, " layers, ",
                                  Name(first), " ", LayersOf(slice),
                                  "; expected as many in each source"));
      }
    }
    layers_ += LayersOf(slice);
    return CheckInputs(slice);
  }

  // Shapes are checked tensor by tensor.
  absl::Status CheckCompatible(const MergekitSlice& slice, int model) const {
    const LanguageModelConfig& expected = configs_[Donor()];
    const LanguageModelConfig& config = configs_[model];
    if (config.architecture != expected.architecture) {
      return Error(
          slice.origin,
          absl::StrCat(file_.models[model], " is a ", config.architecture, ", ",
                       file_.models[Donor()], " a ", expected.architecture,
                       "; expected one architecture"));
    }
    if (config.tied_head == expected.tied_head) return absl::OkStatus();
    return Error(slice.origin,
                 absl::StrCat("the head of ", file_.models[model],
                              config.tied_head ? " is tied" : " is not tied",
                              " to its embedding, unlike that of ",
                              file_.models[Donor()]));
  }

  absl::Status CheckInputs(const MergekitSlice& slice) const {
    const std::string method = MergekitMethodName(file_.method);
    const bool needs_base = file_.method == MergekitMethod::kSlerp ||
                            file_.method == MergekitMethod::kTaskArithmetic;
    if (needs_base && !BaseOf(slice).has_value()) {
      return Error(slice.origin,
                   absl::StrCat(method,
                                " needs a base_model that is one of "
                                "the models"));
    }
    const size_t inputs = slice.sources.size();
    const size_t most = file_.method == MergekitMethod::kSlerp         ? 2
                        : file_.method == MergekitMethod::kPassthrough ? 1
                                                                       : inputs;
    const size_t least = file_.method == MergekitMethod::kSlerp ? 2 : 1;
    if (inputs >= least && inputs <= most) return absl::OkStatus();
    return Error(slice.origin, absl::StrCat(method, " takes ", most,
                                            most == 1 ? " model" : " models",
                                            "; there are ", inputs));
  }

  std::optional<int> BaseOf(const MergekitSlice& slice) const {
    const std::optional<int> base =
        slice.base_model.has_value() ? slice.base_model : file_.base_model;
    for (size_t i = 0; i < slice.sources.size(); ++i) {
      if (slice.sources[i].model == base) return static_cast<int>(i);
    }
    return std::nullopt;
  }

  void CollectShapes() {
    for (const LanguageModelConfig& config : configs_) {
      std::map<std::string, Shape>& shapes = shapes_.emplace_back();
      for (TensorSlice& slice : LanguageModelLayout(config).tensors) {
        shapes.emplace(std::move(slice.name), std::move(slice.shape));
      }
    }
  }

  TensorPlace PlaceOf(const std::string& name, int64_t layer) const {
    if (name == kEmbedding) return {&slices_[0], BaseOf(slices_[0])};
    if (layer < 0) return {&slices_.back(), BaseOf(slices_.back())};
    for (const MergekitSlice& slice : slices_) {
      const int64_t layers = LayersOf(slice);
      if (layer < layers) {
        const double position =
            layers == 1
                ? 1
                : static_cast<double>(layer) / static_cast<double>(layers - 1);
        return {&slice, BaseOf(slice), layer, position};
      }
      layer -= layers;
    }
    return {&slices_.back(), BaseOf(slices_.back())};
  }

  absl::StatusOr<MergeTensor> PlanTensor(const TensorSlice& slice) const {
    MergeTensor tensor{
        .name = slice.name, .shape = slice.shape, .elements = slice.elements};
    const LayerTensor parsed = ParseLayerTensor(slice.name);
    const TensorPlace place = PlaceOf(slice.name, parsed.layer);
    for (const MergekitSource& source : place.slice->sources) {
      std::string name =
          place.layer < 0
              ? slice.name
              : absl::StrCat(kLayers, source.first_layer + place.layer, ".",
                             parsed.rest);
      RETURN_IF_ERROR(CheckShape(*place.slice, source, name, slice.shape));
      tensor.inputs.push_back({source.model, std::move(name)});
    }
    RETURN_IF_ERROR(Combine(place, tensor));
    return tensor;
  }

  absl::Status CheckShape(const MergekitSlice& slice,
                          const MergekitSource& source, const std::string& name,
                          const Shape& expected) const {
    const auto& shapes = shapes_[source.model];
    const auto found = shapes.find(name);
    if (found == shapes.end()) {
      return Error(slice.origin,
                   absl::StrCat(Name(source), " has no tensor ", name));
    }
    if (found->second == expected) return absl::OkStatus();
    return Error(
        slice.origin,
        absl::StrCat(Name(source), ": ", name, " has shape [",
                     absl::StrJoin(found->second, ", "), "], that of ",
                     file_.models[Donor()], " [", absl::StrJoin(expected, ", "),
                     "]", IsPerTokenTensor(name) ? kOfVocabulary : ""));
  }

  absl::Status Combine(const TensorPlace& place, MergeTensor& tensor) const {
    switch (file_.method) {
      case MergekitMethod::kLinear:
        return CombineLinear(place, tensor);
      case MergekitMethod::kSlerp:
        return CombineSlerp(place, tensor);
      case MergekitMethod::kTaskArithmetic:
        return CombineTasks(place, tensor);
      case MergekitMethod::kPassthrough:
        return Copy(place, tensor);
    }
    return absl::OkStatus();
  }

  // Of one of the slice's sources.
  absl::StatusOr<double> WeightOf(const TensorPlace& place, size_t source,
                                  const MergeTensor& tensor) const {
    const MergekitSource& of = place.slice->sources[source];
    const std::string& name = tensor.inputs[source].tensor;
    ASSIGN_OR_RETURN(const std::optional<double> weight,
                     NumberSetting({&of.parameters, &place.slice->parameters,
                                    &file_.parameters},
                                   "weight", name, place.position));
    if (weight.has_value()) return *weight;
    return Error(place.slice->origin, absl::StrCat("weight: is missing for ",
                                                   name, " of ", Name(of)));
  }

  absl::StatusOr<bool> Normalize(const TensorPlace& place,
                                 const MergeTensor& tensor,
                                 bool otherwise) const {
    ASSIGN_OR_RETURN(
        const std::optional<bool> normalize,
        BooleanSetting({&place.slice->parameters, &file_.parameters},
                       "normalize", tensor.name, place.position));
    return normalize.value_or(otherwise);
  }

  absl::Status CombineLinear(const TensorPlace& place,
                             MergeTensor& tensor) const {
    MergeSegment segment;
    double sum = 0;
    for (size_t i = 0; i < tensor.inputs.size(); ++i) {
      ASSIGN_OR_RETURN(const double weight, WeightOf(place, i, tensor));
      segment.coefficients.push_back(weight);
      sum += weight;
    }
    ASSIGN_OR_RETURN(const bool normalize, Normalize(place, tensor, true));
    if (normalize && sum == 0) {
      return Error(place.slice->origin,
                   absl::StrCat("weight: the weights of ", tensor.name,
                                " add up to 0; expected another sum, or "
                                "normalize: false"));
    }
    for (double& c : segment.coefficients) c /= normalize ? sum : 1;
    tensor.segments.push_back(std::move(segment));
    return absl::OkStatus();
  }

  absl::Status CombineTasks(const TensorPlace& place,
                            MergeTensor& tensor) const {
    MergeSegment segment;
    double sum = 0;
    for (size_t i = 0; i < tensor.inputs.size(); ++i) {
      double weight = 0;
      if (static_cast<int>(i) != place.base) {
        ASSIGN_OR_RETURN(weight, WeightOf(place, i, tensor));
      }
      segment.coefficients.push_back(weight);
      sum += weight;
    }
    ASSIGN_OR_RETURN(const bool normalize, Normalize(place, tensor, false));
    ASSIGN_OR_RETURN(
        const std::optional<double> lambda,
        NumberSetting({&place.slice->parameters, &file_.parameters}, "lambda",
                      tensor.name, place.position));
    const bool divide = normalize && std::abs(sum) >= kNoSum;
    const double scale = lambda.value_or(1) / (divide ? sum : 1);
    for (double& c : segment.coefficients) c *= scale;
    segment.coefficients[*place.base] = 1 - sum * scale;
    tensor.segments.push_back(std::move(segment));
    return absl::OkStatus();
  }

  absl::Status CombineSlerp(const TensorPlace& place,
                            MergeTensor& tensor) const {
    ASSIGN_OR_RETURN(
        const std::optional<double> t,
        NumberSetting({&place.slice->parameters, &file_.parameters}, "t",
                      tensor.name, place.position));
    if (!t.has_value()) {
      return Error(place.slice->origin,
                   absl::StrCat("t: is missing for ", tensor.name));
    }
    tensor.kind = MergeTensor::Kind::kSlerp;
    tensor.t = *t;
    if (place.base == 1) std::swap(tensor.inputs[0], tensor.inputs[1]);
    return absl::OkStatus();
  }

  absl::Status Copy(const TensorPlace& place, MergeTensor& tensor) const {
    ASSIGN_OR_RETURN(
        const std::optional<double> scale,
        NumberSetting({&place.slice->sources[0].parameters,
                       &place.slice->parameters, &file_.parameters},
                      "scale", tensor.inputs[0].tensor, place.position));
    if (!scale.has_value()) tensor.kind = MergeTensor::Kind::kCopy;
    tensor.segments.push_back({0, {scale.value_or(1)}});
    return absl::OkStatus();
  }

  const MergekitFile& file_;
  const std::span<const LanguageModelConfig> configs_;
  std::vector<MergekitSlice> slices_;
  std::vector<std::map<std::string, Shape>> shapes_;  // of each model's tensors
  int64_t layers_ = 0;
};

}  // namespace

absl::StatusOr<MergePlan> PlanOfMergekit(
    const MergekitFile& file, std::span<const LanguageModelConfig> configs) {
  return Planner(file, configs).Plan();
}

}  // namespace merganser
