// Tensors by name, wherever they lie: one safetensors file, or a folder of
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/storage/dtype.h"

namespace merganser {

// One tensor of a source: borrowed, valid as long as the source.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;      // row-major; empty for a scalar
  int64_t elements = 0;            // product of shape
  std::span<const uint8_t> bytes;  // little-endian; not aligned to anything
};

// Threads: immutable; safe to share.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  // Of the file or folder.
  virtual const std::string& path() const = 0;
  // All tensors, in the order of their names.
  virtual std::vector<std::string> names() const = 0;

  // Errors: NotFound for an unknown name; InvalidArgument for a dtype that is
  // not of DType (an integer buffer, say). Messages name the file.
  virtual absl::StatusOr<TensorView> Tensor(const std::string& name) const = 0;
};

// What a seed's digest says of one tensor.
struct TensorDigest {
  std::string name;
  std::string dtype;  // as safetensors writes it
  std::vector<int64_t> shape;
  Digest data;  // SHA-256 of the bytes
};

// What a seed is, whatever its files' names, metadata and order of tensors:
// SHA-256 over its tensors, which are given in the order of their names.
Digest SeedDigest(std::span<const TensorDigest> tensors);

// Takes the pages that hold a part of a mapped file out of this process's
// memory; the next access, by any thread, reads them again. For passes over
// files that are larger than memory.
void DropMappedPages(std::span<const uint8_t> bytes);

}  // namespace merganser
