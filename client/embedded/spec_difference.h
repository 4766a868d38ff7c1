// Whether two specs are one campaign.
#pragma once

#include <optional>
#include <string>

#include "merganser/v1/campaign.pb.h"

namespace merganser {

// A field in the words of the campaign file, and its two values for people.
struct SpecDifference {
  std::string field;
  std::string before;
  std::string after;
  // The same name, but a file with other contents; before and after say so.
  bool file_changed = false;
};

// The first field in which two resolved specs differ, budget.evaluations left
// out; nullopt if they are the same campaign. Files that changed under the same
// name are told by their digests.
std::optional<SpecDifference> FirstDifference(const v1::CampaignSpec& before,
                                              const v1::CampaignSpec& after);

}  // namespace merganser
