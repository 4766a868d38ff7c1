// Any bytes as a safetensors file, through the boundary to the Rust crate: the
// header, and each byte of each tensor that it promises.
#include <cstdlib>
#include <string>

#include "common/storage/safetensors.h"
#include "tests/fuzz/memory_file.h"

namespace {

using merganser::SafetensorsFile;
using merganser::SafetensorsHeader;

void Require(bool condition) {
  if (!condition) abort();
}

void CheckHeader(const SafetensorsHeader& header) {
  int64_t bytes = 0;
  for (const auto& [name, entry] : header.entries) {
    Require(entry.begin >= 0 && entry.begin <= entry.end);
    Require(entry.end <= header.data_bytes && entry.elements >= 0);
    bytes += entry.end - entry.begin;
  }
  Require(bytes == header.data_bytes);  // neither hole nor overlap
}

void CheckFile(const SafetensorsFile& file) {
  SeedDigest(file);  // reads all that there is
  for (const std::string& name : file.names()) {
    const auto tensor = file.Tensor(name);
    if (!tensor.ok()) continue;
    Require(static_cast<int64_t>(tensor->bytes.size()) ==
            tensor->elements * DTypeBytes(tensor->dtype));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const merganser::MemoryFile memory;
  memory.Write(data, size);
  const auto file = SafetensorsFile::Open(memory.path());
  if (file.ok()) CheckFile(**file);
  if (size < 8) return 0;
  // Without the length, which few inputs get right.
  const auto header = merganser::ParseSafetensorsHeader(
      {reinterpret_cast<const char*>(data) + 8, size - 8});
  if (header.ok()) CheckHeader(*header);
  return 0;
}
