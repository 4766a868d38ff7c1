#include "common/storage/lfs_pointer.h"

#include "absl/strings/str_cat.h"

namespace merganser {

absl::Status RefuseLfsPointer(std::string_view bytes, const std::string& path) {
  if (!bytes.starts_with(kLfsPointerStart)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      ": is a pointer of Git LFS, not the file itself; fetch it with `git lfs "
      "pull` in its repository"));
}

}  // namespace merganser
