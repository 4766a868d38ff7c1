#include "common/storage/blob_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::IsEmpty;

// SHA-256 of nothing and of "abc": FIPS 180-4, appendix.
constexpr char kNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kAbc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class BlobStoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(1000); }
  void TearDown() override { std::filesystem::remove_all(folder_.path()); }

  void Open(int64_t max_bytes) {
    auto store =
        BlobStore::Open({.directory = folder_.path(), .max_bytes = max_bytes});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::string Path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  void WriteFile(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const auto& file :
         std::filesystem::directory_iterator(folder_.path())) {
      names.insert(file.path().filename().string());
    }
    return names;
  }
  static Digest Name(const char* hex) { return *Digest::FromHex(hex); }

  TestFile folder_{".blobs"};
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, KeepsBlobsUnderTheirDigests) {
  EXPECT_EQ(*store_->Put("abc"), Name(kAbc));
  EXPECT_EQ(*store_->Put(""), Name(kNothing));
  EXPECT_EQ(*store_->Put("abc"), Name(kAbc));
  EXPECT_EQ(Files(), (std::set<std::string>{kAbc, kNothing}));
  EXPECT_EQ(*store_->Read(Name(kAbc)), "abc");
  EXPECT_EQ(*store_->Read(Name(kNothing)), "");
  EXPECT_TRUE(store_->Has(Name(kAbc)));
  EXPECT_EQ(*store_->Size(Name(kAbc)), 3);
  EXPECT_EQ(store_->total_bytes(), 3);
}

TEST_F(BlobStoreTest, AnAbsentBlobIsNotFound) {
  EXPECT_FALSE(store_->Has(Name(kAbc)));
  EXPECT_EQ(store_->Size(Name(kAbc)).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->Read(Name(kAbc)).status().code(), StatusCode::kNotFound);
  store_->Delete(Name(kAbc));
}

TEST_F(BlobStoreTest, DeletingMakesRoom) {
  ASSERT_TRUE(store_->Put("abc").ok());
  store_->Delete(Name(kAbc));
  EXPECT_FALSE(store_->Has(Name(kAbc)));
  EXPECT_EQ(store_->total_bytes(), 0);
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(BlobStoreTest, FindsItsBlobsAgainAndRemovesWhatWasNotFinished) {
  const std::string hex(kAbc);
  WriteFile(hex, "abc");
  WriteFile(hex + ".tmp.17.0", "ab");
  WriteFile("README", "not a blob");
  WriteFile(hex + ".txt", "not a blob");
  std::filesystem::create_directory(Path(kNothing));
  Open(1000);
  EXPECT_THAT(store_->List(),
              testing::ElementsAre(std::pair(Name(kAbc), int64_t{3})));
  EXPECT_EQ(store_->total_bytes(), 3);
  EXPECT_EQ(Files(),
            (std::set<std::string>{hex, "README", hex + ".txt", kNothing}));
}

TEST_F(BlobStoreTest, FilesThatAreNotWhatTheirNameSaysAreLostAndRemoved) {
  for (const std::string bytes : {"abd", "ab", "abcd", ""}) {
    WriteFile(kAbc, bytes);
    Open(1000);
    ASSERT_TRUE(store_->Has(Name(kAbc)));
    EXPECT_EQ(store_->Read(Name(kAbc)).status().code(), StatusCode::kDataLoss)
        << bytes;
    EXPECT_FALSE(store_->Has(Name(kAbc)));
    EXPECT_EQ(store_->total_bytes(), 0);
    EXPECT_THAT(Files(), IsEmpty());
  }
}

TEST_F(BlobStoreTest, NoticesFilesThatChangeOrGoWhileItIsOpen) {
  ASSERT_TRUE(store_->Put("abc").ok());
  for (const std::string bytes : {"xyz", "ab", "abcd"}) {
    WriteFile(kAbc, bytes);
    EXPECT_EQ(store_->Read(Name(kAbc)).status().code(), StatusCode::kDataLoss)
        << bytes;
    ASSERT_TRUE(store_->Put("abc").ok());
    EXPECT_EQ(*store_->Read(Name(kAbc)), "abc");
  }
  std::filesystem::remove(Path(kAbc));
  EXPECT_EQ(store_->Read(Name(kAbc)).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(store_->Has(Name(kAbc)));
}

TEST_F(BlobStoreTest, ReadsInPiecesFromAnyOffset) {
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += static_cast<char>(i * 7);
  const Digest digest = *store_->Put(bytes);
  for (const int64_t offset : {0, 1, 499, 500}) {
    const auto reader = *store_->StartRead(digest, offset);
    std::string read;
    while (true) {
      EXPECT_EQ(reader->offset(), offset + static_cast<int64_t>(read.size()));
      const absl::StatusOr<std::string> piece = reader->Next(64);
      ASSERT_TRUE(piece.ok()) << piece.status();
      EXPECT_LE(piece->size(), 64u);
      if (piece->empty()) break;
      read += *piece;
    }
    EXPECT_EQ(read, bytes.substr(offset));
  }
  for (const int64_t offset : {-1, 501}) {
    EXPECT_EQ(store_->StartRead(digest, offset).status().code(),
              StatusCode::kOutOfRange);
  }
}

TEST_F(BlobStoreTest, NeverHandsOutTheLastPieceOfABadFile) {
  const Digest digest = *store_->Put(std::string(100, 'a'));
  WriteFile(digest.ToHex(), "b" + std::string(99, 'a'));
  const auto reader = *store_->StartRead(digest, 50);
  EXPECT_TRUE(reader->Next(49).ok());
  EXPECT_EQ(reader->Next(49).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(store_->Has(digest));
}

TEST_F(BlobStoreTest, AReaderOutlivesItsBlob) {
  ASSERT_TRUE(store_->Put("abc").ok());
  const auto reader = *store_->StartRead(Name(kAbc));
  store_->Delete(Name(kAbc));
  EXPECT_EQ(*reader->Next(10), "abc");
}

TEST_F(BlobStoreTest, TakesABlobInPieces) {
  auto writer = *store_->StartWrite(Name(kAbc), 3);
  ASSERT_TRUE(writer->Append("a").ok());
  ASSERT_TRUE(writer->Append("bc").ok());
  EXPECT_EQ(writer->written_bytes(), 3);
  EXPECT_FALSE(store_->Has(Name(kAbc)));
  EXPECT_EQ(store_->total_bytes(), 3) << "its room is kept";
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(store_->total_bytes(), 3);
  writer.reset();
  EXPECT_EQ(store_->total_bytes(), 3);
  EXPECT_EQ(*store_->Read(Name(kAbc)), "abc");
}

TEST_F(BlobStoreTest, RefusesWhatIsNotTheAnnouncedBlob) {
  {
    auto writer = *store_->StartWrite(Name(kAbc), 3);
    ASSERT_TRUE(writer->Append("ab").ok());
    EXPECT_EQ(writer->Append("cd").code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(writer->Finish().code(), StatusCode::kInvalidArgument);
  }
  {
    auto writer = *store_->StartWrite(Name(kAbc), 3);
    ASSERT_TRUE(writer->Append("abd").ok());
    EXPECT_EQ(writer->Finish().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(store_->StartWrite(Name(kAbc), -1).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_FALSE(store_->Has(Name(kAbc)));
  EXPECT_EQ(store_->total_bytes(), 0);
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(BlobStoreTest, IsFullAtItsBoundAndNotBefore) {
  Open(10);
  ASSERT_TRUE(store_->Put("1234567").ok());
  auto writer = *store_->StartWrite(Name(kAbc), 3);
  const absl::Status full = store_->Put("x").status();
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()),
              HasSubstr("a blob of 1 bytes: 10 of 10 bytes are taken, 3 of"));
  writer.reset();
  EXPECT_TRUE(store_->Put("x").ok());
  EXPECT_EQ(store_->Put("123").status().code(), StatusCode::kResourceExhausted);
}

TEST_F(BlobStoreTest, TheSecondOfTwoWritersFindsTheBlobThere) {
  auto first = *store_->StartWrite(Name(kAbc), 3);
  auto second = *store_->StartWrite(Name(kAbc), 3);
  ASSERT_TRUE(first->Append("abc").ok());
  ASSERT_TRUE(second->Append("abc").ok());
  EXPECT_TRUE(first->Finish().ok());
  EXPECT_TRUE(second->Finish().ok());
  first.reset();
  second.reset();
  EXPECT_EQ(store_->total_bytes(), 3);
  EXPECT_EQ(Files(), (std::set<std::string>{kAbc}));
}

TEST_F(BlobStoreTest, ServesThreadsAtOnce) {
  Open(1 << 20);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 100; ++i) {
        const std::string bytes(1000, static_cast<char>('a' + i % 10));
        const absl::StatusOr<Digest> digest = store_->Put(bytes);
        ASSERT_TRUE(digest.ok()) << digest.status();
        const auto read = store_->Read(*digest);
        if (read.ok()) {
          EXPECT_EQ(*read, bytes);
        } else {
          EXPECT_EQ(read.status().code(), StatusCode::kNotFound);
        }
        if (i % 7 == 0) store_->Delete(*digest);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t bytes = 0;
  for (const auto& [digest, size] : store_->List()) {
    EXPECT_TRUE(store_->Read(digest).ok());
    bytes += size;
  }
  EXPECT_EQ(store_->total_bytes(), bytes);
}

TEST(BlobStoreOpenTest, NamesTheDirectoryThatItCannotUse) {
  const TestFile file(".file", "not a directory");
  const auto store = BlobStore::Open({.directory = file.path() + "/blobs"});
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(file.path()));
}

}  // namespace
}  // namespace merganser
