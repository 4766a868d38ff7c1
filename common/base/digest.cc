#include "common/base/digest.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

std::string_view AsView(const std::array<uint8_t, 32>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
std::array<uint8_t, sizeof(T)> LittleEndian(T value) {
  std::array<uint8_t, sizeof(T)> out;
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<uint8_t>(value >> (8 * i));
  }
  return out;
}

template <typename T>
std::span<const uint8_t> AsBytes(std::span<const T> values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

}  // namespace

std::string Digest::ToHex() const {
  const std::string_view view = AsView(bytes);
  return absl::BytesToHexString(absl::string_view(view.data(), view.size()));
}

std::string Digest::ToBytes() const { return std::string(AsView(bytes)); }

absl::StatusOr<Digest> Digest::FromHex(std::string_view hex) {
  Digest digest;
  bool valid = hex.size() == 2 * digest.bytes.size();
  for (size_t i = 0; valid && i < digest.bytes.size(); ++i) {
    const char* const end = hex.data() + 2 * i + 2;
    const auto parsed = std::from_chars(end - 2, end, digest.bytes[i], 16);
    valid = parsed.ec == std::errc() && parsed.ptr == end;
  }
  if (!valid) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a digest is 64 hexadecimal digits; got \"", std::string(hex), "\""));
  }
  return digest;
}

absl::StatusOr<Digest> Digest::FromBytes(std::string_view raw) {
  if (raw.size() != 32) {
    return absl::InvalidArgumentError(
        absl::StrCat("a digest is 32 bytes; got ", raw.size()));
  }
  Digest digest;
  std::copy(raw.begin(), raw.end(), digest.bytes.begin());
  return digest;
}

// Small pieces are gathered: a call into the library costs more than they do.
struct DigestBuilder::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::array<uint8_t, 512> gathered{};
  size_t size = 0;

  ~State() { EVP_MD_CTX_free(context); }
  void Update(std::span<const uint8_t> bytes) {
    if (EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1) abort();
  }
  void Flush() { Update(std::span(gathered).first(std::exchange(size, 0))); }
};

DigestBuilder::DigestBuilder() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) abort();
}

DigestBuilder::~DigestBuilder() = default;

DigestBuilder& DigestBuilder::Raw(std::span<const uint8_t> bytes) {
  State& state = *state_;
  if (state.size + bytes.size() > state.gathered.size()) state.Flush();
  if (bytes.size() > state.gathered.size()) {
    state.Update(bytes);
    return *this;
  }
  std::copy(bytes.begin(), bytes.end(), state.gathered.begin() + state.size);
  state.size += bytes.size();
  return *this;
}

DigestBuilder& DigestBuilder::String(std::string_view text) {
  U64(text.size());
  return Raw({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

DigestBuilder& DigestBuilder::U32(uint32_t value) {
  return Raw(LittleEndian(value));
}

DigestBuilder& DigestBuilder::U64(uint64_t value) {
  return Raw(LittleEndian(value));
}

DigestBuilder& DigestBuilder::I64(int64_t value) {
  return U64(static_cast<uint64_t>(value));
}

DigestBuilder& DigestBuilder::F64(double value) {
  return U64(std::bit_cast<uint64_t>(value));
}

DigestBuilder& DigestBuilder::I64s(std::span<const int64_t> values) {
  if constexpr (std::endian::native == std::endian::little) {
    return Raw(AsBytes(values));
  }
  for (const int64_t value : values) I64(value);
  return *this;
}

DigestBuilder& DigestBuilder::F64s(std::span<const double> values) {
  if constexpr (std::endian::native == std::endian::little) {
    return Raw(AsBytes(values));
  }
  for (const double value : values) F64(value);
  return *this;
}

DigestBuilder& DigestBuilder::Nested(const Digest& digest) {
  return Raw(digest.bytes);
}

Digest DigestBuilder::Finish() {
  state_->Flush();
  Digest digest;
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) != 1) {
    abort();
  }
  return digest;
}

Digest Sha256(std::string_view bytes) {
  DigestBuilder builder;
  builder.Raw({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return builder.Finish();
}

uint32_t Crc32(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace merganser
