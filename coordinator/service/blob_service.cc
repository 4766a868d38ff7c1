#include "coordinator/service/blob_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/net/grpc_status.h"
#include "common/net/limits.h"
#include "coordinator/service/blob_transfers.h"
#include "coordinator/service/stream.h"

namespace merganser {
namespace {

constexpr int kMaximumDigests = 1024;

absl::StatusOr<Digest> ParseDigest(const std::string& field,
                                   const std::string& bytes) {
  absl::StatusOr<Digest> digest = Digest::FromBytes(bytes);
  if (!digest.ok()) return Annotate(digest.status(), field);
  return digest;
}

// What a call needs of the service.
struct Environment {
  BlobStore& store;
  BlobTransfers& transfers;
  TaskPool& pool;
  const BlobServiceImpl::Options& options;
};

// ---- ReadBlob

class BlobRead : public std::enable_shared_from_this<BlobRead> {
 public:
  BlobRead(Environment environment, const v1::ReadBlobRequest& request)
      : environment_(environment),
        request_(request),
        stream_(Stream<v1::ReadBlobResponse>::Create()) {}

  Stream<v1::ReadBlobResponse>* reactor() { return stream_.get(); }

  void Start() {
    const absl::Status admitted = Admit();
    if (!admitted.ok()) return End(admitted);
    environment_.pool.Post([self = shared_from_this()] { self->Open(); });
  }

 private:
  absl::Status Admit() {
    RETURN_IF_ERROR(environment_.options.admit());
    ASSIGN_OR_RETURN(digest_, ParseDigest("digest", request_.digest()));
    ASSIGN_OR_RETURN(slot_, environment_.transfers.TakeSlot());
    return absl::OkStatus();
  }

  void Open() {
    auto reader = environment_.store.StartRead(digest_, request_.offset());
    if (!reader.ok()) return Fail(reader.status());
    reader_ = *std::move(reader);
    SendNext();
  }

  void SendNext() {
    if (stream_->ended()) return;
    v1::ReadBlobResponse response;
    response.set_size_bytes(reader_->size_bytes());
    v1::BlobChunk& chunk = *response.mutable_chunk();
    chunk.set_offset(reader_->offset());
    absl::StatusOr<std::string> piece = reader_->Next(kBlobChunkBytes);
    if (!piece.ok()) return Fail(piece.status());
    chunk.set_crc32(Crc32(*piece));
    chunk.set_data(*std::move(piece));
    stream_->Send(std::move(response), [self = shared_from_this()] {
      if (self->reader_->offset() == self->reader_->size_bytes()) {
        return self->End(absl::OkStatus());
      }
      self->environment_.pool.Post([self] { self->SendNext(); });
    });
  }

  void Fail(const absl::Status& status) {
    End(absl::IsOutOfRange(status) ? absl::InvalidArgumentError(absl::StrCat(
                                         "offset: ", status.message()))
                                   : status);
  }

  void End(const absl::Status& status) {
    slot_.reset();  // before the answer: who has it may begin the next one
    stream_->End(status);
  }

  const Environment environment_;
  const v1::ReadBlobRequest request_;
  const std::shared_ptr<Stream<v1::ReadBlobResponse>> stream_;
  Digest digest_;
  BlobTransfers::Slot slot_;
  std::unique_ptr<BlobStore::Reader> reader_;
};

// ---- WriteBlob

// One message is read, dealt with on the pool, and only then the next one
// read: so nothing here is touched by two threads at once.
class BlobWrite final : public grpc::ServerReadReactor<v1::WriteBlobRequest> {
 public:
  static BlobWrite* Start(Environment environment,
                          v1::WriteBlobResponse* response) {
    std::shared_ptr<BlobWrite> write(new BlobWrite(environment, response));
    write->self_ = write;
    write->Begin();
    return write.get();
  }

  void OnReadDone(bool ok) override {
    environment_.pool.Post(
        [self = self_, ok] { ok ? self->OnMessage() : self->OnEnd(); });
  }

  void OnDone() override {
    const std::shared_ptr<BlobWrite> self = std::move(self_);
  }

 private:
  BlobWrite(Environment environment, v1::WriteBlobResponse* response)
      : environment_(environment), response_(response) {}

  void Begin() {
    absl::Status status = environment_.options.admit();
    if (status.ok()) {
      absl::StatusOr<BlobTransfers::Slot> slot =
          environment_.transfers.TakeSlot();
      status = slot.status();
      if (slot.ok()) slot_ = *std::move(slot);
    }
    if (!status.ok()) return End(status);
    StartRead(&request_);
  }

  void OnMessage() {
    const absl::Status status = writer_ == nullptr ? TakeHeader() : TakeChunk();
    if (!status.ok() || complete_) return End(status);
    StartRead(&request_);
  }

  // The client has ended its stream, or is gone.
  void OnEnd() {
    End(absl::InvalidArgumentError(
        writer_ == nullptr ? "header: is missing"
                           : absl::StrCat("chunk: the call ends after ",
                                          writer_->written_bytes(), " of ",
                                          writer_->size_bytes(), " bytes")));
  }

  absl::Status TakeHeader() {
    if (!request_.has_header()) {
      return absl::InvalidArgumentError("header: is missing");
    }
    const v1::WriteBlobHeader& header = request_.header();
    ASSIGN_OR_RETURN(digest_, ParseDigest("header.digest", header.digest()));
    const absl::StatusOr<int64_t> present = environment_.store.Size(digest_);
    if (present.ok()) {
      response_->set_committed_bytes(*present);
      complete_ = true;
      return absl::OkStatus();
    }
    if (header.size_bytes() < 0) {
      return absl::InvalidArgumentError(absl::StrCat("header.size_bytes: is ",
                                                     header.size_bytes(),
                                                     "; expected at least 0"));
    }
    ASSIGN_OR_RETURN(writer_,
                     environment_.transfers.Begin(digest_, header.size_bytes(),
                                                  header.resume_offset()));
    return FinishIfWhole();
  }

  absl::Status TakeChunk() {
    if (!request_.has_chunk()) {
      return absl::InvalidArgumentError("chunk: is missing");
    }
    const v1::BlobChunk& chunk = request_.chunk();
    if (chunk.offset() != writer_->written_bytes()) {
      return absl::InvalidArgumentError(
          absl::StrCat("chunk.offset: is ", chunk.offset(), "; expected ",
                       writer_->written_bytes()));
    }
    if (chunk.data().size() > size_t{kBlobChunkBytes}) {
      return absl::InvalidArgumentError(
          absl::StrCat("chunk.data: has ", chunk.data().size(),
                       " bytes; at most ", kBlobChunkBytes, " are taken"));
    }
    if (chunk.crc32() != Crc32(chunk.data())) {
      return absl::DataLossError(absl::StrCat(
          "chunk.crc32: is not that of the data at offset ", chunk.offset()));
    }
    const absl::Status appended = writer_->Append(chunk.data());
    if (!appended.ok()) {
      writer_.reset();  // its file may end in the middle of the chunk
      return Annotate(appended, "chunk.data");
    }
    return FinishIfWhole();
  }

  absl::Status FinishIfWhole() {
    if (writer_->written_bytes() < writer_->size_bytes()) {
      return absl::OkStatus();
    }
    const int64_t size_bytes = writer_->size_bytes();
    const absl::Status finished = writer_->Finish();
    writer_.reset();
    RETURN_IF_ERROR(Annotate(finished, "header.digest"));
    response_->set_committed_bytes(size_bytes);
    complete_ = true;
    return absl::OkStatus();
  }

  void End(const absl::Status& status) {
    // Before the answer: who is told of a failure may resume at once.
    if (writer_ != nullptr) {
      environment_.transfers.Keep(digest_, std::move(writer_));
    }
    slot_.reset();
    Finish(GrpcFromStatus(status));
  }

  const Environment environment_;
  v1::WriteBlobResponse* const response_;
  v1::WriteBlobRequest request_;
  Digest digest_;
  BlobTransfers::Slot slot_;
  BlobTransfers::Writer writer_;
  bool complete_ = false;
  // Until gRPC is done; set before gRPC knows the reactor, taken by OnDone.
  std::shared_ptr<BlobWrite> self_;
};

}  // namespace

BlobServiceImpl::BlobServiceImpl(BlobStore& store, Options options)
    : options_(std::move(options)),
      store_(store),
      transfers_(std::make_unique<BlobTransfers>(store, options_.max_transfers,
                                                 options_.max_partial_writes)),
      pool_(options_.threads) {}

BlobServiceImpl::~BlobServiceImpl() = default;

grpc::ServerUnaryReactor* BlobServiceImpl::StatBlobs(
    grpc::CallbackServerContext* context, const v1::StatBlobsRequest* request,
    v1::StatBlobsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto stat = [&]() -> absl::Status {
    RETURN_IF_ERROR(options_.admit());
    if (request->digests_size() > kMaximumDigests) {
      return absl::InvalidArgumentError(
          absl::StrCat("digests: ", request->digests_size(), "; at most ",
                       kMaximumDigests, " are taken"));
    }
    for (int i = 0; i < request->digests_size(); ++i) {
      ASSIGN_OR_RETURN(
          const Digest digest,
          ParseDigest(absl::StrCat("digests[", i, "]"), request->digests(i)));
      v1::BlobState& state = *response->add_blobs();
      const absl::StatusOr<int64_t> size_bytes = store_.Size(digest);
      state.set_present(size_bytes.ok());
      state.set_size_bytes(size_bytes.value_or(0));
      state.set_partial_bytes(transfers_->PartialBytes(digest));
    }
    return absl::OkStatus();
  };
  reactor->Finish(GrpcFromStatus(stat()));
  return reactor;
}

grpc::ServerWriteReactor<v1::ReadBlobResponse>* BlobServiceImpl::ReadBlob(
    grpc::CallbackServerContext*, const v1::ReadBlobRequest* request) {
  auto read = std::make_shared<BlobRead>(
      Environment{store_, *transfers_, pool_, options_}, *request);
  auto* reactor = read->reactor();
  read->Start();
  return reactor;
}

grpc::ServerReadReactor<v1::WriteBlobRequest>* BlobServiceImpl::WriteBlob(
    grpc::CallbackServerContext*, v1::WriteBlobResponse* response) {
  return BlobWrite::Start({store_, *transfers_, pool_, options_}, response);
}

}  // namespace merganser
