#include "coordinator/store/keys.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

constexpr size_t kMaxNameLength = 128;

std::string CampaignKey(const std::string& campaign, absl::string_view part) {
  return absl::StrCat("merganser:{", campaign, "}:", part);
}

}  // namespace

absl::Status CheckCampaignName(const std::string& name) {
  const bool valid =
      !name.empty() && name.size() <= kMaxNameLength &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
      });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("campaign name: expected 1 to ", kMaxNameLength,
                   " characters of A-Z, a-z, 0-9, '.', '_' and '-'"));
}

std::string OwnerKey() { return "merganser:owner"; }

std::string CampaignIndexKey() { return "merganser:campaigns"; }

std::string MetaKey(const std::string& campaign) {
  return CampaignKey(campaign, "meta");
}

std::string MapKey(const std::string& campaign, Collection collection) {
  return CampaignKey(campaign, CollectionName(collection));
}

std::string ListKey(const std::string& campaign, ListCollection list) {
  return CampaignKey(campaign, CollectionName(list));
}

std::vector<std::string> CampaignKeys(const std::string& campaign) {
  std::vector<std::string> keys = {MetaKey(campaign)};
  for (Collection collection : kCollections) {
    keys.push_back(MapKey(campaign, collection));
  }
  for (ListCollection list : kListCollections) {
    keys.push_back(ListKey(campaign, list));
  }
  return keys;
}

}  // namespace merganser
