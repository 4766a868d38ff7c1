#include "common/storage/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/huggingface/native_call.h"

namespace merganser {
namespace {

constexpr uint64_t kMaximum = std::numeric_limits<int64_t>::max();

absl::Status TensorError(const std::string& name, const std::string& message) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", ShownName(name), ": ", message));
}

// Bytes of `elements` of `bits` each; false if they pass 2^63. What is left of
// the last byte goes to `spare_bits`.
bool BytesOf(int64_t elements, int64_t bits, int64_t& bytes,
             int64_t& spare_bits) {
  const int64_t rest_bits = elements % 8 * bits;
  spare_bits = rest_bits % 8;
  return !__builtin_mul_overflow(elements / 8, bits, &bytes) &&
         !__builtin_add_overflow(bytes, rest_bits / 8, &bytes);
}

// Fills `elements`, and checks the offsets against dtype and shape.
absl::Status CheckSizes(const std::string& name, int64_t element_bits,
                        SafetensorsHeader::Entry& entry) {
  const std::string shape = absl::StrJoin(entry.shape, ", ");
  entry.elements = 1;
  bool overflow = false;
  for (const int64_t size : entry.shape) {
    overflow |= __builtin_mul_overflow(entry.elements, size, &entry.elements);
  }
  int64_t bytes = 0;
  int64_t spare_bits = 0;
  if (overflow || !BytesOf(entry.elements, element_bits, bytes, spare_bits)) {
    return TensorError(
        name, absl::StrCat("shape [", shape, "] has more than 2^63 bytes"));
  }
  if (spare_bits != 0) {
    return TensorError(name,
                       absl::StrCat("shape [", shape, "] of ", entry.dtype,
                                    " does not end with a whole byte"));
  }
  if (entry.end - entry.begin != bytes) {
    return TensorError(
        name, absl::StrCat("data_offsets [", entry.begin, ", ", entry.end,
                           "] should be ", bytes, " bytes apart for shape [",
                           shape, "] of ", entry.dtype));
  }
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsHeader::Entry> ReadEntry(const std::string& name,
                                                   const mhf_tensor& tensor) {
  SafetensorsHeader::Entry entry;
  entry.dtype = ViewOf(tensor.dtype);
  for (const uint64_t size : std::span(tensor.shape, tensor.rank)) {
    if (size > kMaximum) {
      return TensorError(name, "shape: expected a list of integers below 2^63");
    }
    entry.shape.push_back(static_cast<int64_t>(size));
  }
  if (tensor.begin > tensor.end || tensor.end > kMaximum) {
    return TensorError(
        name, "data_offsets: expected [begin, end], integers below 2^63");
  }
  entry.begin = static_cast<int64_t>(tensor.begin);
  entry.end = static_cast<int64_t>(tensor.end);
  RETURN_IF_ERROR(
      CheckSizes(name, static_cast<int64_t>(tensor.element_bits), entry));
  return entry;
}

// Finds where the tensors end, or the hole or overlap between two.
absl::Status CheckContiguous(SafetensorsHeader& header) {
  using Item = std::pair<const std::string, SafetensorsHeader::Entry>;
  std::vector<const Item*> items;
  for (const Item& item : header.entries) items.push_back(&item);
  std::sort(items.begin(), items.end(), [](const Item* a, const Item* b) {
    return std::pair(a->second.begin, a->second.end) <
           std::pair(b->second.begin, b->second.end);
  });
  for (const Item* item : items) {
    if (item->second.begin != header.data_bytes) {
      return TensorError(
          item->first,
          absl::StrCat("starts at byte ", item->second.begin,
                       " of the data; expected ", header.data_bytes,
                       ", where the one before it ends"));
    }
    header.data_bytes = item->second.end;
  }
  return absl::OkStatus();
}

}  // namespace

std::string ShownName(const std::string& name) {
  return absl::Utf8SafeCHexEscape(name.substr(0, 200));
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view text) {
  mhf_tensor_header parsed = {};
  mhf_bytes error = {};
  const mhf_status status =
      mhf_tensor_header_parse(NativeText(text), &parsed, &error);
  RETURN_IF_ERROR(NativeStatus(status, error));
  const auto freed =
      absl::MakeCleanup([&parsed] { mhf_tensor_header_free(parsed); });
  SafetensorsHeader header;
  for (const auto& [key, value] :
       std::span(parsed.metadata, parsed.metadata_count)) {
    header.metadata[std::string(ViewOf(key))] = ViewOf(value);
  }
  for (const mhf_tensor& tensor :
       std::span(parsed.tensors, parsed.tensor_count)) {
    const std::string name(ViewOf(tensor.name));
    ASSIGN_OR_RETURN(header.entries[name], ReadEntry(name, tensor));
  }
  RETURN_IF_ERROR(CheckContiguous(header));
  // Ours name the tensor and the numbers; what they let pass, the makers' may
  // still refuse.
  if (parsed.objection.size > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header is refused by the safetensors library: ",
                     std::string(ViewOf(parsed.objection))));
  }
  return header;
}

}  // namespace merganser
