#include "common/storage/text_file.h"

#include <zlib.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"
#include "common/storage/lfs_pointer.h"

namespace merganser {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";

// Unpacks all members of a gzip file (RFC 1952).
absl::StatusOr<std::string> Unpack(const std::string& path,
                                   const std::string& packed,
                                   int64_t maximum_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
    return absl::ResourceExhaustedError(absl::StrCat(path, ": no memory"));
  }
  const auto end = absl::MakeCleanup([&stream] { inflateEnd(&stream); });
  std::string text;
  std::vector<char> buffer(1 << 18);
  size_t consumed = 0;
  int result = Z_OK;
  while (consumed < packed.size() || result != Z_STREAM_END) {
    const auto available =
        static_cast<uInt>(std::min<size_t>(packed.size() - consumed, 1 << 30));
    stream.next_in = reinterpret_cast<Bytef*>(
        const_cast<char*>(packed.data() + consumed));  // zlib only reads it
    stream.avail_in = available;
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    if (result == Z_STREAM_END) inflateReset(&stream);  // one more member
    result = inflate(&stream, Z_NO_FLUSH);
    consumed += available - stream.avail_in;
    if (result != Z_OK && result != Z_STREAM_END) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": is a damaged or incomplete gzip file, at byte ", consumed));
    }
    text.append(buffer.data(), buffer.size() - stream.avail_out);
    if (static_cast<int64_t>(text.size()) > maximum_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          path, ": unpacks to more than ", maximum_bytes, " bytes"));
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<TextFile> ReadTextFile(const std::string& path,
                                      int64_t maximum_bytes) {
  TextFile file;
  ASSIGN_OR_RETURN(file.text, ReadFile(path, maximum_bytes));
  RETURN_IF_ERROR(RefuseLfsPointer(file.text, path));
  file.file_digest = Sha256(file.text);
  if (std::string_view(file.text).substr(0, 2) == kGzipMagic) {
    ASSIGN_OR_RETURN(file.text, Unpack(path, file.text, maximum_bytes));
  }
  return file;
}

}  // namespace merganser
