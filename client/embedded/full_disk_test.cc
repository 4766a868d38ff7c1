#include "client/embedded/full_disk.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kMebibyte = 1 << 20;

std::string Blame(const absl::Status& error, std::optional<int64_t> free) {
  return std::string(BlameFullDisk(error, "/runs/digits", free).message());
}

TEST(FullDiskTest, HardlyAnyFreeBytesExplainADeath) {
  const absl::Status death = absl::InternalError("redis-server exited");
  EXPECT_THAT(
      Blame(death, kMebibyte - 1),
      AllOf(HasSubstr("the disk of /runs/digits is full (1023 KiB free)"),
            HasSubstr("run the same command again"),
            HasSubstr("What failed: redis-server exited")));
  EXPECT_EQ(BlameFullDisk(death, "/runs/digits", kMebibyte), death);
  EXPECT_EQ(BlameFullDisk(death, "/runs/digits", std::nullopt), death);
}

TEST(FullDiskTest, TheSystemsWordsExplainADeathWhateverIsFree) {
  const absl::Status death = absl::InternalError(
      "redis-server exited with code 1; the end of redis.log:\n"
      "  Error writing to the AOF file: No space left on device");
  EXPECT_THAT(Blame(death, 90 * kMebibyte),
              HasSubstr("the disk of /runs/digits is full (92160 KiB free)"));
  EXPECT_THAT(Blame(death, std::nullopt),
              HasSubstr("the disk of /runs/digits is full; make room"));
}

TEST(FullDiskTest, AFileThatCouldNotBeWrittenIsExplainedToo) {
  const absl::Status error = absl::ResourceExhaustedError(
      "/runs/digits/curve.csv: cannot write: Disk quota exceeded");
  EXPECT_EQ(BlameFullDisk(error, "/runs/digits", 90 * kMebibyte).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Blame(error, 90 * kMebibyte), HasSubstr("is full"));
}

TEST(FullDiskTest, OtherErrorsHaveOtherCauses) {
  const absl::Status error = absl::InvalidArgumentError("search.alpha: is bad");
  EXPECT_EQ(BlameFullDisk(error, "/runs/digits", 0), error);
  EXPECT_TRUE(BlameFullDisk(absl::OkStatus(), "/runs/digits", 0).ok());
}

TEST(FullDiskTest, TheSystemSaysWhatIsFree) {
  EXPECT_GT(FreeBytes("/").value_or(-1), -1);
  EXPECT_FALSE(FreeBytes("/nowhere/at/all").has_value());
}

}  // namespace
}  // namespace merganser
