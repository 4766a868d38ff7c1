// Whole files in, whole files out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace merganser {

// The bytes of a regular file.
// Errors: NotFound; FailedPrecondition when it is no regular file;
// ResourceExhausted when it is larger than `maximum_bytes`; else what the
// system says. Every message starts with the path.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t maximum_bytes = int64_t{1} << 32);

// A file that appears under its name complete and on disk, or not at all: the
// bytes go to a temporary file beside it (`path` and ".tmp." and more), which
// Commit() flushes and renames over `path`. Destroyed without a successful
// Commit(), it leaves nothing.
// Threads: none; one object belongs to one thread.
class AtomicFile {
 public:
  // Errors: what the system says about the folder of `path`.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Errors: ResourceExhausted when the disk is full, else what the system says.
  absl::Status Append(std::span<const uint8_t> bytes);
  enum class Durability {
    kOnDisk,
    // After a crash of the machine the file may be missing or torn: for what
    // is checked when it is read and can be made again.
    kNone,
  };
  // As Append(); call it once, last.
  absl::Status Commit(Durability durability = Durability::kOnDisk);

 private:
  AtomicFile(std::string path, std::string temporary_path, int descriptor);

  std::string path_;
  std::string temporary_path_;  // empty once there is nothing to remove
  int descriptor_;              // -1 once closed
};

// Writes `bytes` through an AtomicFile.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::span<const uint8_t> bytes);
absl::Status WriteFileAtomically(const std::string& path,
                                 const std::string& bytes);

}  // namespace merganser
