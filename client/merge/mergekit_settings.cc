#include "client/merge/mergekit_settings.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

using Kind = YamlNode::Kind;

absl::Status Error(const YamlNode& node, const std::string& key,
                   const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(node.origin, ": ", key, ": expected ", expected));
}

// Null when the condition does not hold for the tensor.
absl::StatusOr<const YamlNode*> ValueOfCondition(const YamlNode& node,
                                                 const std::string& key,
                                                 const std::string& tensor) {
  const YamlNode* const value = node.Find("value");
  const YamlNode* const filter = node.Find("filter");
  const size_t known = (value != nullptr) + (filter != nullptr);
  if (value == nullptr || known != node.keys.size()) {
    return Error(node, key, "a map of filter and value");
  }
  if (filter == nullptr || filter->kind == Kind::kNothing ||
      filter->text == "*" || tensor.find(filter->text) != std::string::npos) {
    return value;
  }
  return nullptr;
}

// A scalar, or a list of scalars; null when nothing is set.
absl::StatusOr<const YamlNode*> ValueFor(const YamlNode& setting,
                                         const std::string& key,
                                         const std::string& tensor) {
  if (setting.kind == Kind::kMap) {
    return ValueOfCondition(setting, key, tensor);
  }
  const bool conditions = setting.kind == Kind::kList &&
                          !setting.items.empty() &&
                          setting.items[0].kind == Kind::kMap;
  if (!conditions) return &setting;
  for (const YamlNode& item : setting.items) {
    if (item.kind != Kind::kMap) {
      return Error(item, key, "a map of filter and value");
    }
    ASSIGN_OR_RETURN(const YamlNode* value,
                     ValueOfCondition(item, key, tensor));
    if (value != nullptr) return value;
  }
  return nullptr;
}

absl::StatusOr<double> Number(const YamlNode& node, const std::string& key) {
  double value = 0;
  if (node.kind == Kind::kScalar && absl::SimpleAtod(node.text, &value) &&
      std::isfinite(value)) {
    return value;
  }
  return Error(node, key,
               "a number, a list of numbers, or a list of {filter, "
               "value}");
}

absl::StatusOr<bool> Boolean(const YamlNode& node, const std::string& key) {
  const std::string text = absl::AsciiStrToLower(node.text);
  if (node.kind == Kind::kScalar) {
    if (text == "true" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "no" || text == "off") return false;
  }
  return Error(node, key, "true or false");
}

// The place in a list of `size` values, as an integer and what is over.
struct Place {
  size_t index = 0;
  double rest = 0;
};

Place PlaceIn(size_t size, double position) {
  const double scaled = position * static_cast<double>(size - 1);
  const auto index = static_cast<size_t>(scaled);
  return {index, scaled - static_cast<double>(index)};
}

absl::StatusOr<double> NumberAt(const YamlNode& value, const std::string& key,
                                double position) {
  if (value.kind != Kind::kList) return Number(value, key);
  const auto& [index, rest] = PlaceIn(value.items.size(), position);
  const size_t next = std::min(index + 1, value.items.size() - 1);
  for (const YamlNode& item : value.items) {
    RETURN_IF_ERROR(Number(item, key).status());
  }
  ASSIGN_OR_RETURN(const double before, Number(value.items[index], key));
  ASSIGN_OR_RETURN(const double after, Number(value.items[next], key));
  return (1 - rest) * before + rest * after;
}

absl::StatusOr<bool> BooleanAt(const YamlNode& value, const std::string& key,
                               double position) {
  if (value.kind != Kind::kList) return Boolean(value, key);
  return Boolean(value.items[PlaceIn(value.items.size(), position).index], key);
}

template <typename T, typename At>
absl::StatusOr<std::optional<T>> FirstOf(SettingScopes scopes,
                                         const std::string& key,
                                         const std::string& tensor,
                                         double position, At at) {
  for (const YamlNode* scope : scopes) {
    const YamlNode* const setting = scope->Find(key);
    if (setting == nullptr) continue;
    ASSIGN_OR_RETURN(const YamlNode* value, ValueFor(*setting, key, tensor));
    const bool nothing = value == nullptr || value->kind == Kind::kNothing ||
                         (value->kind == Kind::kList && value->items.empty());
    if (nothing) continue;
    ASSIGN_OR_RETURN(const T found, at(*value, key, position));
    return found;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::optional<double>> NumberSetting(SettingScopes scopes,
                                                    const std::string& key,
                                                    const std::string& tensor,
                                                    double position) {
  return FirstOf<double>(scopes, key, tensor, position, NumberAt);
}

absl::StatusOr<std::optional<bool>> BooleanSetting(SettingScopes scopes,
                                                   const std::string& key,
                                                   const std::string& tensor,
                                                   double position) {
  return FirstOf<bool>(scopes, key, tensor, position, BooleanAt);
}

}  // namespace merganser
