#include "common/checkpoint/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaximumReferenceBytes = 256;

// A part of a name may be a folder's name, and nothing else.
bool IsPlain(absl::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

bool IsRepository(const std::string& text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  return parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), IsPlain);
}

bool IsRevision(const std::string& text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  return std::all_of(parts.begin(), parts.end(), IsPlain);
}

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<HubName> ParseHubName(std::string_view text) {
  const size_t at = text.find('@');
  HubName name{.repository = std::string(text.substr(0, at))};
  if (at != std::string_view::npos) {
    name.revision = std::string(text.substr(at + 1));
  }
  if (IsRepository(name.repository) && IsRevision(name.revision)) return name;
  return absl::InvalidArgumentError(
      absl::StrCat("expected org/name or org/name@revision; got \"",
                   absl::string_view(text.data(), text.size()), "\""));
}

std::string HubCacheFolder() {
  if (const std::string cache = Environment("HF_HUB_CACHE"); !cache.empty()) {
    return cache;
  }
  if (const std::string home = Environment("HF_HOME"); !home.empty()) {
    return absl::StrCat(home, "/hub");
  }
  return absl::StrCat(Environment("HOME"), "/.cache/huggingface/hub");
}

absl::StatusOr<HubSnapshot> FindInHubCache(const HubName& name,
                                           const std::string& cache_folder) {
  const std::string repository =
      absl::StrCat(cache_folder, "/models--",
                   absl::StrReplaceAll(name.repository, {{"/", "--"}}));
  HubSnapshot snapshot{.commit = name.revision};
  const std::string reference =
      absl::StrCat(repository, "/refs/", name.revision);
  if (const auto text = ReadFile(reference, kMaximumReferenceBytes);
      text.ok()) {
    snapshot.commit = std::string(absl::StripAsciiWhitespace(*text));
  }
  snapshot.folder = absl::StrCat(repository, "/snapshots/", snapshot.commit);
  std::error_code error;
  if (IsPlain(snapshot.commit) && fs::is_directory(snapshot.folder, error)) {
    return snapshot;
  }
  return absl::NotFoundError(absl::StrCat(
      name.repository, "@", name.revision, " is not in the Hugging Face cache ",
      cache_folder, ": expected ", snapshot.folder,
      "; download it there first, for example by hf download"));
}

absl::StatusOr<std::string> FolderInHubCache(std::string_view text,
                                             const std::string& field) {
  const absl::StatusOr<HubName> name = ParseHubName(text);
  const absl::StatusOr<HubSnapshot> snapshot =
      name.ok() ? FindInHubCache(*name, HubCacheFolder()) : name.status();
  if (snapshot.ok()) return snapshot->folder;
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", snapshot.status().message()));
}

}  // namespace merganser
