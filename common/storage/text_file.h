// Files of text, plain or packed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/digest.h"

namespace merganser {

struct TextFile {
  std::string text;    // unpacked
  Digest file_digest;  // SHA-256 of the file's bytes, as stored
};

// Reads a file; one that starts with the gzip magic (RFC 1952) is unpacked, all
// members of it.
// Errors: InvalidArgument "file: what is wrong" for a damaged gzip file;
// ResourceExhausted for text of more than `maximum_bytes`; else what
// ReadFile() says.
absl::StatusOr<TextFile> ReadTextFile(const std::string& path,
                                      int64_t maximum_bytes);

}  // namespace merganser
