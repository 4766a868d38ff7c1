// A folder of our own for as long as we need it.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace merganser {

// A private folder with a path short enough for sockets (a socket's path has at
// most 107 bytes), gone with the object. One left by a process that was killed
// does no harm.
// Threads: none.
class TemporaryFolder {
 public:
  // In $XDG_RUNTIME_DIR, else in /tmp.
  static absl::StatusOr<TemporaryFolder> Create();
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty = nothing to remove
};

}  // namespace merganser
