#include "common/huggingface/chat_template.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/huggingface/native_call.h"
#include "common/storage/bounded_json.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaximumFileBytes = int64_t{1} << 26;

absl::StatusOr<ordered_json> ReadJson(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaximumFileBytes));
  ordered_json json = ParseBoundedJson<ordered_json>(text);
  if (json.is_object()) return json;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expected a JSON object"));
}

// "bos_token": "<s>", or {"content": "<s>", …}.
std::map<std::string, std::string> SpecialTokens(const ordered_json& config) {
  std::map<std::string, std::string> tokens;
  for (const auto& [key, value] : config.items()) {
    if (!absl::EndsWith(key, "_token")) continue;
    if (value.is_string()) tokens[key] = value.get<std::string>();
    if (!value.is_object()) continue;
    const auto content = value.find("content");
    if (content != value.end() && content->is_string()) {
      tokens[key] = content->get<std::string>();
    }
  }
  return tokens;
}

// A text, or a list of named ones of which "default" counts.
absl::StatusOr<std::string> TemplateOf(const ordered_json& config,
                                       const std::string& path) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) {
    return absl::NotFoundError(
        absl::StrCat(path,
                     ": chat_template is missing, and there is no "
                     "chat_template.jinja beside it"));
  }
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const ordered_json& named : *found) {
      if (named.is_object() && named.value("name", "") == "default" &&
          named.contains("template") && named["template"].is_string()) {
        return named["template"].get<std::string>();
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path,
                   ": chat_template: expected a text, or a list with one "
                   "named default"));
}

}  // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::Create(
    std::string source, std::string name,
    std::map<std::string, std::string> special_tokens) {
  mhf_bytes error = {};
  const mhf_status status = mhf_chat_template_check(NativeText(source), &error);
  RETURN_IF_ERROR(Annotate(NativeStatus(status, error), name));
  return ChatTemplate(std::move(source), std::move(name),
                      std::move(special_tokens));
}

absl::StatusOr<ChatTemplate> ChatTemplate::OpenFolder(
    const std::string& folder) {
  const std::string config_path = folder + "/tokenizer_config.json";
  const std::string file_path = folder + "/chat_template.jinja";
  auto file = ReadFile(file_path, kMaximumFileBytes);
  if (!file.ok() && !absl::IsNotFound(file.status())) return file.status();
  const absl::StatusOr<ordered_json> config = ReadJson(config_path);
  if (!config.ok() && !(file.ok() && absl::IsNotFound(config.status()))) {
    return config.status();
  }
  std::map<std::string, std::string> tokens;
  if (config.ok()) tokens = SpecialTokens(*config);
  if (file.ok()) return Create(*std::move(file), file_path, std::move(tokens));
  ASSIGN_OR_RETURN(std::string source, TemplateOf(*config, config_path));
  return Create(std::move(source), config_path, std::move(tokens));
}

absl::StatusOr<std::string> ChatTemplate::Render(
    std::span<const ChatMessage> messages, bool add_generation_prompt,
    absl::Time now) const {
  ordered_json variables = {{"messages", ordered_json::array()},
                            {"add_generation_prompt", add_generation_prompt},
                            {"tools", nullptr},
                            {"documents", nullptr}};
  for (const ChatMessage& message : messages) {
    variables["messages"].push_back(
        {{"role", message.role}, {"content", message.content}});
  }
  for (const auto& [name, token] : special_tokens_) variables[name] = token;
  const std::string json =
      variables.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  mhf_bytes text = {};
  mhf_bytes error = {};
  const mhf_status status =
      mhf_chat_template_render(NativeText(source_), NativeText(json),
                               absl::ToUnixSeconds(now), &text, &error);
  RETURN_IF_ERROR(Annotate(NativeStatus(status, error), name_));
  return TakeText(text);
}

}  // namespace merganser
