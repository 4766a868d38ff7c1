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
#include "common/storage/tensor_source.h"

namespace merganser {

// A safetensors file, mapped read-only. Everything its header says is checked
// when it is opened: lengths, dtypes, shapes, and that the tensors' bytes
// follow one another without a hole up to the end of the file. The file must
// not be cut short while it is open: the system then ends the process on
// access.
//
// Threads: immutable after Open(); safe to share.
class SafetensorsFile : public TensorSource {
 public:
  // Errors: NotFound, or what the system says; InvalidArgument for content that
  // breaks the format. Messages name the file, the tensor and what was
  // expected.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Open(
      const std::string& path);
  ~SafetensorsFile() override;
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override;
  // The header's "__metadata__".
  const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }

  absl::StatusOr<TensorView> Tensor(const std::string& name) const override;
  // Reads all of the tensor, whatever its dtype, and leaves none of it in
  // memory. `name` is one of names().
  TensorDigest DigestOf(const std::string& name) const;

 private:
  SafetensorsFile(std::string path, const uint8_t* mapping, int64_t size_bytes);
  // Lengths, header, offsets: everything that Open() checks.
  absl::Status Parse();
  absl::Status Error(const std::string& message) const;
  std::span<const uint8_t> DataOf(const SafetensorsHeader::Entry& entry) const;

  std::string path_;
  const uint8_t* mapping_;
  int64_t size_bytes_;
  int64_t data_begin_ = 0;  // first byte after the header
  SafetensorsHeader header_;
};

// Of all tensors of a file.
Digest SeedDigest(const SafetensorsFile& file);

// A tensor that is to be written.
struct TensorOutline {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

// All that stands in a file before the data of its tensors, which follow one
// another in the order given.
// Errors: InvalidArgument for a repeated name, or sizes that do not fit 63
// bits.
absl::StatusOr<std::string> MakeSafetensorsHeader(
    std::span<const TensorOutline> tensors,
    const std::map<std::string, std::string>& metadata);

// A tensor with its bytes, which are borrowed.
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
