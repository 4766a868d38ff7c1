// What RedisStore reads of campaigns.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "coordinator/store/keys.h"
#include "coordinator/store/packed_value.h"
#include "coordinator/store/redis_store.h"
#include "coordinator/store/store_errors.h"

namespace merganser {
namespace {

// Campaign, collection and key of a stored value.
std::string Place(const std::string& name, absl::string_view collection,
                  absl::string_view key) {
  return absl::StrCat("campaign ", name, ", ", collection, ", key ", key);
}

absl::StatusOr<std::string> Unpacked(RedisReply& reply, const std::string& name,
                                     absl::string_view collection,
                                     absl::string_view key) {
  absl::StatusOr<std::string> value = UnpackValue(std::move(reply.text));
  if (value.ok()) return value;
  return Annotate(value.status(), Place(name, collection, key));
}

// `reply`: HGETALL's, fields and values in turn.
absl::StatusOr<std::map<int64_t, std::string>> ParseMap(RedisReply& reply,
                                                        const std::string& name,
                                                        Collection collection) {
  std::map<int64_t, std::string> map;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    const std::string& field = reply.elements[i].text;
    int64_t key;
    if (!absl::SimpleAtoi(field, &key)) {
      return absl::DataLossError(
          absl::StrCat(Place(name, CollectionName(collection), field),
                       ": expected a whole number as the key"));
    }
    ASSIGN_OR_RETURN(map[key], Unpacked(reply.elements[i + 1], name,
                                        CollectionName(collection), field));
  }
  return map;
}

// `reply`: HMGET's of epoch and revision.
absl::Status ParseMeta(const RedisReply& reply, const std::string& name,
                       StoredCampaign& campaign) {
  const RedisReply& epoch = reply.elements[0];
  const RedisReply& revision = reply.elements[1];
  if (revision.type == RedisReply::Type::kNil) return CampaignNotFound(name);
  if (!absl::SimpleAtoi(epoch.text, &campaign.epoch) ||
      !absl::SimpleAtoi(revision.text, &campaign.revision)) {
    return absl::DataLossError(absl::StrCat(
        Place(name, "meta", "epoch and revision"), ": expected whole numbers"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RedisStore::ListCampaigns() {
  ASSIGN_OR_RETURN(RedisReply reply,
                   Run(RedisCommand{"SMEMBERS", CampaignIndexKey()}));
  std::vector<std::string> names;
  for (RedisReply& element : reply.elements) {
    names.push_back(std::move(element.text));
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<int64_t> RedisStore::ReadRevision(const std::string& name) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  ASSIGN_OR_RETURN(
      const RedisReply reply,
      Run(RedisCommand{"HMGET", MetaKey(name), "epoch", "revision"}));
  StoredCampaign campaign;
  RETURN_IF_ERROR(ParseMeta(reply, name, campaign));
  return campaign.revision;
}

absl::StatusOr<StoredCampaign> RedisStore::Load(const std::string& name) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  std::vector<RedisCommand> commands = {{"MULTI"}};
  commands.push_back({"HMGET", MetaKey(name), "epoch", "revision"});
  commands.push_back({"LLEN", ListKey(name, ListCollection::kLog)});
  commands.push_back({"LLEN", ListKey(name, ListCollection::kCurve)});
  for (Collection collection : kCollections) {
    commands.push_back({"HGETALL", MapKey(name, collection)});
  }
  commands.push_back({"EXEC"});
  ASSIGN_OR_RETURN(std::vector<RedisReply> replies, Run(commands));
  std::vector<RedisReply>& parts = replies.back().elements;
  for (const auto* group : {&replies, &parts}) {
    for (const RedisReply& reply : *group) {
      RETURN_IF_ERROR(Annotate(reply.status(),
                               absl::StrCat("Redis at ", address_.ToString())));
    }
  }
  StoredCampaign campaign;
  RETURN_IF_ERROR(ParseMeta(parts[0], name, campaign));
  campaign.log_length = parts[1].integer;
  campaign.curve_length = parts[2].integer;
  size_t part = 3;
  for (Collection collection : kCollections) {
    ASSIGN_OR_RETURN(auto map, ParseMap(parts[part++], name, collection));
    if (!map.empty()) campaign.maps[collection] = std::move(map);
  }
  return campaign;
}

absl::StatusOr<std::vector<std::string>> RedisStore::ReadList(
    const std::string& name, ListCollection list, int64_t first,
    int64_t count) {
  RETURN_IF_ERROR(CheckCampaignName(name));
  RETURN_IF_ERROR(CheckListRange(first, count));
  std::vector<std::string> entries;
  if (count == 0 || first > std::numeric_limits<int64_t>::max() - count) {
    // Beyond any list, or nothing: only whether the campaign is there counts.
    RETURN_IF_ERROR(ReadRevision(name).status());
    if (count == 0) return entries;
    count = std::numeric_limits<int64_t>::max() - first;
  }
  ASSIGN_OR_RETURN(
      RedisReply reply,
      Run(RedisCommand{"LRANGE", ListKey(name, list), absl::StrCat(first),
                       absl::StrCat(first + count - 1)}));
  if (reply.elements.empty()) RETURN_IF_ERROR(ReadRevision(name).status());
  for (RedisReply& element : reply.elements) {
    const int64_t index = first + static_cast<int64_t>(entries.size());
    ASSIGN_OR_RETURN(
        std::string entry,
        Unpacked(element, name, CollectionName(list), absl::StrCat(index)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>>
RedisStore::Dump(const std::string& name) {
  RETURN_IF_ERROR(ReadRevision(name).status());
  const std::vector<std::string> keys = CampaignKeys(name);
  std::vector<RedisCommand> commands;
  for (const std::string& key : keys) {
    for (const char* command : {"TYPE", "HLEN", "LLEN"}) {
      commands.push_back({command, key});
    }
  }
  ASSIGN_OR_RETURN(const std::vector<RedisReply> replies, Run(commands));
  std::vector<std::pair<std::string, std::string>> result;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string& type = replies[3 * i].text;
    if (type == "none") continue;
    std::string rendering = type;
    if (type == "hash") {
      absl::StrAppend(&rendering, " of ", replies[3 * i + 1].integer,
                      " fields");
    } else if (type == "list") {
      absl::StrAppend(&rendering, " of ", replies[3 * i + 2].integer,
                      " entries");
    }
    result.emplace_back(keys[i], std::move(rendering));
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace merganser
