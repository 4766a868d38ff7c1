#include "common/storage/safetensors_header.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

using nlohmann::json;

constexpr size_t kMaximumRank = 64;
constexpr size_t kMaximumDepth = 3;  // file, tensor, shape

absl::Status Error(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

absl::Status TensorError(const std::string& name, const std::string& message) {
  return Error(absl::StrCat("tensor ", ShownName(name), ": ", message));
}

// Passes over the text and stops at what a header never has, before anything is
// built from it: depth, long arrays, a name given twice.
class HeaderGuard : public nlohmann::json_sax<json> {
 public:
  std::string error = "the header is not valid JSON";

  bool null() override { return Value(); }
  bool boolean(bool) override { return Value(); }
  bool number_integer(number_integer_t) override { return Value(); }
  bool number_unsigned(number_unsigned_t) override { return Value(); }
  bool number_float(number_float_t, const string_t&) override {
    return Value();
  }
  bool string(string_t&) override { return Value(); }
  bool binary(binary_t&) override { return Value(); }
  bool start_object(size_t) override { return Deeper(); }
  bool end_object() override { return Shallower(); }
  bool start_array(size_t) override { return Deeper(); }
  bool end_array() override { return Shallower(); }
  bool parse_error(size_t, const std::string&,
                   const nlohmann::detail::exception&) override {
    return false;
  }

  bool key(string_t& name) override {
    values_ = 0;
    if (depth_ != 1 || names_.insert(name).second) return true;
    error = absl::StrCat("the header names ", ShownName(name), " twice");
    return false;
  }

 private:
  bool Value() {
    if (++values_ <= kMaximumRank) return true;
    error = absl::StrCat("the header has a list of more than ", kMaximumRank,
                         " values");
    return false;
  }
  bool Deeper() {
    values_ = 0;
    if (++depth_ <= kMaximumDepth) return true;
    error = absl::StrCat("the header is nested deeper than ", kMaximumDepth);
    return false;
  }
  bool Shallower() {
    --depth_;
    return true;
  }

  size_t depth_ = 0;
  size_t values_ = 0;  // since the last key or bracket
  std::set<std::string> names_;
};

// Bytes of one element; 0 for a name that the format does not have.
int64_t BytesOfDType(const std::string& dtype) {
  static constexpr std::array<std::pair<const char*, int64_t>, 15> kSizes = {
      {{"BOOL", 1},
       {"U8", 1},
       {"I8", 1},
       {"F8_E5M2", 1},
       {"F8_E4M3", 1},
       {"I16", 2},
       {"U16", 2},
       {"F16", 2},
       {"BF16", 2},
       {"I32", 4},
       {"U32", 4},
       {"F32", 4},
       {"F64", 8},
       {"I64", 8},
       {"U64", 8}}};
  for (const auto& [name, bytes] : kSizes) {
    if (dtype == name) return bytes;
  }
  return 0;
}

// A list of integers of 0 … 2^63-1, or nothing.
bool ReadIntegers(const json& value, std::vector<int64_t>& integers) {
  if (!value.is_array()) return false;
  for (const json& element : value) {
    if (!element.is_number_unsigned()) return false;
    const auto integer = element.get<uint64_t>();
    if (integer > std::numeric_limits<int64_t>::max()) return false;
    integers.push_back(static_cast<int64_t>(integer));
  }
  return true;
}

// Fills `elements`, and checks the offsets against dtype and shape.
absl::Status CheckSizes(const std::string& name,
                        SafetensorsHeader::Entry& entry) {
  const int64_t element_bytes = BytesOfDType(entry.dtype);
  if (element_bytes == 0) {
    return TensorError(
        name, absl::StrCat("dtype ", ShownName(entry.dtype), " is unknown"));
  }
  const std::string shape = absl::StrJoin(entry.shape, ", ");
  entry.elements = 1;
  int64_t bytes = 0;
  bool overflow = false;
  for (const int64_t size : entry.shape) {
    overflow |= __builtin_mul_overflow(entry.elements, size, &entry.elements);
  }
  overflow |= __builtin_mul_overflow(entry.elements, element_bytes, &bytes);
  if (overflow) {
    return TensorError(
        name, absl::StrCat("shape [", shape, "] has more than 2^63 bytes"));
  }
  if (entry.end - entry.begin != bytes) {
    return TensorError(
        name, absl::StrCat("data_offsets [", entry.begin, ", ", entry.end,
                           "] should be ", bytes, " bytes apart for shape [",
                           shape, "] of ", entry.dtype));
  }
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsHeader::Entry> ParseEntry(const std::string& name,
                                                    const json& value) {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return TensorError(name,
                       "expected an object of dtype, shape and data_offsets");
  }
  SafetensorsHeader::Entry entry;
  std::vector<int64_t> offsets;
  if (!value["dtype"].is_string()) {
    return TensorError(name, "dtype: expected a string");
  }
  entry.dtype = value["dtype"].get<std::string>();
  if (!ReadIntegers(value["shape"], entry.shape)) {
    return TensorError(name, "shape: expected a list of integers below 2^63");
  }
  if (!ReadIntegers(value["data_offsets"], offsets) || offsets.size() != 2 ||
      offsets[0] > offsets[1]) {
    return TensorError(
        name, "data_offsets: expected [begin, end], integers below 2^63");
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  RETURN_IF_ERROR(CheckSizes(name, entry));
  return entry;
}

absl::Status ParseMetadata(const json& value, SafetensorsHeader& header) {
  if (!value.is_object()) return Error("__metadata__: expected an object");
  for (const auto& [name, text] : value.items()) {
    if (!text.is_string()) {
      return Error(absl::StrCat("__metadata__.", ShownName(name),
                                ": expected a string"));
    }
    header.metadata[name] = text.get<std::string>();
  }
  return absl::OkStatus();
}

}  // namespace

std::string ShownName(const std::string& name) {
  return absl::Utf8SafeCHexEscape(name.substr(0, 200));
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view text) {
  HeaderGuard guard;
  if (!json::sax_parse(text, &guard)) return Error(guard.error);
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return Error("the header is no JSON object of tensors");
  }
  SafetensorsHeader header;
  for (const auto& [name, value] : root.items()) {
    if (name == "__metadata__") {
      RETURN_IF_ERROR(ParseMetadata(value, header));
      continue;
    }
    ASSIGN_OR_RETURN(header.entries[name], ParseEntry(name, value));
  }
  return header;
}

}  // namespace merganser
