// Reads and writes safetensors files, the only weights format accepted.
// Source: github.com/huggingface/safetensors, "Format" in its README.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/storage/dtype.h"
#include "common/storage/safetensors_header.h"

namespace merganser {

// One tensor of an open file: borrowed, valid as long as the file is open.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;      // row-major; empty for a scalar
  int64_t elements = 0;            // product of shape
  std::span<const uint8_t> bytes;  // little-endian; not aligned to anything
};

// A safetensors file, mapped read-only. Everything its header says is checked
// when it is opened: lengths, dtypes, shapes, and that the tensors' bytes
// follow one another without a hole up to the end of the file. The file must
// not be cut short while it is open: the system then ends the process on
// access.
//
// Threads: immutable after Open(); safe to share.
class SafetensorsFile {
 public:
  // Errors: NotFound, or what the system says; InvalidArgument for content that
  // breaks the format. Messages name the file, the tensor and what was
  // expected.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Open(
      const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  // All tensors, in the order of their names.
  std::vector<std::string> names() const;
  // The header's "__metadata__".
  const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }

  // Errors: NotFound for an unknown name; InvalidArgument for a dtype that is
  // not of DType (an integer buffer, say).
  absl::StatusOr<TensorView> Tensor(const std::string& name) const;

 private:
  friend Digest SeedDigest(const SafetensorsFile& file);

  SafetensorsFile(std::string path, const uint8_t* mapping, int64_t size_bytes);
  // Lengths, header, offsets: everything that Open() checks.
  absl::Status Parse();
  absl::Status CheckContiguous() const;
  absl::Status Error(const std::string& message) const;
  std::span<const uint8_t> DataOf(const SafetensorsHeader::Entry& entry) const;

  std::string path_;
  const uint8_t* mapping_;
  int64_t size_bytes_;
  int64_t data_begin_ = 0;  // first byte after the header
  SafetensorsHeader header_;
};

// What a seed is, whatever its file's name, metadata and order of tensors:
// SHA-256 over its tensors in the order of their names (name, dtype, shape,
// SHA-256 of the data).
Digest SeedDigest(const SafetensorsFile& file);

// A tensor to be written; its bytes are borrowed.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};

// Writes the tensors in the order given, through an AtomicFile.
// Errors: InvalidArgument for a repeated name, or bytes whose number is not
// that of the shape; ResourceExhausted when the disk is full. Nothing is then
// left.
absl::Status WriteSafetensors(
    const std::string& path, std::span<const TensorToWrite> tensors,
    const std::map<std::string, std::string>& metadata);

}  // namespace merganser
