// SHA-256 digests: the names of seeds, genomes, blobs and archives.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace merganser {

// 32 bytes of SHA-256 (FIPS 180-4). A value type; all zero means "none".
struct Digest {
  std::array<uint8_t, 32> bytes{};

  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

  // 64 lower-case hexadecimal digits.
  std::string ToHex() const;
  // The 32 bytes as they travel on the wire.
  std::string ToBytes() const;
  // Errors: InvalidArgument unless `hex` is 64 hexadecimal digits.
  static absl::StatusOr<Digest> FromHex(std::string_view hex);
  // Errors: InvalidArgument unless `raw` is 32 bytes long.
  static absl::StatusOr<Digest> FromBytes(std::string_view raw);
};

// Feeds bytes to SHA-256. Integers go in as little-endian, doubles as their
// IEEE-754 bits, strings with their length in front, so that the bytes of a
// sequence of calls can be read in one way only.
// Threads: none; one object belongs to one thread.
class DigestBuilder {
 public:
  DigestBuilder();
  ~DigestBuilder();
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;

  DigestBuilder& Raw(std::span<const uint8_t> bytes);
  DigestBuilder& String(std::string_view text);
  DigestBuilder& U32(uint32_t value);
  DigestBuilder& U64(uint64_t value);
  DigestBuilder& I64(int64_t value);
  DigestBuilder& F64(double value);
  // As one after the other.
  DigestBuilder& I64s(std::span<const int64_t> values);
  DigestBuilder& F64s(std::span<const double> values);
  DigestBuilder& Nested(const Digest& digest);

  // Ends the sequence; call it once.
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// SHA-256 of `bytes` alone, as sha256sum prints it.
Digest Sha256(std::string_view bytes);

// CRC-32 (IEEE 802.3) of `bytes`; guards packed values where they are stored
// and chunks where they travel.
uint32_t Crc32(std::string_view bytes);

}  // namespace merganser
