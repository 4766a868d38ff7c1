// From YAML as plain data to a CampaignSpec, by the table of campaign_schema.h.
// A part of campaign_file.h; include that.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/status/status.h"
#include "common/campaign_spec/yaml_tree.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Reads the root of a campaign file; sets defaults.
// Errors: InvalidArgument "origin: key.path: what was expected".
absl::Status ReadSpec(const YamlNode& root, v1::CampaignSpec& spec);

// Reads one task of a campaign file; sets defaults. `path` is that of its keys,
// such as "tasks[0]"; empty for a file that is one task.
// Errors: as ReadSpec().
absl::Status ReadTask(const YamlNode& root, const std::string& path,
                      v1::TaskSpec& task);

// Applies one "key.path=value" to the tree of a campaign file. The path must be
// one that the schema has, and its indices those of entries that there are.
// Errors: InvalidArgument that begins with "--set ".
absl::Status ApplyOverride(const std::string& override_text, YamlNode& root);

// "origin: path: unknown key; did you mean …?", for a key of `message`.
absl::Status UnknownKey(const std::string& origin, const std::string& path,
                        const std::string& key,
                        const google::protobuf::Descriptor& message);

}  // namespace merganser
