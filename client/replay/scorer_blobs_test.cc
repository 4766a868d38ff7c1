#include "client/replay/scorer_blobs.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/embedded/temporary_folder.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

class ScorerBlobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto blobs = ScorerBlobs::Open(folder_->path() + "/blobs");
    ASSERT_TRUE(blobs.ok()) << blobs.status();
    blobs_ = *std::move(blobs);
  }

  bool IsThere() const {
    return std::filesystem::exists(folder_->path() + "/blobs/" +
                                   weights_.digest.ToHex());
  }

  std::optional<TemporaryFolder> folder_;
  std::unique_ptr<ScorerBlobs> blobs_;
  // SHA-256 of "abc": FIPS 180-4's first example.
  RemadeWeights weights_{
      .bytes = {'a', 'b', 'c'},
      .digest = *Digest::FromHex("ba7816bf8f01cfea414140de5dae2223b00361a39617"
                                 "7a9cb410ff61f20015ad")};
};

TEST_F(ScorerBlobsTest, AFileHoldsTheWeightsUnderTheirDigest) {
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  const auto bytes =
      ReadFile(folder_->path() + "/blobs/" + weights_.digest.ToHex());
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(*bytes, "abc");
  EXPECT_EQ(blobs_->size_bytes(), 3);
}

TEST_F(ScorerBlobsTest, AFileStaysUntilTheJobsBeforeItsEndAreAnswered) {
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  blobs_->Remove(weights_.digest, /*jobs=*/7);
  blobs_->Answered(6);
  EXPECT_TRUE(IsThere());
  blobs_->Answered(7);
  EXPECT_FALSE(IsThere());
}

TEST_F(ScorerBlobsTest, TwoCandidatesMayHaveTheSameWeights) {
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  blobs_->Remove(weights_.digest, 1);
  blobs_->Answered(5);
  EXPECT_TRUE(IsThere());
  blobs_->Remove(weights_.digest, 5);
  blobs_->Answered(5);
  EXPECT_FALSE(IsThere());
}

TEST_F(ScorerBlobsTest, WeightsThatComeBackBeforeTheyGoStay) {
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  blobs_->Remove(weights_.digest, 3);
  ASSERT_TRUE(blobs_->Add(weights_).ok());
  blobs_->Answered(3);
  EXPECT_TRUE(IsThere());
}

}  // namespace
}  // namespace merganser
