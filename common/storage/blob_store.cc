#include "common/storage/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr size_t kDigestDigits = 64;
constexpr int64_t kPieceBytes = int64_t{1} << 20;

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::Status FromSystem(const std::error_code& error, const std::string& path,
                        const char* what) {
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat(path, ": cannot ", what));
}

absl::Status NoSuchBlob(const Digest& digest) {
  return absl::NotFoundError(absl::StrCat("no blob ", digest.ToHex()));
}

// Whether a file of this name is what a killed process left of a blob.
bool IsTemporary(const std::string& name) {
  return name.size() > kDigestDigits &&
         Digest::FromHex(name.substr(0, kDigestDigits)).ok() &&
         name.compare(kDigestDigits, 5, ".tmp.") == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(Options options) {
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) return FromSystem(error, options.directory, "make");
  std::unique_ptr<BlobStore> store(new BlobStore(std::move(options)));
  RETURN_IF_ERROR(store->LoadDirectory());
  return store;
}

BlobStore::BlobStore(Options options) : options_(std::move(options)) {}

absl::Status BlobStore::LoadDirectory() {
  absl::MutexLock lock(&mutex_);
  std::error_code error;
  std::filesystem::directory_iterator file(options_.directory, error);
  for (; !error && file != std::filesystem::directory_iterator();
       file.increment(error)) {
    const std::string name = file->path().filename().string();
    std::error_code file_error;
    if (!file->is_regular_file(file_error)) continue;
    if (IsTemporary(name)) {
      std::filesystem::remove(file->path(), file_error);
      continue;
    }
    const absl::StatusOr<Digest> digest = Digest::FromHex(name);
    if (!digest.ok() || digest->ToHex() != name) continue;
    const uintmax_t size = file->file_size(file_error);
    if (file_error) continue;
    sizes_[*digest] = static_cast<int64_t>(size);
    stored_bytes_ += static_cast<int64_t>(size);
  }
  return error ? FromSystem(error, options_.directory, "list")
               : absl::OkStatus();
}

std::string BlobStore::PathOf(const Digest& digest) const {
  return absl::StrCat(options_.directory, "/", digest.ToHex());
}

absl::Status BlobStore::Reserve(int64_t size_bytes) {
  absl::MutexLock lock(&mutex_);
  const int64_t taken = stored_bytes_ + reserved_bytes_;
  if (size_bytes > options_.max_bytes - taken) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "no room for a blob of ", size_bytes, " bytes: ", taken, " of ",
        options_.max_bytes, " bytes are taken, ", reserved_bytes_,
        " of them by blobs that are being written"));
  }
  reserved_bytes_ += size_bytes;
  return absl::OkStatus();
}

void BlobStore::Release(int64_t size_bytes) {
  absl::MutexLock lock(&mutex_);
  reserved_bytes_ -= size_bytes;
}

bool BlobStore::Has(const Digest& digest) const {
  absl::MutexLock lock(&mutex_);
  return sizes_.contains(digest);
}

absl::StatusOr<int64_t> BlobStore::Size(const Digest& digest) const {
  absl::MutexLock lock(&mutex_);
  const auto found = sizes_.find(digest);
  if (found == sizes_.end()) return NoSuchBlob(digest);
  return found->second;
}

void BlobStore::Delete(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  const auto found = sizes_.find(digest);
  if (found == sizes_.end()) return;
  stored_bytes_ -= found->second;
  sizes_.erase(found);
  // Under the lock, like the rename, so that map and directory agree; neither
  // moves bytes.
  unlink(PathOf(digest).c_str());
}

std::vector<std::pair<Digest, int64_t>> BlobStore::List() const {
  absl::MutexLock lock(&mutex_);
  return {sizes_.begin(), sizes_.end()};
}

int64_t BlobStore::total_bytes() const {
  absl::MutexLock lock(&mutex_);
  return stored_bytes_ + reserved_bytes_;
}

// ---- Writing

absl::StatusOr<std::unique_ptr<BlobStore::Writer>> BlobStore::StartWrite(
    const Digest& digest, int64_t size_bytes) {
  if (size_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a blob of ", size_bytes, " bytes; expected at least 0"));
  }
  RETURN_IF_ERROR(Reserve(size_bytes));
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(PathOf(digest));
  if (!file.ok()) {
    Release(size_bytes);
    return file.status();
  }
  return std::unique_ptr<Writer>(
      new Writer(*this, digest, size_bytes, *std::move(file)));
}

absl::StatusOr<Digest> BlobStore::Put(std::string_view bytes) {
  const Digest digest = Sha256(bytes);
  if (Has(digest)) return digest;
  ASSIGN_OR_RETURN(const std::unique_ptr<Writer> writer,
                   StartWrite(digest, static_cast<int64_t>(bytes.size())));
  RETURN_IF_ERROR(writer->Append(bytes));
  RETURN_IF_ERROR(writer->Finish());
  return digest;
}

absl::Status BlobStore::Publish(Writer& writer) {
  absl::MutexLock lock(&mutex_);
  if (sizes_.contains(writer.digest_)) return absl::OkStatus();
  RETURN_IF_ERROR(writer.file_.Commit(AtomicFile::Durability::kNone));
  sizes_[writer.digest_] = writer.size_bytes_;
  stored_bytes_ += writer.size_bytes_;
  reserved_bytes_ -= std::exchange(writer.reserved_bytes_, 0);
  return absl::OkStatus();
}

BlobStore::Writer::Writer(BlobStore& store, const Digest& digest,
                          int64_t size_bytes, AtomicFile file)
    : store_(store),
      digest_(digest),
      size_bytes_(size_bytes),
      reserved_bytes_(size_bytes),
      file_(std::move(file)) {}

BlobStore::Writer::~Writer() { store_.Release(reserved_bytes_); }

absl::Status BlobStore::Writer::Append(std::string_view bytes) {
  const auto count = static_cast<int64_t>(bytes.size());
  if (count > size_bytes_ - written_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("blob ", digest_.ToHex(), ": more than the ", size_bytes_,
                     " bytes that were announced"));
  }
  RETURN_IF_ERROR(file_.Append(AsBytes(bytes)));
  builder_.Raw(AsBytes(bytes));
  written_bytes_ += count;
  return absl::OkStatus();
}

absl::Status BlobStore::Writer::Finish() {
  if (written_bytes_ != size_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("blob ", digest_.ToHex(), ": ends after ", written_bytes_,
                     " bytes; ", size_bytes_, " were announced"));
  }
  const Digest digest = builder_.Finish();
  if (digest != digest_) {
    return absl::InvalidArgumentError(
        absl::StrCat("blob ", digest_.ToHex(), ": the digest of its bytes is ",
                     digest.ToHex()));
  }
  return store_.Publish(*this);
}

// ---- Reading

absl::StatusOr<std::unique_ptr<BlobStore::Reader>> BlobStore::StartRead(
    const Digest& digest, int64_t offset) {
  ASSIGN_OR_RETURN(const int64_t size_bytes, Size(digest));
  if (offset < 0 || offset > size_bytes) {
    return absl::OutOfRangeError(absl::StrCat(
        "offset ", offset, " of a blob of ", size_bytes, " bytes"));
  }
  const int descriptor = open(PathOf(digest).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno != ENOENT) {
      return absl::ErrnoToStatus(errno,
                                 absl::StrCat(PathOf(digest), ": cannot open"));
    }
    Delete(digest);  // somebody removed the file
    return NoSuchBlob(digest);
  }
  std::unique_ptr<Reader> reader(
      new Reader(*this, digest, size_bytes, descriptor));
  RETURN_IF_ERROR(reader->SkipTo(offset));
  return reader;
}

absl::StatusOr<std::string> BlobStore::Read(const Digest& digest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Reader> reader, StartRead(digest));
  return reader->Next(std::max<int64_t>(reader->size_bytes(), 1));
}

BlobStore::Reader::Reader(BlobStore& store, const Digest& digest,
                          int64_t size_bytes, int descriptor)
    : store_(store),
      digest_(digest),
      size_bytes_(size_bytes),
      descriptor_(descriptor) {}

BlobStore::Reader::~Reader() { close(descriptor_); }

absl::Status BlobStore::Reader::SkipTo(int64_t offset) {
  while (offset_ < offset) {
    RETURN_IF_ERROR(
        ReadPiece(std::min(kPieceBytes, offset - offset_)).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BlobStore::Reader::Next(int64_t max_bytes) {
  ASSIGN_OR_RETURN(std::string piece,
                   ReadPiece(std::min(max_bytes, size_bytes_ - offset_)));
  if (offset_ == size_bytes_ && !std::exchange(checked_, true)) {
    char beyond;
    if (read(descriptor_, &beyond, 1) > 0) return Lost("is too long");
    if (builder_.Finish() != digest_) return Lost("has another digest");
  }
  return piece;
}

absl::StatusOr<std::string> BlobStore::Reader::ReadPiece(int64_t bytes) {
  std::string piece(bytes, '\0');
  size_t done = 0;
  while (done < piece.size()) {
    const ssize_t got =
        read(descriptor_, piece.data() + done, piece.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Lost("cannot be read");
    if (got == 0) return Lost("is too short");
    done += got;
  }
  builder_.Raw(AsBytes(piece));
  offset_ += bytes;
  return piece;
}

absl::Status BlobStore::Reader::Lost(const char* why) {
  store_.Delete(digest_);
  return absl::DataLossError(
      absl::StrCat("blob ", digest_.ToHex(), ": its file ", why));
}

}  // namespace merganser
