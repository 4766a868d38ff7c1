// Files named by the SHA-256 of what is in them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"
#include "common/storage/file.h"

namespace merganser {

// Blobs in one directory, one file each. What is read is checked against its
// name; nothing is flushed to disk, since a blob that is lost or torn is found
// out and made again. Decides nothing about which blobs may go: when the store
// is full, its owner deletes.
// Threads: safe. No lock is held while bytes move. Readers and writers belong
// to one thread each, and must not outlive the store.
class BlobStore {
 public:
  struct Options {
    // Made if missing. Of this store alone: files in it whose name is a digest
    // are blobs; what a killed process left of unfinished ones is removed;
    // other files are left alone.
    std::string directory;
    // Most bytes of all blobs together, unfinished ones counted as they will
    // be.
    int64_t max_bytes = int64_t{16} << 30;
  };

  // Errors: what the system says about the directory, with its path.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(Options options);
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  // A blob that arrives in pieces. Destroyed without a successful Finish(), it
  // leaves nothing.
  class Writer {
   public:
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    int64_t size_bytes() const { return size_bytes_; }
    int64_t written_bytes() const { return written_bytes_; }

    // Errors: InvalidArgument when that is more than was announced, nothing is
    // then written; ResourceExhausted when the disk is full.
    absl::Status Append(std::string_view bytes);
    // Call it once, last.
    // Errors: InvalidArgument when bytes are missing or their digest is not
    // the announced one.
    absl::Status Finish();

   private:
    friend class BlobStore;
    Writer(BlobStore& store, const Digest& digest, int64_t size_bytes,
           AtomicFile file);

    BlobStore& store_;
    const Digest digest_;
    const int64_t size_bytes_;
    int64_t reserved_bytes_;  // in the store, until the blob is in it
    int64_t written_bytes_ = 0;
    DigestBuilder builder_;
    AtomicFile file_;
  };

  // A blob that is read in pieces, from an offset on.
  class Reader {
   public:
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    int64_t size_bytes() const { return size_bytes_; }
    // Of the next piece.
    int64_t offset() const { return offset_; }

    // The next `max_bytes` at most, which is at least 1; empty at the end.
    // Errors: DataLoss, in the place of the last piece, when the file does not
    // hold what its name says; it is then gone from the store.
    absl::StatusOr<std::string> Next(int64_t max_bytes);

   private:
    friend class BlobStore;
    Reader(BlobStore& store, const Digest& digest, int64_t size_bytes,
           int descriptor);

    absl::Status SkipTo(int64_t offset);
    absl::StatusOr<std::string> ReadPiece(int64_t bytes);
    absl::Status Lost(const char* why);

    BlobStore& store_;
    const Digest digest_;
    const int64_t size_bytes_;
    int64_t offset_ = 0;
    bool checked_ = false;
    DigestBuilder builder_;
    int descriptor_;
  };

  // Errors: ResourceExhausted when there is no room, with the numbers;
  // InvalidArgument on a negative size; what the system says.
  absl::StatusOr<std::unique_ptr<Writer>> StartWrite(const Digest& digest,
                                                     int64_t size_bytes);
  // A blob that is there already is not written again.
  // Errors: as StartWrite() and Append().
  absl::StatusOr<Digest> Put(std::string_view bytes);

  // Errors: NotFound; OutOfRange unless `offset` is 0 … size. The bytes before
  // it are read too, for the check.
  absl::StatusOr<std::unique_ptr<Reader>> StartRead(const Digest& digest,
                                                    int64_t offset = 0);
  // All of it, checked.
  // Errors: NotFound; DataLoss, the blob is then gone from the store.
  absl::StatusOr<std::string> Read(const Digest& digest);

  // Whether there is a file; only reading tells whether it is whole.
  bool Has(const Digest& digest) const;
  // Errors: NotFound.
  absl::StatusOr<int64_t> Size(const Digest& digest) const;
  // Readers of it go on. Nothing happens if there is no such blob.
  void Delete(const Digest& digest);
  // All blobs with their sizes in bytes, by digest ascending.
  std::vector<std::pair<Digest, int64_t>> List() const;
  // Of all blobs, unfinished ones counted as they will be.
  int64_t total_bytes() const;
  int64_t max_bytes() const { return options_.max_bytes; }

 private:
  explicit BlobStore(Options options);

  absl::Status LoadDirectory();
  std::string PathOf(const Digest& digest) const;
  absl::Status Reserve(int64_t size_bytes);
  void Release(int64_t size_bytes);
  absl::Status Publish(Writer& writer);

  const Options options_;
  mutable absl::Mutex mutex_;
  std::map<Digest, int64_t> sizes_ ABSL_GUARDED_BY(mutex_);
  int64_t stored_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t reserved_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace merganser
