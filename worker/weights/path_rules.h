// Where a worker may read files.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Paths in a campaign come from outside. Relative ones are meant below the
// models root. Absolute ones are taken as they are, unless a models root was
// given: then they, too, must lie below it.
class PathRules {
 public:
  // `models_root` empty: none was given, and relative paths are relative to
  // the current directory.
  explicit PathRules(std::string models_root);

  // The path to open. Symbolic links count as what they point to.
  // Errors: InvalidArgument for an empty path, PermissionDenied for one outside
  // the models root; both name `field` and the path.
  absl::StatusOr<std::string> Resolve(std::string_view path,
                                      std::string_view field) const;

  // Resolve() as a function, of the lifetime of these rules.
  auto resolver() const {
    return [this](const std::string& path, const std::string& field) {
      return Resolve(path, field);
    };
  }

  // Where a seed lies: Resolve() of its path, or its folder in the Hugging Face
  // cache of this process' environment.
  absl::StatusOr<std::string> ResolveSeed(const v1::SeedSpec& seed,
                                          const std::string& field) const;

 private:
  std::string models_root_;
};

}  // namespace merganser
