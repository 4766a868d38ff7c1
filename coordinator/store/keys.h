// Every key of the Redis schema is built here; see RedisStore for what they
// hold. Keys of one campaign share a hash tag.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "coordinator/store/campaign_store.h"

namespace merganser {

// Errors: InvalidArgument unless it matches [A-Za-z0-9._-]{1,128}, so that a
// name cannot reach into another campaign's keys.
absl::Status CheckCampaignName(const std::string& name);

std::string OwnerKey();
std::string CampaignIndexKey();
std::string MetaKey(const std::string& campaign);
std::string MapKey(const std::string& campaign, Collection collection);
std::string ListKey(const std::string& campaign, ListCollection list);
// All keys that a campaign can have, meta first.
std::vector<std::string> CampaignKeys(const std::string& campaign);

}  // namespace merganser
