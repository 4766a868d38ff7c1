#include "common/storage/tensor_source.h"

#include <sys/mman.h>
#include <unistd.h>

namespace merganser {

Digest SeedDigest(std::span<const TensorDigest> tensors) {
  DigestBuilder builder;
  builder.String("merganser/seed/1").U64(tensors.size());
  for (const TensorDigest& tensor : tensors) {
    builder.String(tensor.name)
        .String(tensor.dtype)
        .U64(tensor.shape.size())
        .I64s(tensor.shape)
        .Nested(tensor.data);
  }
  return builder.Finish();
}

void DropMappedPages(std::span<const uint8_t> bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = begin / page * page;
  const uintptr_t last = (begin + bytes.size() + page - 1) / page * page;
  if (bytes.empty()) return;
  // A hint: where it fails, the pages stay.
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace merganser
