// The parameters of a mergekit configuration: filters, gradients, scopes.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/campaign_spec/yaml_tree.h"

namespace merganser {

// The maps of parameters that count for a tensor, from the one that is asked
// first to the one that is asked last; what is no map is passed over.
using SettingScopes = std::initializer_list<const YamlNode*>;

// The value of a parameter for a tensor: of the first scope that has one. A
// setting is a value; a list of numbers over the layers, between which it is
// interpolated at `position` in [0, 1]; or a list of {filter, value}, of which
// the first counts whose filter is missing, "*", or a part of the tensor's
// name. nullopt where no scope says anything.
// Errors: InvalidArgument "path:line: …" for anything else.
absl::StatusOr<std::optional<double>> NumberSetting(SettingScopes scopes,
                                                    const std::string& key,
                                                    const std::string& tensor,
                                                    double position);

// The same of true and false, of which a list is not interpolated.
absl::StatusOr<std::optional<bool>> BooleanSetting(SettingScopes scopes,
                                                   const std::string& key,
                                                   const std::string& tensor,
                                                   double position);

}  // namespace merganser
