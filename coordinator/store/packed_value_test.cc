#include "coordinator/store/packed_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

// The check value of CRC-32/ISO-HDLC: crc("123456789") = 0xcbf43926.
TEST(PackedValue, EndsWithTheCrcInLittleEndian) {
  EXPECT_EQ(PackValue("123456789"), "123456789\x26\x39\xf4\xcb");
}

TEST(PackedValue, UnpacksWhatWasPacked) {
  for (const std::string& value :
       {std::string(), std::string("x"), std::string("\0\xff\n", 3)}) {
    EXPECT_EQ(*UnpackValue(PackValue(value)), value);
  }
}

TEST(PackedValue, FindsAnyFlippedBit) {
  const std::string packed = PackValue("niche load");
  for (size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_TRUE(absl::IsDataLoss(UnpackValue(damaged).status())) << bit;
  }
}

TEST(PackedValue, FindsAnyTruncation) {
  const std::string packed = PackValue("niche load");
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(UnpackValue(packed.substr(0, size)).status()))
        << size;
  }
}

}  // namespace
}  // namespace merganser
