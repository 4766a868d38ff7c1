#include "common/storage/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/lfs_pointer.h"

namespace merganser {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaximumHeaderBytes = 100'000'000;
constexpr size_t kDigestPieceBytes = size_t{1} << 24;

uint64_t ReadLittleEndian64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | bytes[i];
  return value;
}

absl::Status SystemError(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot ", what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(
    const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(path, "open");
  const auto closer = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat information;
  if (fstat(descriptor, &information) != 0) return SystemError(path, "stat");
  const int64_t size = information.st_size;
  if (!S_ISREG(information.st_mode) || size < kLengthBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is no safetensors file: expected a regular file of at least ",
        kLengthBytes, " bytes"));
  }
  void* const mapping =
      mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (mapping == MAP_FAILED) return SystemError(path, "map");
  std::shared_ptr<SafetensorsFile> file(
      new SafetensorsFile(path, static_cast<const uint8_t*>(mapping), size));
  RETURN_IF_ERROR(file->Parse());
  return file;
}

SafetensorsFile::SafetensorsFile(std::string path, const uint8_t* mapping,
                                 int64_t size_bytes)
    : path_(std::move(path)), mapping_(mapping), size_bytes_(size_bytes) {}

SafetensorsFile::~SafetensorsFile() {
  munmap(const_cast<uint8_t*>(mapping_), size_bytes_);
}

absl::Status SafetensorsFile::Error(const std::string& message) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ": ", message));
}

absl::Status SafetensorsFile::Parse() {
  const auto most = static_cast<size_t>(
      std::min<int64_t>(size_bytes_, kLfsPointerStart.size()));
  RETURN_IF_ERROR(
      RefuseLfsPointer({reinterpret_cast<const char*>(mapping_), most}, path_));
  const uint64_t length = ReadLittleEndian64(mapping_);
  if (length > kMaximumHeaderBytes) {
    return Error(absl::StrCat("says that its header has ", length,
                              " bytes; expected at most ",
                              kMaximumHeaderBytes));
  }
  data_begin_ = kLengthBytes + static_cast<int64_t>(length);
  if (data_begin_ > size_bytes_) {
    return Error(absl::StrCat("says that its header has ", length,
                              " bytes; the file has ",
                              size_bytes_ - kLengthBytes, " after the length"));
  }
  const std::string_view text(
      reinterpret_cast<const char*>(mapping_ + kLengthBytes), length);
  absl::StatusOr<SafetensorsHeader> header = ParseSafetensorsHeader(text);
  if (!header.ok()) return Annotate(header.status(), path_);
  header_ = *std::move(header);
  const int64_t data_bytes = size_bytes_ - data_begin_;
  if (header_.data_bytes == data_bytes) return absl::OkStatus();
  return Error(absl::StrCat("the tensors end at byte ", header_.data_bytes,
                            " of the data; the file has ", data_bytes));
}

std::span<const uint8_t> SafetensorsFile::DataOf(
    const SafetensorsHeader::Entry& entry) const {
  return {mapping_ + data_begin_ + entry.begin,
          static_cast<size_t>(entry.end - entry.begin)};
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : header_.entries) names.push_back(name);
  return names;
}

absl::StatusOr<TensorView> SafetensorsFile::Tensor(
    const std::string& name) const {
  const auto found = header_.entries.find(name);
  if (found == header_.entries.end()) {
    return absl::NotFoundError(
        absl::StrCat(path_, ": has no tensor ", ShownName(name)));
  }
  const SafetensorsHeader::Entry& entry = found->second;
  const absl::StatusOr<DType> dtype = DTypeFromName(entry.dtype);
  if (!dtype.ok()) {
    return Annotate(dtype.status(),
                    absl::StrCat(path_, ": tensor ", ShownName(name)));
  }
  return TensorView{name, *dtype, entry.shape, entry.elements, DataOf(entry)};
}

TensorDigest SafetensorsFile::DigestOf(const std::string& name) const {
  const SafetensorsHeader::Entry& entry = header_.entries.at(name);
  const std::span<const uint8_t> data = DataOf(entry);
  DigestBuilder builder;
  for (size_t begin = 0; begin < data.size(); begin += kDigestPieceBytes) {
    const auto piece =
        data.subspan(begin, std::min(kDigestPieceBytes, data.size() - begin));
    builder.Raw(piece);
    DropMappedPages(piece);
  }
  return {name, entry.dtype, entry.shape, builder.Finish()};
}

Digest SeedDigest(const SafetensorsFile& file) {
  std::vector<TensorDigest> tensors;
  for (const std::string& name : file.names()) {
    tensors.push_back(file.DigestOf(name));
  }
  return SeedDigest(tensors);
}

}  // namespace merganser
