#include "client/embedded/full_disk.h"

#include <sys/statvfs.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

// Redis gives up what it could not write completely, so that a little less
// than one write of it may be free.
constexpr int64_t kHardlyAny = 1 << 20;

}  // namespace

std::optional<int64_t> FreeBytes(const std::string& folder) {
  struct statvfs disk;
  if (statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<int64_t>(disk.f_bavail) *
         static_cast<int64_t>(disk.f_frsize);
}

absl::Status BlameFullDisk(const absl::Status& error, const std::string& folder,
                           std::optional<int64_t> free_bytes) {
  if (!absl::IsInternal(error) && !absl::IsResourceExhausted(error)) {
    return error;
  }
  const bool said = absl::StrContains(error.message(), "No space left") ||
                    absl::StrContains(error.message(), "Disk quota exceeded");
  if (!said && free_bytes.value_or(kHardlyAny) >= kHardlyAny) return error;
  return absl::ResourceExhaustedError(absl::StrCat(
      "the disk of ", folder, " is full",
      free_bytes.has_value()
          ? absl::StrCat(" (", *free_bytes / 1024, " KiB free)")
          : "",
      "; make room and run the same command again: it goes on where it "
      "stopped. What failed: ",
      error.message()));
}

}  // namespace merganser
