#include "common/campaign_spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

// More than any campaign needs; aliases of aliases reach it quickly.
constexpr int kMaximumNodes = 100000;
constexpr int kMaximumDepth = 32;

class TreeBuilder {
 public:
  TreeBuilder(const std::string& source, bool with_lines)
      : source_(source), with_lines_(with_lines) {}

  absl::StatusOr<YamlNode> Build(const YAML::Node& yaml, int depth) {
    YamlNode node{.origin = Origin(yaml.Mark())};
    if (++nodes_ > kMaximumNodes || depth > kMaximumDepth) {
      return Error(node.origin, "is too large or nested too deeply");
    }
    switch (yaml.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kScalar;
        node.text = yaml.Scalar();
        // yaml-cpp gives plain scalars the tag "?", quoted ones "!".
        node.quoted = yaml.Tag() == "!";
        return node;
      case YAML::NodeType::Sequence:
        RETURN_IF_ERROR(AddItems(yaml, depth, node));
        return node;
      case YAML::NodeType::Map:
        RETURN_IF_ERROR(AddEntries(yaml, depth, node));
        return node;
    }
    return node;
  }

  // `mark` counts from 0; a null mark has the line -1.
  std::string Origin(const YAML::Mark& mark) const {
    if (!with_lines_ || mark.is_null()) return source_;
    return absl::StrCat(source_, ":", mark.line + 1);
  }

  static absl::Status Error(const std::string& origin,
                            const std::string& message) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": ", message));
  }

 private:
  absl::Status AddItems(const YAML::Node& yaml, int depth, YamlNode& node) {
    node.kind = YamlNode::Kind::kList;
    for (const YAML::Node& item : yaml) {
      ASSIGN_OR_RETURN(YamlNode child, Build(item, depth + 1));
      node.items.push_back(std::move(child));
    }
    return absl::OkStatus();
  }

  absl::Status AddEntries(const YAML::Node& yaml, int depth, YamlNode& node) {
    node.kind = YamlNode::Kind::kMap;
    for (const auto& entry : yaml) {
      const std::string origin = Origin(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        return Error(origin, "expected a key in front of the colon");
      }
      const std::string& key = entry.first.Scalar();
      if (node.Find(key) != nullptr) {
        return Error(origin, absl::StrCat("the key ", key,
                                          " is there twice; expected it once"));
      }
      ASSIGN_OR_RETURN(YamlNode child, Build(entry.second, depth + 1));
      child.origin = origin;
      node.Add(key, std::move(child));
    }
    return absl::OkStatus();
  }

  const std::string& source_;
  const bool with_lines_;
  int nodes_ = 0;
};

// Takes what a document holds, and does nothing with it.
class Ignore : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// 0, 1, or 2 for more. Not by YAML::LoadAll(), which finds documents without
// end in texts such as "  , m" (yaml-cpp 0.7).
int CountDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Ignore ignore;
  int documents = 0;
  while (documents < 2 && parser.HandleNextDocument(ignore)) ++documents;
  return documents;
}

}  // namespace

const YamlNode* YamlNode::Find(const std::string& key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[found - keys.begin()];
}

YamlNode* YamlNode::Find(const std::string& key) {
  return const_cast<YamlNode*>(std::as_const(*this).Find(key));
}

void YamlNode::Add(const std::string& key, YamlNode value) {
  keys.push_back(key);
  items.push_back(std::move(value));
}

absl::StatusOr<YamlNode> ParseYaml(const std::string& text,
                                   const std::string& source, bool with_lines) {
  TreeBuilder builder(source, with_lines);
  try {
    const int documents = CountDocuments(text);
    if (documents == 0) return YamlNode{.origin = source};
    if (documents > 1) {
      return TreeBuilder::Error(source, "expected one YAML document");
    }
    return builder.Build(YAML::Load(text), 0);
  } catch (const YAML::Exception& error) {
    return TreeBuilder::Error(builder.Origin(error.mark),
                              absl::StrCat("is not valid YAML: ", error.msg));
  }
}

}  // namespace merganser
