#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr size_t kAlignment = 8;  // of the data, from the start of the file

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The bytes of a tensor.
absl::StatusOr<int64_t> SizeOf(const TensorOutline& tensor) {
  int64_t bytes = DTypeBytes(tensor.dtype);
  bool fits = true;
  for (const int64_t size : tensor.shape) {
    fits = fits && size >= 0 && !__builtin_mul_overflow(bytes, size, &bytes);
  }
  if (fits) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor ", ShownName(tensor.name), ": shape [",
      absl::StrJoin(tensor.shape, ", "), "]: expected fewer than 2^63 bytes"));
}

TensorOutline OutlineOf(const TensorToWrite& tensor) {
  return {tensor.name, tensor.dtype, tensor.shape};
}

absl::Status CheckSize(const TensorToWrite& tensor) {
  ASSIGN_OR_RETURN(const int64_t bytes, SizeOf(OutlineOf(tensor)));
  if (static_cast<size_t>(bytes) == tensor.bytes.size()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor ", ShownName(tensor.name), ": shape [",
      absl::StrJoin(tensor.shape, ", "), "] of ", DTypeName(tensor.dtype),
      " does not have ", tensor.bytes.size(), " bytes"));
}

absl::StatusOr<std::string> HeaderOf(
    std::span<const TensorToWrite> tensors,
    const std::map<std::string, std::string>& metadata) {
  std::vector<TensorOutline> outlines;
  for (const TensorToWrite& tensor : tensors) {
    RETURN_IF_ERROR(CheckSize(tensor));
    outlines.push_back(OutlineOf(tensor));
  }
  return MakeSafetensorsHeader(outlines, metadata);
}

}  // namespace

absl::StatusOr<std::string> MakeSafetensorsHeader(
    std::span<const TensorOutline> tensors,
    const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t position = 0;
  for (const TensorOutline& tensor : tensors) {
    ASSIGN_OR_RETURN(const int64_t bytes, SizeOf(tensor));
    if (tensor.name == "__metadata__" || header.contains(tensor.name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", ShownName(tensor.name), ": the name is taken"));
    }
    const int64_t end = position + bytes;
    header[tensor.name] = {{"dtype", DTypeName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {position, end}}};
    position = end;
  }
  // Text that is no UTF-8 is replaced: dump() would throw.
  std::string text =
      header.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length.push_back(text.size() >> (8 * i) & 0xff);
  return length + text;
}

absl::Status WriteSafetensors(
    const std::string& path, std::span<const TensorToWrite> tensors,
    const std::map<std::string, std::string>& metadata) {
  const absl::StatusOr<std::string> header = HeaderOf(tensors, metadata);
  if (!header.ok()) return Annotate(header.status(), path);
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(AsBytes(*header)));
  for (const TensorToWrite& tensor : tensors) {
    RETURN_IF_ERROR(file.Append(tensor.bytes));
  }
  return file.Commit();
}

}  // namespace merganser
