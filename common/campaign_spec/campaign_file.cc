#include "common/campaign_spec/campaign_file.h"

#include <cstdint>

#include "common/base/status_macros.h"
#include "common/campaign_spec/spec_reader.h"
#include "common/campaign_spec/yaml_tree.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumFileBytes = 1 << 20;

}  // namespace

absl::StatusOr<v1::CampaignSpec> LoadCampaignFile(
    const std::string& path, const std::vector<std::string>& overrides) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaximumFileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(text.status().message());
  }
  return ParseCampaign(*text, path, overrides);
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
