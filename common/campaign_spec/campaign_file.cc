#include "common/campaign_spec/campaign_file.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/spec_reader.h"
#include "common/campaign_spec/yaml_tree.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumFileBytes = 1 << 20;

// A file that cannot be read is bad input.
absl::StatusOr<std::string> ReadText(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaximumFileBytes);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(text.status().message());
}

}  // namespace

absl::StatusOr<v1::CampaignSpec> LoadCampaignFile(
    const std::string& path, const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParseCampaign(text, path, overrides);
}

absl::StatusOr<std::vector<v1::TaskSpec>> LoadTaskFile(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  ASSIGN_OR_RETURN(const YamlNode root,
                   ParseYaml(text, path, /*with_lines=*/true));
  const YamlNode* const list =
      root.kind == YamlNode::Kind::kMap ? root.Find("tasks") : nullptr;
  std::vector<v1::TaskSpec> tasks;
  if (list == nullptr) {
    RETURN_IF_ERROR(ReadTask(root, "", tasks.emplace_back()));
    return tasks;
  }
  if (list->kind != YamlNode::Kind::kList || list->items.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(list->origin, ": tasks: expected a list of tasks"));
  }
  for (size_t i = 0; i < list->items.size(); ++i) {
    RETURN_IF_ERROR(ReadTask(list->items[i], absl::StrCat("tasks[", i, "]"),
                             tasks.emplace_back()));
  }
  return tasks;
}

absl::StatusOr<v1::CampaignSpec> ParseCampaign(
    const std::string& text, const std::string& name,
    const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(YamlNode root, ParseYaml(text, name, /*with_lines=*/true));
  for (const std::string& override_text : overrides) {
    RETURN_IF_ERROR(ApplyOverride(override_text, root));
  }
  v1::CampaignSpec spec;
  RETURN_IF_ERROR(ReadSpec(root, spec));
  return spec;
}

}  // namespace merganser
