// Git LFS leaves a small text in the place of a file that was not fetched.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace merganser {

// Source: github.com/git-lfs/git-lfs, docs/spec.md.
inline constexpr std::string_view kLfsPointerStart =
    "version https://git-lfs.github.com/spec/";

// Errors: InvalidArgument that says how to fetch the file, if `bytes`, its
// content or the beginning of it, are such a text.
absl::Status RefuseLfsPointer(std::string_view bytes, const std::string& path);

}  // namespace merganser
