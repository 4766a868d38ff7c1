#include "coordinator/service/blob_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/net/channel.h"
#include "common/net/grpc_status.h"
#include "common/net/limits.h"
#include "common/storage/test_files.h"

namespace merganser {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  }
  return bytes;
}

class BlobServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    Serve({.max_transfers = 3, .max_partial_writes = 2});
  }
  void TearDown() override {
    server_->Shutdown();
    server_.reset();
    service_.reset();
    std::filesystem::remove_all(folder_.path());
  }

  void Serve(BlobServiceImpl::Options options, int64_t max_bytes = 64 << 20) {
    server_.reset();
    service_.reset();
    store_ =
        *BlobStore::Open({.directory = folder_.path(), .max_bytes = max_bytes});
    service_ = std::make_unique<BlobServiceImpl>(*store_, std::move(options));
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::BlobService::NewStub(
        CreateChannel(absl::StrCat("127.0.0.1:", port)));
  }

  struct ReadOutcome {
    absl::Status status;
    std::string bytes;
    int chunks = 0;
  };
  ReadOutcome Read(const std::string& digest, int64_t offset) {
    grpc::ClientContext context;
    v1::ReadBlobRequest request;
    request.set_digest(digest);
    request.set_offset(offset);
    const auto call = stub_->ReadBlob(&context, request);
    ReadOutcome outcome;
    v1::ReadBlobResponse response;
    while (call->Read(&response)) {
      const v1::BlobChunk& chunk = response.chunk();
      EXPECT_EQ(chunk.offset(),
                offset + static_cast<int64_t>(outcome.bytes.size()));
      EXPECT_LE(chunk.data().size(), size_t{kBlobChunkBytes});
      EXPECT_EQ(chunk.crc32(), Crc32(chunk.data()));
      outcome.bytes += chunk.data();
      ++outcome.chunks;
    }
    outcome.status = StatusFromGrpc(call->Finish());
    return outcome;
  }

  static v1::WriteBlobRequest Header(const Digest& digest, int64_t size_bytes,
                                     int64_t resume_offset = 0) {
    v1::WriteBlobRequest request;
    request.mutable_header()->set_digest(digest.ToBytes());
    request.mutable_header()->set_size_bytes(size_bytes);
    request.mutable_header()->set_resume_offset(resume_offset);
    return request;
  }
  static v1::WriteBlobRequest Chunk(int64_t offset, const std::string& data) {
    v1::WriteBlobRequest request;
    request.mutable_chunk()->set_offset(offset);
    request.mutable_chunk()->set_data(data);
    request.mutable_chunk()->set_crc32(Crc32(data));
    return request;
  }

  // One call of WriteBlob.
  struct Writing {
    explicit Writing(v1::BlobService::Stub& stub)
        : call(stub.WriteBlob(&context, &response)) {}
    absl::StatusOr<int64_t> Finish() {
      call->WritesDone();
      const absl::Status status = StatusFromGrpc(call->Finish());
      if (!status.ok()) return status;
      return response.committed_bytes();
    }

    grpc::ClientContext context;
    v1::WriteBlobResponse response;
    std::unique_ptr<grpc::ClientWriter<v1::WriteBlobRequest>> call;
  };
  absl::StatusOr<int64_t> Write(
      const std::vector<v1::WriteBlobRequest>& messages) {
    Writing writing(*stub_);
    for (const auto& message : messages) {
      if (!writing.call->Write(message)) break;
    }
    return writing.Finish();
  }

  absl::StatusOr<v1::StatBlobsResponse> Stat(
      const std::vector<std::string>& digests) {
    grpc::ClientContext context;
    v1::StatBlobsRequest request;
    for (const std::string& digest : digests) request.add_digests(digest);
    v1::StatBlobsResponse response;
    const absl::Status status =
        StatusFromGrpc(stub_->StatBlobs(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  int64_t Partial(const Digest& digest) {
    return Stat({digest.ToBytes()})->blobs(0).partial_bytes();
  }

  TestFile folder_{".blobs"};
  std::unique_ptr<BlobStore> store_;
  std::unique_ptr<BlobServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::BlobService::Stub> stub_;
};

TEST_F(BlobServiceTest, ReadsInChunksFromAnyOffset) {
  const std::string bytes = Pattern((5 << 20) + 3);
  const Digest digest = *store_->Put(bytes);
  for (const int64_t offset : {0, 1, 1 << 20, (5 << 20) + 3}) {
    const ReadOutcome outcome = Read(digest.ToBytes(), offset);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_TRUE(outcome.bytes == bytes.substr(offset)) << offset;
  }
  EXPECT_EQ(Read(digest.ToBytes(), 0).chunks, 6);
  const Digest nothing = *store_->Put("");
  const ReadOutcome outcome = Read(nothing.ToBytes(), 0);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.chunks, 1);
}

TEST_F(BlobServiceTest, TellsOfBlobsThatAreNotThere) {
  const Digest digest = Sha256("never stored");
  EXPECT_EQ(Read(digest.ToBytes(), 0).status.code(), StatusCode::kNotFound);
}

TEST_F(BlobServiceTest, TellsOfFilesThatAreDamagedAndNeverEndsThemWell) {
  std::string bytes = Pattern(3 << 20);
  const Digest digest = *store_->Put(bytes);
  bytes[5] = static_cast<char>(bytes[5] ^ 1);
  std::ofstream(folder_.path() + "/" + digest.ToHex(), std::ios::binary)
      << bytes;
  const ReadOutcome outcome = Read(digest.ToBytes(), 1 << 20);
  EXPECT_EQ(outcome.status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(outcome.chunks, 1) << "the last chunk stays";
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(Read(digest.ToBytes(), 0).status.code(), StatusCode::kNotFound);
}

TEST_F(BlobServiceTest, NamesTheFieldThatIsWrongInARead) {
  const Digest digest = *store_->Put("abc");
  for (const int64_t offset : {-1, 4}) {
    const absl::Status status = Read(digest.ToBytes(), offset).status;
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("offset: "));
  }
  const absl::Status status = Read("short", 0).status;
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("digest: "));
}

TEST_F(BlobServiceTest, StoresWhatIsWritten) {
  const std::string bytes = Pattern((1 << 20) + 7);
  const Digest digest = Sha256(bytes);
  EXPECT_EQ(
      *Write({Header(digest, (1 << 20) + 7), Chunk(0, bytes.substr(0, 1 << 20)),
              Chunk(1 << 20, bytes.substr(1 << 20))}),
      (1 << 20) + 7);
  EXPECT_TRUE(*store_->Read(digest) == bytes);
  EXPECT_EQ(*Write({Header(Sha256(""), 0)}), 0);
  EXPECT_TRUE(store_->Has(Sha256("")));
  EXPECT_EQ(store_->List().size(), 2u);
}

TEST_F(BlobServiceTest, AnswersAtOnceForABlobThatIsThere) {
  const Digest digest = *store_->Put("abc");
  EXPECT_EQ(*Write({Header(digest, 3)}), 3);
  EXPECT_EQ(store_->List().size(), 1u);
}

TEST_F(BlobServiceTest, NamesWhatIsWrongInAWrite) {
  const Digest abc = Sha256("abc");
  v1::WriteBlobRequest short_digest = Header(abc, 3);
  short_digest.mutable_header()->set_digest("short");
  v1::WriteBlobRequest damaged = Chunk(0, "abc");
  damaged.mutable_chunk()->set_crc32(1);
  const std::string large(size_t{kBlobChunkBytes} + 1, 'x');
  const struct {
    std::vector<v1::WriteBlobRequest> messages;
    StatusCode code;
    std::string message;
  } rows[] = {
      {{}, StatusCode::kInvalidArgument, "header: is missing"},
      {{Chunk(0, "abc")}, StatusCode::kInvalidArgument, "header: is missing"},
      {{short_digest}, StatusCode::kInvalidArgument, "header.digest: "},
      {{Header(abc, -1)}, StatusCode::kInvalidArgument, "header.size_bytes: "},
      {{Header(abc, 3, 1)}, StatusCode::kAborted, "header.resume_offset: "},
      {{Header(abc, 3), Header(abc, 3)},
       StatusCode::kInvalidArgument,
       "chunk: is missing"},
      {{Header(abc, 3), Chunk(1, "bc")},
       StatusCode::kInvalidArgument,
       "chunk.offset: is 1; expected 0"},
      {{Header(abc, 3), damaged}, StatusCode::kDataLoss, "chunk.crc32: "},
      {{Header(abc, 3), Chunk(0, "abcd")},
       StatusCode::kInvalidArgument,
       "chunk.data: "},
      {{Header(abc, 1 << 21), Chunk(0, large)},
       StatusCode::kInvalidArgument,
       "chunk.data: "},
      {{Header(abc, 3), Chunk(0, "abd")},
       StatusCode::kInvalidArgument,
       "header.digest: "},
      {{Header(abc, 3), Chunk(0, "ab")},
       StatusCode::kInvalidArgument,
       "ends after 2 of 3 bytes"},
      {{Header(abc, int64_t{1} << 40)},
       StatusCode::kResourceExhausted,
       "no room"},
  };
  for (const auto& row : rows) {
    const absl::Status status = Write(row.messages).status();
    EXPECT_EQ(status.code(), row.code) << row.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
  EXPECT_FALSE(store_->Has(abc));
  EXPECT_THAT(store_->List(), IsEmpty());
}

TEST_F(BlobServiceTest, ABrokenWriteIsResumed) {
  const std::string bytes = "0123456789";
  const Digest digest = Sha256(bytes);
  EXPECT_FALSE(Write({Header(digest, 10), Chunk(0, "0123")}).ok());
  EXPECT_EQ(Partial(digest), 4);
  EXPECT_EQ(Write({Header(digest, 10, 3)}).status().code(),
            StatusCode::kAborted);
  EXPECT_EQ(Write({Header(digest, 11, 4)}).status().code(),
            StatusCode::kAborted);
  v1::WriteBlobRequest damaged = Chunk(6, "678");
  damaged.mutable_chunk()->set_crc32(1);
  EXPECT_EQ(
      Write({Header(digest, 10, 4), Chunk(4, "45"), damaged}).status().code(),
      StatusCode::kDataLoss);
  EXPECT_EQ(Partial(digest), 6) << "what came before the damage is kept";
  EXPECT_EQ(*Write({Header(digest, 10, 6), Chunk(6, "6789")}), 10);
  EXPECT_EQ(*store_->Read(digest), bytes);
  EXPECT_EQ(Partial(digest), 0);
}

TEST_F(BlobServiceTest, ABrokenWriteCanBeginAgain) {
  const Digest digest = Sha256("abc");
  EXPECT_FALSE(Write({Header(digest, 3), Chunk(0, "xx")}).ok());
  EXPECT_EQ(*Write({Header(digest, 3), Chunk(0, "abc")}), 3);
  EXPECT_EQ(store_->total_bytes(), 3);
}

TEST_F(BlobServiceTest, KeepsSoManyBrokenWritesAndNoMore) {
  const std::string texts[] = {"abc", "def", "ghi"};
  for (const std::string& text : texts) {
    EXPECT_FALSE(Write({Header(Sha256(text), 3), Chunk(0, "x")}).ok());
  }
  EXPECT_EQ(Partial(Sha256("abc")), 0);
  EXPECT_EQ(Partial(Sha256("def")), 1);
  EXPECT_EQ(Partial(Sha256("ghi")), 1);
  EXPECT_EQ(store_->total_bytes(), 6);
}

TEST_F(BlobServiceTest, BrokenWritesMakeRoomForWholeOnes) {
  Serve({}, /*max_bytes=*/5);
  EXPECT_FALSE(Write({Header(Sha256("abc"), 3), Chunk(0, "a")}).ok());
  EXPECT_EQ(*Write({Header(Sha256("12345"), 5), Chunk(0, "12345")}), 5);
  EXPECT_EQ(Write({Header(Sha256("x"), 1)}).status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(BlobServiceTest, TwoWritersOfOneBlobBothSucceed) {
  const Digest digest = Sha256("abcdef");
  Writing first(*stub_);
  Writing second(*stub_);
  ASSERT_TRUE(first.call->Write(Header(digest, 6)));
  ASSERT_TRUE(second.call->Write(Header(digest, 6)));
  ASSERT_TRUE(first.call->Write(Chunk(0, "abc")));
  ASSERT_TRUE(second.call->Write(Chunk(0, "abc")));
  first.call->Write(Chunk(3, "def"));
  second.call->Write(Chunk(3, "def"));
  EXPECT_EQ(*first.Finish(), 6);
  EXPECT_EQ(*second.Finish(), 6);
  EXPECT_EQ(*store_->Read(digest), "abcdef");
  EXPECT_EQ(store_->total_bytes(), 6);
}

TEST_F(BlobServiceTest, TakesSoManyTransfersAndNoMore) {
  std::vector<std::unique_ptr<Writing>> writings;
  for (const char* text : {"abc", "def", "ghi"}) {
    writings.push_back(std::make_unique<Writing>(*stub_));
    ASSERT_TRUE(writings.back()->call->Write(Header(Sha256(text), 3)));
    ASSERT_TRUE(writings.back()->call->Write(Chunk(0, "x")));
  }
  const Digest digest = *store_->Put("here");
  // Their headers have come once there is room kept for all of them.
  while (store_->total_bytes() < 9 + 4) std::this_thread::yield();
  const absl::Status status = Read(digest.ToBytes(), 0).status;
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("all 3 transfers"));
  EXPECT_FALSE(writings.back()->Finish().ok());
  EXPECT_TRUE(Read(digest.ToBytes(), 0).status.ok());
}

TEST_F(BlobServiceTest, SaysWhichBlobsAreThere) {
  const Digest digest = *store_->Put("abc");
  const auto response = Stat({Sha256("x").ToBytes(), digest.ToBytes()});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->blobs(0).present());
  EXPECT_TRUE(response->blobs(1).present());
  EXPECT_EQ(response->blobs(1).size_bytes(), 3);
  const absl::Status status = Stat({digest.ToBytes(), "short"}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("digests[1]: "));
  std::vector<std::string> digests(1024, digest.ToBytes());
  EXPECT_TRUE(Stat(digests).ok());
  digests.push_back(digest.ToBytes());
  EXPECT_EQ(Stat(digests).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(BlobServiceTest, IsClosedWhileItIsNotAdmitted) {
  Serve({.admit = [] { return absl::UnavailableError("a standby"); }});
  const absl::Status standby = absl::UnavailableError("a standby");
  const Digest digest = *store_->Put("abc");
  EXPECT_EQ(Read(digest.ToBytes(), 0).status, standby);
  EXPECT_EQ(Write({Header(digest, 3)}).status(), standby);
  EXPECT_EQ(Stat({digest.ToBytes()}).status(), standby);
}

}  // namespace
}  // namespace merganser
