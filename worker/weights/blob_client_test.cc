#include "worker/weights/blob_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/net/channel.h"
#include "common/net/limits.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"

namespace merganser {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kChunk = kBlobChunkBytes;

// What one call of ReadBlob or WriteBlob suffers.
enum class Fault {
  kNone,
  kBreakAtOnce,
  kBreakAfterTwoChunks,
  kWrongCrc,    // of the second chunk
  kWrongBytes,  // the CRC fits them
  kSilence,     // after the first chunk
  kDataLoss,    // said by the coordinator
};

// Keeps blobs in memory, badly.
class FaultyService final : public v1::BlobService::Service {
 public:
  grpc::Status StatBlobs(grpc::ServerContext*,
                         const v1::StatBlobsRequest* request,
                         v1::StatBlobsResponse* response) override {
    absl::MutexLock lock(&mutex_);
    for (const std::string& digest : request->digests()) {
      v1::BlobState& state = *response->add_blobs();
      const auto blob = blobs.find(digest);
      state.set_present(blob != blobs.end());
      if (state.present()) {
        state.set_size_bytes(static_cast<int64_t>(blob->second.size()));
      }
      state.set_partial_bytes(static_cast<int64_t>(partials[digest].size()));
    }
    return grpc::Status::OK;
  }

  grpc::Status ReadBlob(
      grpc::ServerContext* context, const v1::ReadBlobRequest* request,
      grpc::ServerWriter<v1::ReadBlobResponse>* writer) override {
    const Fault fault = Begin(request->offset());
    if (fault == Fault::kBreakAtOnce) return Broken();
    const auto blob = blobs.find(request->digest());
    if (blob == blobs.end()) return {grpc::StatusCode::NOT_FOUND, "absent"};
    const std::string& bytes = blob->second;
    int64_t offset = request->offset();
    for (int chunk = 0; chunk == 0 || offset < Size(bytes); ++chunk) {
      if (chunk == 2 && fault == Fault::kBreakAfterTwoChunks) return Broken();
      if (chunk == 1 && fault == Fault::kDataLoss) {
        return {grpc::StatusCode::DATA_LOSS, "damaged"};
      }
      if (chunk == 1 && fault == Fault::kSilence) return Silence(*context);
      v1::ReadBlobResponse response;
      response.set_size_bytes(Size(bytes));
      std::string data = bytes.substr(offset, kChunk);
      if (fault == Fault::kWrongBytes) data[0] = static_cast<char>(~data[0]);
      response.mutable_chunk()->set_offset(offset);
      response.mutable_chunk()->set_data(data);
      response.mutable_chunk()->set_crc32(
          Crc32(data) ^ (fault == Fault::kWrongCrc && chunk == 1 ? 1 : 0));
      writer->Write(response);
      offset += Size(data);
    }
    return grpc::Status::OK;
  }

  grpc::Status WriteBlob(grpc::ServerContext* context,
                         grpc::ServerReader<v1::WriteBlobRequest>* reader,
                         v1::WriteBlobResponse* response) override {
    v1::WriteBlobRequest request;
    if (!reader->Read(&request)) return Broken();
    const v1::WriteBlobHeader header = request.header();
    const Fault fault = Begin(header.resume_offset());
    if (fault == Fault::kBreakAtOnce) return Broken();
    absl::MutexLock lock(&mutex_);
    std::string& bytes = partials[header.digest()];
    bytes.resize(header.resume_offset());
    for (int chunk = 0; Size(bytes) < header.size_bytes(); ++chunk) {
      if (chunk == 2 && fault == Fault::kBreakAfterTwoChunks) return Broken();
      if (chunk == 1 && fault == Fault::kDataLoss) {
        return {grpc::StatusCode::DATA_LOSS, "damaged"};
      }
      if (chunk == 1 && fault == Fault::kSilence) return Silence(*context);
      if (!reader->Read(&request)) return Broken();
      if (request.chunk().offset() != Size(bytes) ||
          request.chunk().crc32() != Crc32(request.chunk().data())) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "chunk"};
      }
      bytes += request.chunk().data();
    }
    if (Sha256(bytes).ToBytes() != header.digest()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "header.digest"};
    }
    blobs[header.digest()] = bytes;
    response->set_committed_bytes(Size(bytes));
    return grpc::Status::OK;
  }

  std::map<std::string, std::string> blobs;
  std::map<std::string, std::string> partials;
  std::deque<Fault> faults;      // of the calls to come; then none
  std::vector<int64_t> offsets;  // that calls began at
  absl::Notification silent;

 private:
  static int64_t Size(const std::string& bytes) {
    return static_cast<int64_t>(bytes.size());
  }
  static grpc::Status Broken() {
    return {grpc::StatusCode::UNAVAILABLE, "broken"};
  }
  grpc::Status Silence(const grpc::ServerContext& context) {
    if (!silent.HasBeenNotified()) silent.Notify();
    while (!context.IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  }
  Fault Begin(int64_t offset) {
    absl::MutexLock lock(&mutex_);
    offsets.push_back(offset);
    if (faults.empty()) return Fault::kNone;
    const Fault fault = faults.front();
    faults.pop_front();
    return fault;
  }

  absl::Mutex mutex_;
};

class BlobClientTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    channel_ = CreateChannel(absl::StrCat("127.0.0.1:", port));
    client_ = std::make_unique<BlobClient>(channel_,
                                           BlobClient::Options{.attempts = 2});
    for (size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<char>(i * 2654435761u >> 13);
    }
    digest_ = Sha256(bytes_);
  }
  void TearDown() override { server_->Shutdown(); }

  void Store() { service_.blobs[digest_.ToBytes()] = bytes_; }

  std::string bytes_ = std::string(5 * kChunk + 3, '\0');
  Digest digest_;
  FaultyService service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<BlobClient> client_;
};

TEST_F(BlobClientTest, ReadsAndWritesBlobsOfAnySize) {
  for (const int64_t size : {int64_t{0}, int64_t{1}, kChunk - 1, kChunk,
                             kChunk + 1, 5 * kChunk + 3}) {
    const std::string bytes = bytes_.substr(0, size);
    const Digest digest = Sha256(bytes);
    const absl::Status written = client_->Write(digest, bytes);
    ASSERT_TRUE(written.ok()) << written;
    const absl::StatusOr<std::string> read = client_->Read(digest);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == bytes) << size;
  }
}

TEST_F(BlobClientTest, AsksWhatIsThere) {
  Store();
  service_.partials[Sha256("").ToBytes()] = "ab";
  const Digest digests[] = {digest_, Sha256("")};
  const auto states = client_->Stat(digests);
  ASSERT_TRUE(states.ok()) << states.status();
  EXPECT_TRUE((*states)[0].present);
  EXPECT_EQ((*states)[0].size_bytes, 5 * kChunk + 3);
  EXPECT_FALSE((*states)[1].present);
  EXPECT_EQ((*states)[1].partial_bytes, 2);
}

TEST_F(BlobClientTest, ReadsOnWhereAStreamBroke) {
  Store();
  service_.faults = {Fault::kBreakAfterTwoChunks, Fault::kBreakAfterTwoChunks};
  const absl::StatusOr<std::string> read = client_->Read(digest_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == bytes_);
  EXPECT_THAT(service_.offsets, ElementsAre(0, 2 * kChunk, 4 * kChunk));
}

TEST_F(BlobClientTest, ReadsADamagedChunkAgain) {
  Store();
  service_.faults = {Fault::kWrongCrc};
  const absl::StatusOr<std::string> read = client_->Read(digest_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == bytes_);
  EXPECT_THAT(service_.offsets, ElementsAre(0, kChunk));
}

TEST_F(BlobClientTest, NeverReturnsOtherBytesThanAskedFor) {
  Store();
  service_.faults = {Fault::kWrongBytes};
  EXPECT_EQ(client_->Read(digest_).status().code(), StatusCode::kDataLoss);
}

TEST_F(BlobClientTest, PassesOnWhatTheCoordinatorSays) {
  EXPECT_EQ(client_->Read(digest_).status(), absl::NotFoundError("absent"));
  Store();
  service_.faults = {Fault::kDataLoss};
  EXPECT_EQ(client_->Read(digest_).status(), absl::DataLossError("damaged"));
  EXPECT_EQ(service_.offsets.size(), 2u) << "neither is asked again";
}

TEST_F(BlobClientTest, GivesUpWhenNothingComes) {
  Store();
  service_.faults = {Fault::kBreakAtOnce, Fault::kBreakAtOnce};
  EXPECT_EQ(client_->Read(digest_).status().code(), StatusCode::kUnavailable);
  service_.faults = {Fault::kBreakAtOnce, Fault::kBreakAtOnce};
  EXPECT_EQ(client_->Write(Sha256("abc"), "abc").code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(service_.offsets.size(), 4u);
}

TEST_F(BlobClientTest, RefusesABlobThatIsTooLarge) {
  Store();
  BlobClient client(channel_, {.max_blob_bytes = 5 * kChunk + 2});
  EXPECT_EQ(client.Read(digest_).status().code(),
            StatusCode::kResourceExhausted);
  BlobClient larger(channel_, {.max_blob_bytes = 5 * kChunk + 3});
  EXPECT_TRUE(larger.Read(digest_).ok());
}

TEST_F(BlobClientTest, LeavesASilentCallAndReadsOn) {
  Store();
  service_.faults = {Fault::kSilence};
  BlobClient client(channel_, {.progress_timeout = absl::Milliseconds(300)});
  const absl::StatusOr<std::string> read = client.Read(digest_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == bytes_);
  EXPECT_THAT(service_.offsets, ElementsAre(0, kChunk));
}

TEST_F(BlobClientTest, WritesOnWhereAStreamBroke) {
  service_.faults = {Fault::kBreakAfterTwoChunks, Fault::kDataLoss};
  const absl::Status written = client_->Write(digest_, bytes_);
  ASSERT_TRUE(written.ok()) << written;
  EXPECT_TRUE(service_.blobs[digest_.ToBytes()] == bytes_);
  EXPECT_THAT(service_.offsets, ElementsAre(0, 2 * kChunk, 3 * kChunk));
}

TEST_F(BlobClientTest, DoesNotWriteAgainWhatCannotBeRight) {
  EXPECT_EQ(client_->Write(digest_, "something else").code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(service_.offsets.size(), 1u);
}

TEST_F(BlobClientTest, CancelEndsWhatIsUnderWayAndAllThatComes) {
  Store();
  service_.faults = {Fault::kSilence};
  std::thread canceller([this] {
    service_.silent.WaitForNotification();
    client_->Cancel();
  });
  EXPECT_EQ(client_->Read(digest_).status().code(), StatusCode::kCancelled);
  canceller.join();
  EXPECT_EQ(client_->Read(digest_).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(client_->Write(digest_, bytes_).code(), StatusCode::kCancelled);
  EXPECT_EQ(client_->Stat({&digest_, 1}).status().code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace merganser
