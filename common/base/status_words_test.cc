#include "common/base/status_words.h"

#include "gtest/gtest.h"

namespace merganser {
namespace {

TEST(StatusWordsTest, AMessageStandsForItself) {
  EXPECT_EQ(StatusWords(absl::NotFoundError("x.csv: is not there")),
            "x.csv: is not there");
}

TEST(StatusWordsTest, WithoutAMessageTheCodeIsPutInWords) {
  EXPECT_EQ(StatusWords(absl::Status(absl::StatusCode::kDeadlineExceeded, "")),
            "deadline exceeded");
}

}  // namespace
}  // namespace merganser
