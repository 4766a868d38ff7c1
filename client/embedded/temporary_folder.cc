#include "client/embedded/temporary_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;

constexpr int kAttempts = 10;
constexpr char kPrefix[] = "merganser-tmp-";
constexpr char kRandom[] = "XXXXXX";  // for mkdtemp()
// A name of a few words in the folder must still fit into 80 bytes.
constexpr size_t kLongestParent = 80 - sizeof(kPrefix) - sizeof(kRandom) + 1;

// The folder, open and locked by this process alone; -1 if it is not there any
// more, not ours, or in use.
int Lock(const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return -1;
  struct stat found;
  // No links are left of a folder that was removed before it was locked.
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
      fstat(descriptor, &found) == 0 && found.st_nlink > 0 &&
      found.st_uid == geteuid()) {
    return descriptor;
  }
  close(descriptor);
  return -1;
}

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Removes what killed processes have left in `parent`.
void RemoveStale(const std::string& parent) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!absl::StartsWith(name, kPrefix) ||
        name.size() != sizeof(kPrefix) + sizeof(kRandom) - 2) {
      continue;
    }
    const int lock = Lock(entry.path().string());
    if (lock < 0) continue;
    Remove(entry.path().string());
    close(lock);
  }
}

}  // namespace

std::optional<TemporaryFolder> TemporaryFolder::Make(
    const std::string& parent) {
  RemoveStale(parent);
  // Another process may take it for a stale one before it is locked.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string path = absl::StrCat(parent, "/", kPrefix, kRandom);
    if (mkdtemp(path.data()) == nullptr) break;
    const int lock = Lock(path);
    if (lock >= 0) return TemporaryFolder(path, lock);
    rmdir(path.c_str());
  }
  return std::nullopt;
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::Create() {
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  for (const std::string& parent :
       {std::string(runtime == nullptr ? "" : runtime), std::string("/tmp")}) {
    if (parent.empty() || parent.size() > kLongestParent) continue;
    auto made = Make(parent);
    if (made.has_value()) return *std::move(made);
  }
  return absl::ErrnoToStatus(errno, "/tmp: cannot make a folder");
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::CreateIn(
    const std::string& parent) {
  auto made = Make(parent);
  if (made.has_value()) return *std::move(made);
  return absl::ErrnoToStatus(
      errno, absl::StrCat(parent, ": cannot make a folder in it"));
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  Remove(path_);
  close(lock_);
}

}  // namespace merganser
