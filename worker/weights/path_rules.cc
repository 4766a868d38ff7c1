#include "worker/weights/path_rules.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/checkpoint/hub_cache.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;

// Without symbolic links as far as the path exists, and without "..".
fs::path Canonical(const fs::path& path) {
  std::error_code error;
  fs::path canonical = fs::weakly_canonical(fs::absolute(path), error);
  return error ? fs::absolute(path).lexically_normal() : canonical;
}

bool IsBelow(const fs::path& path, const fs::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end())
             .first == root.end();
}

}  // namespace

PathRules::PathRules(std::string models_root)
    : models_root_(std::move(models_root)) {
  while (models_root_.size() > 1 && models_root_.back() == '/') {
    models_root_.pop_back();
  }
}

absl::StatusOr<std::string> PathRules::Resolve(std::string_view path,
                                               std::string_view field) const {
  const std::string field_name(field);
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field_name, ": expected a path"));
  }
  const fs::path given(path);
  const fs::path joined =
      given.is_absolute() ? given : fs::path(models_root_) / given;
  if (!models_root_.empty() &&
      !IsBelow(Canonical(joined), Canonical(models_root_))) {
    return absl::PermissionDeniedError(
        absl::StrCat(field_name, ": ", given.string(),
                     " lies outside the models root ", models_root_));
  }
  return joined.string();
}

absl::StatusOr<std::string> PathRules::ResolveSeed(
    const v1::SeedSpec& seed, const std::string& field) const {
  if (!seed.hf().empty()) return FolderInHubCache(seed.hf(), field);
  return Resolve(seed.path(), field);
}

}  // namespace merganser
