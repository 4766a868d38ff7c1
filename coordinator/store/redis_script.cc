#include "coordinator/store/redis_script.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "coordinator/store/commit_script.h"
#include "coordinator/store/keys.h"
#include "coordinator/store/packed_value.h"

namespace merganser {
namespace {

// At most commit.lua's MAX_ARGUMENTS; even, for pairs of field and value.
constexpr size_t kMaxArguments = 512;

}  // namespace

void ScriptCall::RequireEqual(const std::string& key, const std::string& field,
                              const std::string& value) {
  Check("=", key, field, value);
}

void ScriptCall::RequirePresent(const std::string& key,
                                const std::string& field) {
  Check("+", key, field, "");
}

void ScriptCall::RequireAbsent(const std::string& key,
                               const std::string& field) {
  Check("-", key, field, "");
}

void ScriptCall::Check(absl::string_view relation, const std::string& key,
                       const std::string& field, const std::string& value) {
  ++checks_;
  for (std::string argument :
       {std::string(relation), KeyIndex(key), field, value}) {
    check_arguments_.push_back(std::move(argument));
  }
}

void ScriptCall::SetField(const std::string& key, const std::string& field,
                          const std::string& value) {
  Append("HSET", key, {field, value});
}

void ScriptCall::AddMember(const std::string& key, const std::string& member) {
  Append("SADD", key, {member});
}

void ScriptCall::RemoveMember(const std::string& key,
                              const std::string& member) {
  Append("SREM", key, {member});
}

void ScriptCall::Remove(const std::string& key) { Append("UNLINK", key, {}); }

void ScriptCall::AddBatch(const std::string& campaign, const Batch& batch) {
  for (const Write& write : batch.writes) {
    const std::string key = MapKey(campaign, write.collection);
    const std::string field = absl::StrCat(write.key);
    if (write.value.has_value()) {
      Append("HSET", key, {field, PackValue(*write.value)});
    } else {
      Append("HDEL", key, {field});
    }
  }
  for (const struct Append& append : batch.appends) {
    Append("RPUSH", ListKey(campaign, append.list), {PackValue(append.value)});
  }
}

void ScriptCall::Append(absl::string_view command, const std::string& key,
                        std::vector<std::string> arguments) {
  const std::string key_index = KeyIndex(key);
  if (commands_.empty() || commands_.back().name != command ||
      commands_.back().key_index != key_index ||
      commands_.back().arguments.size() + arguments.size() > kMaxArguments) {
    commands_.push_back({std::string(command), key_index, {}});
  }
  std::move(arguments.begin(), arguments.end(),
            std::back_inserter(commands_.back().arguments));
}

std::string ScriptCall::KeyIndex(const std::string& key) {
  auto [it, added] = key_indices_.try_emplace(key);
  if (added) {
    keys_.push_back(key);
    it->second = absl::StrCat(keys_.size());
  }
  return it->second;
}

RedisCommand ScriptCall::ByDigest() const {
  return Assemble("EVALSHA", kCommitScriptSha1);
}

RedisCommand ScriptCall::ByText() const {
  return Assemble("EVAL", kCommitScript);
}

RedisCommand ScriptCall::Assemble(const std::string& command,
                                  const std::string& script) const {
  RedisCommand result = {command, script, absl::StrCat(keys_.size())};
  result.insert(result.end(), keys_.begin(), keys_.end());
  result.push_back(absl::StrCat(checks_));
  result.insert(result.end(), check_arguments_.begin(), check_arguments_.end());
  for (const Command& write : commands_) {
    result.push_back(write.name);
    result.push_back(write.key_index);
    result.push_back(absl::StrCat(write.arguments.size()));
    result.insert(result.end(), write.arguments.begin(), write.arguments.end());
  }
  return result;
}

absl::StatusOr<ScriptResult> ParseScriptReply(const RedisReply& reply) {
  RETURN_IF_ERROR(reply.status());
  if (reply.type != RedisReply::Type::kArray) {
    return absl::InternalError("commit.lua: expected an array as its reply");
  }
  ScriptResult result;
  if (reply.elements.empty()) return result;
  result.failed_check = static_cast<int>(reply.elements[0].integer) - 1;
  if (reply.elements.size() > 1) result.found = reply.elements[1].text;
  return result;
}

}  // namespace merganser
