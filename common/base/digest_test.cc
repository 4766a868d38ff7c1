#include "common/base/digest.h"

#include <gtest/gtest.h>

namespace merganser {
namespace {

// Expected values: FIPS 180-4 examples; CRC-32 check value of ITU-T V.42.
TEST(DigestTest, AgreesWithThePublishedExamples) {
  EXPECT_EQ(Sha256("").ToHex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc").ToHex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Crc32("123456789"), 0xCBF43926u);
}

TEST(DigestTest, HexAndBytesComeBackAsTheyWere) {
  const Digest digest = Sha256("abc");
  EXPECT_EQ(*Digest::FromHex(digest.ToHex()), digest);
  EXPECT_EQ(*Digest::FromBytes(digest.ToBytes()), digest);
}

TEST(DigestTest, RefusesWhatIsNoDigest) {
  EXPECT_FALSE(Digest::FromHex("abc").ok());
  EXPECT_FALSE(Digest::FromHex(std::string(63, '0') + "g").ok());
  EXPECT_FALSE(Digest::FromBytes("short").ok());
}

TEST(DigestBuilderTest, ALengthInFrontKeepsStringsApart) {
  DigestBuilder first;
  DigestBuilder second;
  EXPECT_NE(first.String("ab").String("c").Finish(),
            second.String("a").String("bc").Finish());
}

TEST(DigestBuilderTest, IntegersAreLittleEndian) {
  DigestBuilder builder;
  EXPECT_EQ(builder.U32(0x64636261).Finish(), Sha256("abcd"));
}

}  // namespace
}  // namespace merganser
