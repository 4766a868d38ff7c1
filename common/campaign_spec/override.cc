#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_schema.h"
#include "common/campaign_spec/field_checks.h"
#include "common/campaign_spec/spec_reader.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// One step of a path: "tasks[0]" or "search".
struct Step {
  std::string key;
  std::optional<size_t> index;
};

// Splits "tasks[0].search.file"; false if it is no such path.
bool ParsePath(std::string_view path, std::vector<Step>& steps) {
  while (true) {
    const size_t end = path.find_first_of(".[");
    Step step{.key = std::string(path.substr(0, end)), .index = {}};
    if (step.key.empty()) return false;
    path.remove_prefix(step.key.size());
    if (!path.empty() && path.front() == '[') {
      size_t index = 0;
      const char* const last = path.data() + path.size();
      const auto result = std::from_chars(path.data() + 1, last, index);
      if (result.ec != std::errc() || result.ptr == last ||
          *result.ptr != ']') {
        return false;
      }
      step.index = index;
      path.remove_prefix(result.ptr + 1 - path.data());
    }
    steps.push_back(std::move(step));
    if (path.empty()) return true;
    if (path.front() != '.') return false;
    path.remove_prefix(1);
  }
}

// Walks from the root of a campaign file along a path of the schema, making
// the maps that the file has left out.
class Walker {
 public:
  Walker(const std::string& origin, YamlNode& root)
      : origin_(origin),
        node_(&root),
        message_(v1::CampaignSpec::descriptor()) {}

  absl::Status Descend(const Step& step) {
    if (message_ == nullptr) {
      return Error(absl::StrCat("has no keys of its own; got ", step.key));
    }
    const SchemaField* const field = FindSchemaField(*message_, step.key);
    if (field == nullptr) {
      return UnknownKey(origin_, path_, step.key, *message_);
    }
    RETURN_IF_ERROR(EnterKey(step.key));
    const FieldDescriptor& proto = ProtoField(*message_, *field);
    message_ = proto.message_type();
    if (step.index.has_value()) {
      if (!proto.is_repeated()) {
        return Error(
            "is no list of entries; set it as a whole, without an "
            "index");
      }
      return EnterItem(*step.index);
    }
    // Below a list only its entries have keys.
    if (proto.is_repeated()) message_ = nullptr;
    return absl::OkStatus();
  }

  YamlNode& node() { return *node_; }

 private:
  absl::Status EnterKey(const std::string& key) {
    if (node_->kind == YamlNode::Kind::kNothing) {
      node_->kind = YamlNode::Kind::kMap;
      node_->origin = origin_;
    }
    if (node_->kind != YamlNode::Kind::kMap) {
      return Error(absl::StrCat("expected a map in ", node_->origin));
    }
    if (node_->Find(key) == nullptr) {
      node_->Add(key, YamlNode{.origin = origin_});
    }
    node_ = node_->Find(key);
    path_ = JoinPath(path_, key);
    return absl::OkStatus();
  }

  absl::Status EnterItem(size_t index) {
    const bool is_list = node_->kind == YamlNode::Kind::kList;
    const size_t size = is_list ? node_->items.size() : 0;
    if (index >= size) {
      return Error(absl::StrCat(
          "has ", size, size == 1 ? " entry" : " entries",
          size == 0 ? "" : absl::StrCat("; expected an index below ", size),
          "; got ", index));
    }
    node_ = &node_->items[index];
    absl::StrAppend(&path_, "[", index, "]");
    return absl::OkStatus();
  }

  absl::Status Error(const std::string& message) const {
    return Annotate(
        FieldError(path_.empty() ? "campaign file" : path_, message), origin_);
  }

  const std::string& origin_;
  YamlNode* node_;
  const Descriptor* message_;  // nullptr: what `node_` holds has no keys
  std::string path_;
};

}  // namespace

absl::Status ApplyOverride(const std::string& override_text, YamlNode& root) {
  const std::string origin = absl::StrCat("--set ", override_text);
  const size_t equals = override_text.find('=');
  std::vector<Step> steps;
  const std::string path(
      absl::StripAsciiWhitespace(override_text.substr(0, equals)));
  if (equals == std::string::npos || !ParsePath(path, steps)) {
    return absl::InvalidArgumentError(absl::StrCat(
        origin, ": expected key.path=value, as in tasks[0].chunk_size=256"));
  }
  ASSIGN_OR_RETURN(YamlNode value, ParseYaml(override_text.substr(equals + 1),
                                             origin, /*with_lines=*/false));
  Walker walker(origin, root);
  for (const Step& step : steps) RETURN_IF_ERROR(walker.Descend(step));
  walker.node() = std::move(value);
  return absl::OkStatus();
}

}  // namespace merganser
