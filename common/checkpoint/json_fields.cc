#include "common/checkpoint/json_fields.h"

#include "absl/strings/str_cat.h"
#include "common/storage/bounded_json.h"

namespace merganser {

using nlohmann::json;

namespace {

// A value as a message shows it, on one line.
std::string Shown(const json& value) {
  constexpr size_t kShownBytes = 60;
  if (value.is_structured()) return absl::StrCat("an ", value.type_name());
  return value
      .dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace)
      .substr(0, kShownBytes);
}

}  // namespace

absl::StatusOr<json> ParseJsonObject(std::string_view text,
                                     const std::string& path) {
  json root = ParseBoundedJson<json>(text);
  if (!root.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a JSON object"));
  }
  return root;
}

const json* JsonFields::Find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

absl::Status JsonFields::Error(const char* key,
                               const std::string& message) const {
  return absl::InvalidArgumentError(
      absl::StrCat(where_, ": ", key, ": ", message));
}

absl::StatusOr<int64_t> JsonFields::Integer(
    const char* key, int64_t least, int64_t most,
    std::optional<int64_t> otherwise) const {
  const json* const value = Find(key);
  if (value == nullptr && otherwise.has_value()) return *otherwise;
  const std::string expected =
      absl::StrCat("expected an integer of ", least, " to ", most);
  if (value == nullptr) return Error(key, "is missing; " + expected);
  const bool fits = value->is_number_integer() && *value >= json(least) &&
                    *value <= json(most);
  if (!fits) return Error(key, expected + ", not " + Shown(*value));
  return value->get<int64_t>();
}

absl::StatusOr<double> JsonFields::Number(
    const char* key, double least, double most,
    std::optional<double> otherwise) const {
  const json* const value = Find(key);
  if (value == nullptr && otherwise.has_value()) return *otherwise;
  const std::string expected =
      absl::StrCat("expected a number of ", least, " to ", most);
  if (value == nullptr) return Error(key, "is missing; " + expected);
  const bool fits = value->is_number() && value->get<double>() >= least &&
                    value->get<double>() <= most;
  if (!fits) return Error(key, expected + ", not " + Shown(*value));
  return value->get<double>();
}

absl::StatusOr<bool> JsonFields::Boolean(const char* key,
                                         bool otherwise) const {
  const json* const value = Find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) {
    return Error(key, "expected true or false, not " + Shown(*value));
  }
  return value->get<bool>();
}

absl::StatusOr<std::string> JsonFields::Text(
    const char* key, std::optional<std::string> otherwise) const {
  const json* const value = Find(key);
  if (value == nullptr && otherwise.has_value()) return *otherwise;
  if (value == nullptr) return Error(key, "is missing; expected a text");
  if (!value->is_string()) {
    return Error(key, "expected a text, not " + Shown(*value));
  }
  return value->get<std::string>();
}

}  // namespace merganser
