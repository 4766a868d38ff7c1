#include "client/merge/mergekit_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/base/suggestion.h"
#include "common/checkpoint/language_model_config.h"

namespace merganser {
namespace {

using Names = std::vector<std::string>;

struct Method {
  MergekitMethod method;
  const char* name;
  // int8_mask is of methods with masks, and is written by habit.
  Names parameters;
};

const std::array<Method, 4>& Methods() {
  static const auto* const methods = new std::array<Method, 4>{
      {{MergekitMethod::kLinear, "linear", {"weight", "normalize"}},
       {MergekitMethod::kSlerp, "slerp", {"t"}},
       {MergekitMethod::kTaskArithmetic,
        "task_arithmetic",
        {"weight", "normalize", "lambda", "int8_mask"}},
       {MergekitMethod::kPassthrough, "passthrough", {"scale"}}}};
  return *methods;
}

absl::Status Error(const std::string& origin, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(origin, ": ", message));
}

// Errors unless the node is a map of some of these keys.
absl::Status CheckKeys(const YamlNode& node, const std::string& what,
                       const Names& known) {
  if (node.kind != YamlNode::Kind::kMap) {
    return Error(node.origin, absl::StrCat(what, ": expected a map of ",
                                           absl::StrJoin(known, ", ")));
  }
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& key = node.keys[i];
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = NearestWord(key, known);
    return Error(node.items[i].origin,
                 absl::StrCat(what, ": ", key, " is not supported; ",
                              near.empty() ? "expected one of " +
                                                 absl::StrJoin(known, ", ")
                                           : "did you mean " + near + "?"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Text(const YamlNode& node,
                                 const std::string& what) {
  if (node.kind == YamlNode::Kind::kScalar && !node.text.empty()) {
    return node.text;
  }
  return Error(node.origin, absl::StrCat(what, ": expected a text"));
}

class Reader {
 public:
  explicit Reader(const YamlNode& root) : root_(root) {}

  absl::StatusOr<MergekitFile> Read() {
    file_.origin = root_.origin;
    RETURN_IF_ERROR(
        CheckKeys(root_, "a merge",
                  {"merge_method", "models", "slices", "base_model",
                   "parameters", "dtype", "out_dtype", "tokenizer_source"}));
    RETURN_IF_ERROR(ReadMethod());
    ASSIGN_OR_RETURN(file_.parameters, ReadParameters(root_));
    RETURN_IF_ERROR(ReadDTypes());
    RETURN_IF_ERROR(ReadTokenizerSource());
    RETURN_IF_ERROR(ReadInputs());
    // Behind the others, as mergekit appends it.
    ASSIGN_OR_RETURN(file_.base_model, ReadBaseModel(root_));
    return std::move(file_);
  }

 private:
  absl::Status ReadMethod() {
    const YamlNode* const node = root_.Find("merge_method");
    if (node == nullptr) {
      return Error(root_.origin, "merge_method: is missing");
    }
    ASSIGN_OR_RETURN(const std::string name, Text(*node, "merge_method"));
    Names names;
    for (const Method& method : Methods()) {
      names.emplace_back(method.name);
      if (name != method.name) continue;
      file_.method = method.method;
      parameters_ = method.parameters;
      return absl::OkStatus();
    }
    return Error(node->origin,
                 absl::StrCat("merge_method: ", name,
                              " is not supported; expected one of ",
                              absl::StrJoin(names, ", ")));
  }

  absl::StatusOr<YamlNode> ReadParameters(const YamlNode& owner) {
    const YamlNode* const node = owner.Find("parameters");
    if (node == nullptr || node->kind == YamlNode::Kind::kNothing) {
      return YamlNode{.origin = owner.origin};
    }
    RETURN_IF_ERROR(CheckKeys(
        *node, absl::StrCat("parameters of ", MergekitMethodName(file_.method)),
        parameters_));
    return *node;
  }

  absl::Status ReadDTypes() {
    for (const char* key : {"dtype", "out_dtype"}) {
      const YamlNode* const node = root_.Find(key);
      if (node == nullptr || node->kind == YamlNode::Kind::kNothing) continue;
      ASSIGN_OR_RETURN(const std::string name, Text(*node, key));
      file_.dtype = DTypeFromTorchName(name);
      if (file_.dtype.has_value()) continue;
      return Error(node->origin,
                   absl::StrCat(key, ": ", name,
                                " is not supported; expected one of float32, "
                                "bfloat16, float16"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTokenizerSource() const {
    const YamlNode* const node = root_.Find("tokenizer_source");
    if (node == nullptr || node->kind == YamlNode::Kind::kNothing) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string source, Text(*node, "tokenizer_source"));
    if (source == "base") return absl::OkStatus();
    return Error(node->origin,
                 absl::StrCat("tokenizer_source: ", source,
                              " is not supported; expected base: the tokenizer "
                              "is copied, vocabularies are not merged"));
  }

  absl::Status ReadInputs() {
    const YamlNode* const models = root_.Find("models");
    const YamlNode* const slices = root_.Find("slices");
    if ((models == nullptr) == (slices == nullptr)) {
      return Error(root_.origin, "expected either models or slices");
    }
    const YamlNode& list = models == nullptr ? *slices : *models;
    const char* const what = models == nullptr ? "slices" : "models";
    if (list.kind != YamlNode::Kind::kList || list.items.empty()) {
      return Error(list.origin, absl::StrCat(what, ": expected a list"));
    }
    if (models != nullptr) {
      file_.slices.push_back({.origin = list.origin});
      file_.slices[0].parameters.origin = list.origin;
    }
    for (const YamlNode& item : list.items) {
      if (models == nullptr) {
        RETURN_IF_ERROR(ReadSlice(item));
      } else {
        RETURN_IF_ERROR(
            ReadSource(item, /*with_layers=*/false, file_.slices[0]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadSlice(const YamlNode& node) {
    RETURN_IF_ERROR(
        CheckKeys(node, "a slice", {"sources", "base_model", "parameters"}));
    MergekitSlice slice{.origin = node.origin};
    ASSIGN_OR_RETURN(slice.parameters, ReadParameters(node));
    const YamlNode* const sources = node.Find("sources");
    if (sources == nullptr || sources->kind != YamlNode::Kind::kList ||
        sources->items.empty()) {
      return Error(node.origin, "sources: expected a list");
    }
    for (const YamlNode& source : sources->items) {
      RETURN_IF_ERROR(ReadSource(source, /*with_layers=*/true, slice));
    }
    ASSIGN_OR_RETURN(slice.base_model, ReadBaseModel(node));
    file_.slices.push_back(std::move(slice));
    return absl::OkStatus();
  }

  absl::Status ReadSource(const YamlNode& node, bool with_layers,
                          MergekitSlice& slice) {
    Names keys = {"model", "parameters"};
    if (with_layers) keys.emplace_back("layer_range");
    RETURN_IF_ERROR(CheckKeys(node, "a model", keys));
    const YamlNode* const model = node.Find("model");
    if (model == nullptr) return Error(node.origin, "model: is missing");
    MergekitSource source;
    ASSIGN_OR_RETURN(source.model, ReadModel(*model, "model"));
    ASSIGN_OR_RETURN(source.parameters, ReadParameters(node));
    if (with_layers) RETURN_IF_ERROR(ReadLayers(node, source));
    for (const MergekitSource& other : slice.sources) {
      if (other.model != source.model) continue;
      return Error(node.origin, absl::StrCat(file_.models[source.model],
                                             " is there twice; expected it "
                                             "once"));
    }
    slice.sources.push_back(std::move(source));
    return absl::OkStatus();
  }

  static absl::Status ReadLayers(const YamlNode& node, MergekitSource& source) {
    const YamlNode* const range = node.Find("layer_range");
    const bool is_pair = range != nullptr &&
                         range->kind == YamlNode::Kind::kList &&
                         range->items.size() == 2;
    if (!is_pair ||
        !absl::SimpleAtoi(range->items[0].text, &source.first_layer) ||
        !absl::SimpleAtoi(range->items[1].text, &source.end_layer) ||
        source.first_layer < 0 || source.end_layer <= source.first_layer) {
      return Error(node.origin,
                   "layer_range: expected [first, end], two integers, of which "
                   "end is the larger one");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<int>> ReadBaseModel(const YamlNode& owner) {
    const YamlNode* const node = owner.Find("base_model");
    if (node == nullptr || node->kind == YamlNode::Kind::kNothing) {
      return std::nullopt;
    }
    ASSIGN_OR_RETURN(const int model, ReadModel(*node, "base_model"));
    return model;
  }

  absl::StatusOr<int> ReadModel(const YamlNode& node, const char* key) {
    ASSIGN_OR_RETURN(std::string name, Text(node, key));
    const auto found =
        std::find(file_.models.begin(), file_.models.end(), name);
    const auto index = static_cast<int>(found - file_.models.begin());
    if (found == file_.models.end()) {
      file_.models.push_back(std::move(name));
      file_.model_origins.push_back(absl::StrCat(node.origin, ": ", key));
    }
    return index;
  }

  const YamlNode& root_;
  Names parameters_;  // of the method
  MergekitFile file_;
};

}  // namespace

absl::StatusOr<MergekitFile> ParseMergekitFile(const std::string& text,
                                               const std::string& path) {
  ASSIGN_OR_RETURN(const YamlNode root,
                   ParseYaml(text, path, /*with_lines=*/true));
  return Reader(root).Read();
}

const char* MergekitMethodName(MergekitMethod method) {
  for (const Method& known : Methods()) {
    if (known.method == method) return known.name;
  }
  return "unknown";
}

}  // namespace merganser
