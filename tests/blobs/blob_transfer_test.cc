// A worker's blob client against the coordinator's blob service.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/net/channel.h"
#include "common/net/limits.h"
#include "common/storage/test_files.h"
#include "coordinator/service/blob_service.h"
#include "worker/weights/blob_client.h"
#include "worker/weights/blobs.h"

namespace merganser {
namespace {

using absl::StatusCode;

constexpr int64_t kChunk = kBlobChunkBytes;

class BlobTransferTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *BlobStore::Open({.directory = folder_.path()});
    service_ =
        std::make_unique<BlobServiceImpl>(*store_, BlobServiceImpl::Options());
    Serve();
    for (size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<char>(i * 2654435761u >> 13);
    }
    digest_ = Sha256(bytes_);
  }
  void TearDown() override {
    server_->Shutdown();
    server_.reset();
    service_.reset();
    std::filesystem::remove_all(folder_.path());
  }

  // At the same port when it is called again.
  void Serve() {
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  std::unique_ptr<BlobClient> NewClient() {
    return std::make_unique<BlobClient>(
        CreateChannel(absl::StrCat("127.0.0.1:", port_)));
  }

  TestFile folder_{".blobs"};
  std::string bytes_ = std::string(5 * kChunk + 3, '\0');
  Digest digest_;
  std::unique_ptr<BlobStore> store_;
  std::unique_ptr<BlobServiceImpl> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(BlobTransferTest, CarriesBlobsThereAndBack) {
  const auto client = NewClient();
  for (const int64_t size : {int64_t{0}, int64_t{1}, kChunk, 5 * kChunk + 3}) {
    const std::string bytes = bytes_.substr(0, size);
    const Digest digest = Sha256(bytes);
    EXPECT_EQ(client->Read(digest).status().code(), StatusCode::kNotFound);
    const absl::Status written = client->Write(digest, bytes);
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_TRUE(client->Write(digest, bytes).ok()) << "a second time";
    const absl::StatusOr<std::string> read = client->Read(digest);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == bytes) << size;
  }
  EXPECT_EQ(store_->List().size(), 4u);
}

TEST_F(BlobTransferTest, GoesOnWithWhatABrokenWriteLeft) {
  {
    // A worker that dies after two chunks.
    auto writer = v1::BlobService::NewStub(
        CreateChannel(absl::StrCat("127.0.0.1:", port_)));
    grpc::ClientContext context;
    v1::WriteBlobResponse response;
    const auto call = writer->WriteBlob(&context, &response);
    v1::WriteBlobRequest request;
    request.mutable_header()->set_digest(digest_.ToBytes());
    request.mutable_header()->set_size_bytes(5 * kChunk + 3);
    call->Write(request);
    for (const int64_t offset : {int64_t{0}, kChunk}) {
      const std::string data = bytes_.substr(offset, kChunk);
      request.mutable_chunk()->set_offset(offset);
      request.mutable_chunk()->set_data(data);
      request.mutable_chunk()->set_crc32(Crc32(data));
      call->Write(request);
    }
    call->WritesDone();
    EXPECT_FALSE(call->Finish().ok());
  }
  const auto client = NewClient();
  EXPECT_EQ((*client->Stat({&digest_, 1}))[0].partial_bytes, 2 * kChunk);
  ASSERT_TRUE(client->Write(digest_, bytes_).ok());
  EXPECT_TRUE(*store_->Read(digest_) == bytes_);
  EXPECT_EQ((*client->Stat({&digest_, 1}))[0].partial_bytes, 0);
}

TEST_F(BlobTransferTest, OutlivesARestartOfTheServer) {
  ASSERT_TRUE(store_->Put(bytes_).ok());
  const auto client = NewClient();
  ASSERT_TRUE(client->Read(digest_).ok());
  server_->Shutdown();
  server_.reset();
  std::thread reader([&] {
    const absl::StatusOr<std::string> read = client->Read(digest_);
    EXPECT_TRUE(read.ok()) << read.status();
  });
  Serve();
  reader.join();
}

TEST_F(BlobTransferTest, ADamagedFileIsLostAndCanBeBroughtAgain) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Write(digest_, bytes_).ok());
  std::string damaged = bytes_;
  damaged[3 * kChunk] = static_cast<char>(~damaged[3 * kChunk]);
  std::ofstream(folder_.path() + "/" + digest_.ToHex(), std::ios::binary)
      << damaged;
  EXPECT_EQ(client->Read(digest_).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE((*client->Stat({&digest_, 1}))[0].present);
  ASSERT_TRUE(client->Write(digest_, bytes_).ok());
  EXPECT_TRUE(*client->Read(digest_) == bytes_);
}

TEST_F(BlobTransferTest, ManyWorkersBringAndFetchOneBlobAtOnce) {
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([this] {
      const auto client = NewClient();
      const absl::Status written = client->Write(digest_, bytes_);
      EXPECT_TRUE(written.ok()) << written;
      const absl::StatusOr<std::string> read = client->Read(digest_);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_TRUE(*read == bytes_);
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(store_->List().size(), 1u);
  EXPECT_EQ(store_->total_bytes(), 5 * kChunk + 3);
}

TEST_F(BlobTransferTest, WhatOneWorkerStoresAnotherFetchesOnce) {
  const auto channel = [&] {
    return CreateChannel(absl::StrCat("127.0.0.1:", port_));
  };
  CoordinatorBlobs maker(channel(), int64_t{1} << 30);
  CoordinatorBlobs other(channel(), int64_t{1} << 30);
  EXPECT_EQ(other.Fetch(digest_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(maker.Store(digest_, std::make_shared<const Blob>(bytes_)).ok());
  const auto fetched = other.Fetch(digest_);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_TRUE(**fetched == bytes_);
  store_->Delete(digest_);
  for (CoordinatorBlobs* worker : {&maker, &other}) {
    const auto kept = worker->Fetch(digest_);
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_TRUE(**kept == bytes_);
  }
}

TEST_F(BlobTransferTest, ABlobThatIsDamagedInTheStoreIsNotFound) {
  ASSERT_TRUE(store_->Put(bytes_).ok());
  std::ofstream(absl::StrCat(folder_.path(), "/", digest_.ToHex()),
                std::ios::in | std::ios::out | std::ios::binary)
      << "damaged";
  CoordinatorBlobs blobs(CreateChannel(absl::StrCat("127.0.0.1:", port_)), 0);
  EXPECT_EQ(blobs.Fetch(digest_).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace merganser
