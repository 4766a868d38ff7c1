// A call of commit.lua: what must hold, and what to write then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "coordinator/store/campaign_store.h"
#include "coordinator/store/redis_connection.h"

namespace merganser {

// Threads: none.
class ScriptCall {
 public:
  // Checks are numbered from 0 in the order of these calls and made before
  // anything is written; the first that fails ends the script.
  void RequireEqual(const std::string& key, const std::string& field,
                    const std::string& value);
  void RequirePresent(const std::string& key, const std::string& field);
  void RequireAbsent(const std::string& key, const std::string& field);

  // Writes happen in the order of these calls.
  void SetField(const std::string& key, const std::string& field,
                const std::string& value);
  void AddMember(const std::string& key, const std::string& member);
  void RemoveMember(const std::string& key, const std::string& member);
  void Remove(const std::string& key);
  // Values are stored packed (packed_value.h).
  void AddBatch(const std::string& campaign, const Batch& batch);

  // The command that runs the script: by its digest, which fails with NOSCRIPT
  // where Redis has not seen it yet, or with its text.
  RedisCommand ByDigest() const;
  RedisCommand ByText() const;

 private:
  void Check(absl::string_view relation, const std::string& key,
             const std::string& field, const std::string& value);
  // Adds arguments to the last command if it is the same, else begins one.
  void Append(absl::string_view command, const std::string& key,
              std::vector<std::string> arguments);
  std::string KeyIndex(const std::string& key);
  RedisCommand Assemble(const std::string& command,
                        const std::string& script) const;

  struct Command {
    std::string name;
    std::string key_index;
    std::vector<std::string> arguments;
  };
  std::vector<std::string> keys_;
  std::map<std::string, std::string> key_indices_;
  int checks_ = 0;
  std::vector<std::string> check_arguments_;
  std::vector<Command> commands_;
};

struct ScriptResult {
  // The first check that does not hold, counted from 0; nullopt: everything
  // was written.
  std::optional<int> failed_check;
  // What that field holds; empty if it is not there.
  std::string found;
};

// Errors: those of RedisReplyError; Internal if it is no answer of commit.lua.
absl::StatusOr<ScriptResult> ParseScriptReply(const RedisReply& reply);

}  // namespace merganser
