#include "common/storage/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

absl::Status SystemError(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot ", what));
}

// Makes a rename in the folder of `path` last.
absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  const int descriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(folder, "open folder");
  const int result = fsync(descriptor);
  const absl::Status status =
      result == 0 ? absl::OkStatus() : SystemError(folder, "flush folder");
  close(descriptor);
  return status;
}

// Files of one process get different names; O_EXCL keeps processes apart.
std::string TemporaryPath(const std::string& path) {
  static std::atomic<int64_t> counter{0};
  return absl::StrCat(path, ".tmp.", getpid(), ".", counter.fetch_add(1));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t maximum_bytes) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(path, "open");
  const auto closer = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat information;
  if (fstat(descriptor, &information) != 0) return SystemError(path, "stat");
  if (!S_ISREG(information.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not a regular file"));
  }
  if (information.st_size > maximum_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": has ", information.st_size, " bytes; at most ",
                     maximum_bytes, " are read"));
  }
  std::string bytes(information.st_size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        read(descriptor, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "read");
    if (got == 0) break;  // the file was cut short meanwhile
    done += got;
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::string temporary_path = TemporaryPath(path);
  const int descriptor =
      open(temporary_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
           S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (descriptor < 0) return SystemError(path, "create");
  return AtomicFile(path, std::move(temporary_path), descriptor);
}

AtomicFile::AtomicFile(std::string path, std::string temporary_path,
                       int descriptor)
    : path_(std::move(path)),
      temporary_path_(std::move(temporary_path)),
      descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_path_(std::exchange(other.temporary_path_, "")),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
}

absl::Status AtomicFile::Append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path_, "write");
    bytes = bytes.subspan(written);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit(Durability durability) {
  const bool on_disk = durability == Durability::kOnDisk;
  if (on_disk && fsync(descriptor_) != 0) return SystemError(path_, "flush");
  // Some file systems report a failed write on close alone.
  if (close(std::exchange(descriptor_, -1)) != 0) {
    return SystemError(path_, "close");
  }
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return SystemError(path_, "rename to");
  }
  temporary_path_.clear();
  return on_disk ? SyncFolderOf(path_) : absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::span<const uint8_t> bytes) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(bytes));
  return file.Commit();
}

absl::Status WriteFileAtomically(const std::string& path,
                                 const std::string& bytes) {
  return WriteFileAtomically(
      path, std::span<const uint8_t>(
                reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

}  // namespace merganser
