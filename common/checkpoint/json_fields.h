// The fields of a JSON object that somebody else wrote, with errors that name
// them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace merganser {

// Errors: InvalidArgument unless `text` is a JSON object. Every message starts
// with `path`.
absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text,
                                               const std::string& path);

// One object. A key that is missing and one that is null are the same. Borrows
// all that it is given.
class JsonFields {
 public:
  // `where` begins every message: a path, or a path and a key.
  JsonFields(const nlohmann::json& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  // Null for a key that is missing.
  const nlohmann::json* Find(const char* key) const;

  // The value, or `otherwise` where it is missing; a key without `otherwise`
  // must be there.
  // Errors: InvalidArgument naming the key for another type, or a value that is
  // not in the range.
  absl::StatusOr<int64_t> Integer(
      const char* key, int64_t least, int64_t most,
      std::optional<int64_t> otherwise = std::nullopt) const;
  absl::StatusOr<double> Number(
      const char* key, double least, double most,
      std::optional<double> otherwise = std::nullopt) const;
  absl::StatusOr<bool> Boolean(const char* key, bool otherwise) const;
  absl::StatusOr<std::string> Text(
      const char* key,
      std::optional<std::string> otherwise = std::nullopt) const;

  // "WHERE: KEY: MESSAGE".
  absl::Status Error(const char* key, const std::string& message) const;

 private:
  const nlohmann::json& object_;
  const std::string where_;
};

}  // namespace merganser
