#include "common/checkpoint/checkpoint_info.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/json_fields.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMaximumTextBytes = int64_t{1} << 24;

constexpr std::array kCompanionFiles = {"added_tokens.json",
                                        "chat_template.jinja",
                                        "chat_template.json",
                                        "generation_config.json",
                                        "merges.txt",
                                        "special_tokens_map.json",
                                        "tokenizer.json",
                                        "tokenizer.model",
                                        "tokenizer_config.json",
                                        "vocab.json"};

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool IsToken(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= uint64_t{std::numeric_limits<int32_t>::max()};
}

// A token, or a list of tokens, appended; nothing where the key is missing.
absl::Status ReadTokens(const JsonFields& fields, const char* key,
                        std::vector<int32_t>& tokens) {
  const json* const value = fields.Find(key);
  if (value == nullptr) return absl::OkStatus();
  const json list = value->is_array() ? *value : json::array({*value});
  for (const json& token : list) {
    if (!IsToken(token)) {
      const std::string shown =
          token.is_structured() ? token.type_name() : token.dump();
      return fields.Error(
          key, absl::StrCat("expected a token's id or a list of them; got ",
                            shown.substr(0, 60)));
    }
    tokens.push_back(token.get<int32_t>());
  }
  return absl::OkStatus();
}

// What `settings` does not have yet.
absl::Status AddSettings(const std::string& text, const std::string& path,
                         GenerationSettings& settings) {
  ASSIGN_OR_RETURN(const json root, ParseJsonObject(text, path));
  const JsonFields fields(root, path);
  if (settings.end_tokens.empty()) {
    RETURN_IF_ERROR(ReadTokens(fields, "eos_token_id", settings.end_tokens));
  }
  std::vector<int32_t> begin;
  RETURN_IF_ERROR(ReadTokens(fields, "bos_token_id", begin));
  if (!settings.begin_token.has_value() && !begin.empty()) {
    settings.begin_token = begin[0];
  }
  return absl::OkStatus();
}

// A scalar of YAML in its usual forms: without quotes and comment.
std::string Unquoted(std::string_view text) {
  std::string value(text.substr(0, text.find(" #")));
  absl::StripAsciiWhitespace(&value);
  if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') &&
      value.back() == value[0]) {
    value = value.substr(1, value.size() - 2);
  }
  return value;
}

// Value of a key at the left margin of a front matter, or the first item of a
// list below it.
std::string ValueIn(const std::vector<std::string>& lines,
                    const std::string& key) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!absl::StartsWith(lines[i], key)) continue;
    const std::string value = Unquoted(lines[i].substr(key.size()));
    if (!value.empty()) return value;
    if (i + 1 == lines.size()) return "";
    const std::string item(absl::StripAsciiWhitespace(lines[i + 1]));
    return absl::StartsWith(item, "- ") ? Unquoted(item.substr(2)) : "";
  }
  return "";
}

// The lines between the first two lines "---" of README.md.
std::vector<std::string> FrontMatter(const std::string& folder) {
  const auto text =
      ReadFile(absl::StrCat(folder, "/README.md"), kMaximumTextBytes);
  if (!text.ok()) return {};
  std::vector<std::string> lines;
  for (const auto part : absl::StrSplit(*text, '\n')) {
    std::string line(absl::StripTrailingAsciiWhitespace(part));
    if (lines.empty() && line != "---") return {};
    if (!lines.empty() && line == "---") return lines;
    lines.push_back(std::move(line));
  }
  return {};
}

std::string LicenceFile(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (absl::StartsWithIgnoreCase(name, "licen")) found.push_back(name);
  }
  return found.empty() ? "" : *std::min_element(found.begin(), found.end());
}

}  // namespace

absl::StatusOr<GenerationSettings> ReadGenerationSettings(
    const std::string& folder, const std::string& config_json) {
  GenerationSettings settings;
  const std::string path = absl::StrCat(folder, "/generation_config.json");
  if (Exists(path)) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaximumTextBytes));
    RETURN_IF_ERROR(AddSettings(text, path, settings));
  }
  RETURN_IF_ERROR(
      AddSettings(config_json, absl::StrCat(folder, "/config.json"), settings));
  return settings;
}

std::string FindLicence(const std::string& folder) {
  const std::vector<std::string> lines = FrontMatter(folder);
  const std::string licence = ValueIn(lines, "license:");
  const std::string name = ValueIn(lines, "license_name:");
  if (licence == "other" && !name.empty()) {
    return absl::StrCat(licence, " (", name, ")");
  }
  if (!licence.empty()) return licence;
  const std::string file = LicenceFile(folder);
  return file.empty() ? "" : absl::StrCat(kLicenceFile, file);
}

std::string ModelName(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::string model = path.parent_path().parent_path().filename();
  constexpr std::string_view kPrefix = "models--";
  if (path.parent_path().filename() != "snapshots" ||
      !absl::StartsWith(model, "models--")) {
    return path.filename();
  }
  const std::string name = model.substr(kPrefix.size());
  return absl::StrJoin(absl::StrSplit(name, absl::MaxSplits("--", 1)), "/");
}

std::vector<std::string> CompanionFiles(const std::string& folder) {
  std::vector<std::string> files;
  for (const char* name : kCompanionFiles) {
    if (Exists(absl::StrCat(folder, "/", name))) files.emplace_back(name);
  }
  return files;
}

}  // namespace merganser
