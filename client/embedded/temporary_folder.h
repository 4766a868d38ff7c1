// A folder of our own for as long as we need it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace merganser {

// A private folder with a path short enough for sockets (a socket's path has at
// most 107 bytes), gone with the object. One that a killed process left behind
// goes when the next one is made: its lock tells that nobody holds it.
// Threads: none.
class TemporaryFolder {
 public:
  // In $XDG_RUNTIME_DIR, else in /tmp.
  static absl::StatusOr<TemporaryFolder> Create();
  // In `parent`, for what is too large for those; its path may be long.
  // Errors: what the system says, with the path.
  static absl::StatusOr<TemporaryFolder> CreateIn(const std::string& parent);
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")),
        lock_(std::exchange(other.lock_, -1)) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  // Nullopt where none can be made; errno says why.
  static std::optional<TemporaryFolder> Make(const std::string& parent);
  TemporaryFolder(std::string path, int lock)
      : path_(std::move(path)), lock_(lock) {}

  std::string path_;  // empty = nothing to remove
  int lock_ = -1;     // the folder itself, locked
};

}  // namespace merganser
