// The campaign file: a CampaignSpec in YAML. docs/formats.md lists its keys,
// which are those of the table in campaign_schema.h.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Reads a campaign file. Each override is "key.path=value" as --set takes it,
// such as "tasks[0].chunk_size=256" or "search.mix=[-0.1, 1.1]", its value
// being YAML; they are applied in order, over what the file says. Fields that
// neither sets have their defaults. The spec's shape and types are checked
// here, its values by ValidateSpec(), its files by ResolveSpec().
// Errors: InvalidArgument, also for a file that cannot be read: "FILE:LINE:
// search.alpha: expected a number; got \"one\"", or "--set …: …".
absl::StatusOr<v1::CampaignSpec> LoadCampaignFile(
    const std::string& path, const std::vector<std::string>& overrides = {});

// The same from text; `name` stands for the file in messages.
absl::StatusOr<v1::CampaignSpec> ParseCampaign(
    const std::string& text, const std::string& name,
    const std::vector<std::string>& overrides = {});

// The tasks of a file that is one task, its keys at the top, or a campaign
// file, whose other keys are of no concern. Types and ranges are checked here,
// the rest by ValidateLanguageTask(). Their paths are left as they are written.
// Errors: as LoadCampaignFile().
absl::StatusOr<std::vector<v1::TaskSpec>> LoadTaskFile(const std::string& path);

// The campaign file of a spec: ParseCampaign() gives the same spec back, but
// for the fields marked "resolved".
std::string SpecToYaml(const v1::CampaignSpec& spec);

}  // namespace merganser
