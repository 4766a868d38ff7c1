#include "worker/weights/blobs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace merganser {
namespace {

using absl::StatusCode;
namespace fs = std::filesystem;

class FolderBlobsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (fs::temp_directory_path() / "merganser_blobs_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Under the name of `digest`.
  void Write(const Digest& digest, const std::string& bytes) {
    std::ofstream(folder_ / digest.ToHex()) << bytes;
  }

  fs::path folder_;
};

TEST_F(FolderBlobsTest, ReadsAFileByItsDigestOnce) {
  FolderBlobs blobs(folder_.string(), 100);
  const Digest digest = Sha256("weights");
  Write(digest, "weights");
  EXPECT_EQ(**blobs.Fetch(digest), "weights");
  fs::remove(folder_ / digest.ToHex());
  EXPECT_EQ(**blobs.Fetch(digest), "weights");
}

TEST_F(FolderBlobsTest, ForgetsWhatItHasNoMemoryFor) {
  FolderBlobs blobs(folder_.string(), 10);
  ASSERT_TRUE(
      blobs.Store(Sha256("first"), std::make_shared<Blob>("first")).ok());
  EXPECT_EQ(**blobs.Fetch(Sha256("first")), "first");
  ASSERT_TRUE(
      blobs.Store(Sha256("second"), std::make_shared<Blob>("second")).ok());
  EXPECT_EQ(**blobs.Fetch(Sha256("second")), "second");
  EXPECT_EQ(blobs.Fetch(Sha256("first")).status().code(),
            StatusCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(folder_)) << "nothing is ever written";
}

TEST_F(FolderBlobsTest, WhatIsNowhereIsNotFound) {
  const Digest digest = Sha256("absent");
  EXPECT_EQ(FolderBlobs(folder_.string(), 10).Fetch(digest).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(FolderBlobs("", 10).Fetch(digest).status().code(),
            StatusCode::kNotFound);
}

TEST_F(FolderBlobsTest, OtherBytesThanTheNameSaysAreRefused) {
  const Digest digest = Sha256("weights");
  Write(digest, "Weights");
  EXPECT_EQ(FolderBlobs(folder_.string(), 10).Fetch(digest).status().code(),
            StatusCode::kDataLoss);
}

TEST(MissingBlobTest, OnlyAMissingBlobNamesOne) {
  EXPECT_EQ(MissingBlobOf(MissingBlob(Sha256("a"), "gone")), Sha256("a"));
  EXPECT_EQ(MissingBlobOf(absl::NotFoundError("gone")), std::nullopt);
  EXPECT_EQ(MissingBlobOf(absl::OkStatus()), std::nullopt);
}

}  // namespace
}  // namespace merganser
