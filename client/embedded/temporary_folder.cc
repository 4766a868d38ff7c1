#include "client/embedded/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"

namespace merganser {
namespace {

// A name of a few words in the folder must still fit.
constexpr size_t kLongestPath = 80;

}  // namespace

absl::StatusOr<TemporaryFolder> TemporaryFolder::Create() {
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  for (const std::string& parent :
       {std::string(runtime == nullptr ? "" : runtime), std::string("/tmp")}) {
    std::string path = parent + "/merganser-XXXXXX";
    if (parent.empty() || path.size() > kLongestPath) continue;
    if (mkdtemp(path.data()) != nullptr) return TemporaryFolder(path);
  }
  return absl::ErrnoToStatus(errno, "/tmp: cannot make a folder");
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace merganser
