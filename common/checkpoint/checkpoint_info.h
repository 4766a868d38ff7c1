// What a Hugging Face folder says beside its weights. A part of checkpoint.h;
// include that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

// How a text begins and ends.
struct GenerationSettings {
  std::vector<int32_t> end_tokens;     // any of them ends it; may be empty
  std::optional<int32_t> begin_token;  // nullopt: none

  friend bool operator==(const GenerationSettings&,
                         const GenerationSettings&) = default;
};

// From generation_config.json; what that does not say, from config.json, whose
// text is given.
// Errors: InvalidArgument naming file and key for what is no token.
absl::StatusOr<GenerationSettings> ReadGenerationSettings(
    const std::string& folder, const std::string& config_json);

// What stands in front of a file's name in the place of a licence.
inline constexpr char kLicenceFile[] = "see ";

// `license:` of the front matter of README.md, with `license_name:` behind it
// where it is "other"; else kLicenceFile and the name of a file LICENSE*; empty
// if neither is there.
std::string FindLicence(const std::string& folder);

// The folder's own name; "org/name" for a snapshot in a Hugging Face cache.
std::string ModelName(const std::string& folder);

// Names of the files that belong to a model beside config.json and its weights:
// tokenizer, chat template, generation settings. Only those that are there.
std::vector<std::string> CompanionFiles(const std::string& folder);

}  // namespace merganser
