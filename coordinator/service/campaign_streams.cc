// CampaignService: the calls that stream.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/records.h"
#include "coordinator/service/campaign_service.h"
#include "coordinator/service/stored_json.h"
#include "coordinator/service/stream.h"

namespace merganser {
namespace {

constexpr int kDefaultWatchMs = 500;
constexpr int kShortestWatchMs = 50;
constexpr int kLongestWatchMs = 60'000;
constexpr size_t kGramPiece = size_t{1} << 20;
constexpr int64_t kLogPage = 1000;

// ---- WatchCampaign

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(Gate& gate, const v1::WatchCampaignRequest& request)
      : gate_(gate),
        name_(request.name()),
        interval_(absl::Milliseconds(request.interval_ms() == 0
                                         ? kDefaultWatchMs
                                         : std::clamp(request.interval_ms(),
                                                      kShortestWatchMs,
                                                      kLongestWatchMs))),
        sent_revision_(request.after_revision()),
        stream_(Stream<v1::WatchCampaignResponse>::Create()) {}

  Stream<v1::WatchCampaignResponse>* reactor() { return stream_.get(); }

  void Look() {
    const absl::Status posted = gate_.Post(
        [self = shared_from_this()](Core& core) { self->LookOnLoop(core); });
    if (!posted.ok()) stream_->End(posted);
  }

 private:
  void LookOnLoop(Core& core) {
    if (stream_->ended()) return;
    const absl::StatusOr<CampaignEntry*> entry = core.registry().Find(name_);
    if (!entry.ok()) return stream_->End(entry.status());
    if (uid_.empty()) uid_ = (*entry)->runner->uid();
    if (uid_ != (*entry)->runner->uid()) {
      return stream_->End(absl::NotFoundError(
          absl::StrCat("campaign \"", name_, "\" was deleted")));
    }
    v1::WatchCampaignResponse response;
    std::string conditions;
    for (const std::string& condition : core.desk().Conditions(**entry)) {
      absl::StrAppend(&conditions, condition, "\n");
    }
    const bool ended = (*entry)->runner->ended() &&
                       !(*entry)->runner->dirty() && !(*entry)->committing;
    if ((*entry)->revision <= sent_revision_ && conditions == conditions_ &&
        !ended) {
      return LookLater(core);
    }
    sent_revision_ = (*entry)->revision;
    conditions_ = std::move(conditions);
    *response.mutable_campaign() = Present(core, **entry);
    stream_->Send(std::move(response), [self = shared_from_this(), ended] {
      if (ended) return self->stream_->End(absl::OkStatus());
      const absl::Status posted =
          self->gate_.Post([self](Core& core) { self->LookLater(core); });
      if (!posted.ok()) self->stream_->End(posted);
    });
  }

  void LookLater(Core& core) {
    core.loop().PostAfter(interval_, [self = shared_from_this(), &core] {
      self->LookOnLoop(core);
    });
  }

  Gate& gate_;
  const std::string name_;
  const absl::Duration interval_;
  std::string uid_;
  int64_t sent_revision_;
  std::string conditions_;
  std::shared_ptr<Stream<v1::WatchCampaignResponse>> stream_;
};

// ---- ExportCampaign

class Export : public std::enable_shared_from_this<Export> {
 public:
  Export(Gate& gate, const v1::ExportCampaignRequest& request)
      : gate_(gate),
        request_(request),
        stream_(Stream<v1::ExportCampaignResponse>::Create()) {}

  Stream<v1::ExportCampaignResponse>* reactor() { return stream_.get(); }

  void Start() {
    const absl::Status posted = gate_.Post(
        [self = shared_from_this()](Core& core) { self->Prepare(core); });
    if (!posted.ok()) stream_->End(posted);
  }

 private:
  void Prepare(Core& core) {
    const absl::StatusOr<CampaignEntry*> entry =
        core.registry().Find(request_.name());
    if (!entry.ok()) return stream_->End(entry.status());
    absl::StatusOr<v1::ExportHeader> header =
        (*entry)->runner->MakeExportHeader();
    if (!header.ok()) return stream_->End(header.status());
    header->mutable_campaign()->set_revision((*entry)->revision);
    gram_ = (*entry)->runner->gram_bytes();
    log_length_ = request_.without_log() ? 0 : (*entry)->runner->applied();
    v1::ExportCampaignResponse response;
    *response.mutable_header() = *std::move(header);
    // The log in the store must reach as far as the header says.
    core.registry().WhenStored(**entry, [self = shared_from_this(), response] {
      self->Send(response);
    });
  }

  void Send(v1::ExportCampaignResponse response) {
    stream_->Send(std::move(response), [self = shared_from_this()] {
      const absl::Status posted = self->gate_.Post([self](Core& core) {
        core.pool().Post([self, &store = core.store()] { self->Next(store); });
      });
      if (!posted.ok()) self->stream_->End(posted);
    });
  }

  // Runs on the pool: it reads the store.
  void Next(CampaignStore& store) {
    v1::ExportCampaignResponse response;
    if (gram_sent_ < gram_.size()) {
      const size_t size = std::min(kGramPiece, gram_.size() - gram_sent_);
      response.set_gram(gram_.substr(gram_sent_, size));
      gram_sent_ += size;
      return Send(std::move(response));
    }
    if (log_sent_ >= log_length_) return stream_->End(absl::OkStatus());
    const absl::StatusOr<std::vector<std::string>> page =
        store.ReadList(request_.name(), ListCollection::kLog, log_sent_,
                       std::min(kLogPage, log_length_ - log_sent_));
    if (!page.ok()) return stream_->End(page.status());
    if (page->empty()) {
      return stream_->End(absl::DataLossError(absl::StrCat(
          "the log of ", request_.name(), " ends at entry ", log_sent_)));
    }
    for (const std::string& bytes : *page) {
      if (!response.mutable_log()->add_entries()->ParseFromString(bytes)) {
        return stream_->End(absl::DataLossError("a log entry is unreadable"));
      }
    }
    log_sent_ += static_cast<int64_t>(page->size());
    Send(std::move(response));
  }

  Gate& gate_;
  const v1::ExportCampaignRequest request_;
  std::shared_ptr<Stream<v1::ExportCampaignResponse>> stream_;
  std::string gram_;
  size_t gram_sent_ = 0;
  int64_t log_length_ = 0;
  int64_t log_sent_ = 0;
};

// ---- DumpCampaign

class DumpStream : public std::enable_shared_from_this<DumpStream> {
 public:
  DumpStream(Gate& gate, std::string name)
      : gate_(gate),
        name_(std::move(name)),
        stream_(Stream<v1::DumpCampaignResponse>::Create()) {}

  Stream<v1::DumpCampaignResponse>* reactor() { return stream_.get(); }

  void Start() {
    const absl::Status posted =
        gate_.Post([self = shared_from_this()](Core& core) {
          core.pool().Post([self, &store = core.store()] {
            absl::StatusOr<std::vector<v1::DumpCampaignResponse>> lines =
                DumpAsJson(store, self->name_);
            if (!lines.ok()) return self->stream_->End(lines.status());
            self->lines_ = *std::move(lines);
            self->Next();
          });
        });
    if (!posted.ok()) stream_->End(posted);
  }

 private:
  void Next() {
    if (sent_ == lines_.size()) return stream_->End(absl::OkStatus());
    stream_->Send(std::move(lines_[sent_++]),
                  [self = shared_from_this()] { self->Next(); });
  }

  Gate& gate_;
  const std::string name_;
  std::shared_ptr<Stream<v1::DumpCampaignResponse>> stream_;
  std::vector<v1::DumpCampaignResponse> lines_;
  size_t sent_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchCampaignResponse>*
CampaignServiceImpl::WatchCampaign(grpc::CallbackServerContext*,
                                   const v1::WatchCampaignRequest* request) {
  auto watch = std::make_shared<Watch>(gate_, *request);
  auto* reactor = watch->reactor();
  watch->Look();
  return reactor;
}

grpc::ServerWriteReactor<v1::ExportCampaignResponse>*
CampaignServiceImpl::ExportCampaign(grpc::CallbackServerContext*,
                                    const v1::ExportCampaignRequest* request) {
  auto export_stream = std::make_shared<Export>(gate_, *request);
  auto* reactor = export_stream->reactor();
  export_stream->Start();
  return reactor;
}

grpc::ServerWriteReactor<v1::DumpCampaignResponse>*
CampaignServiceImpl::DumpCampaign(grpc::CallbackServerContext*,
                                  const v1::DumpCampaignRequest* request) {
  auto dump = std::make_shared<DumpStream>(gate_, request->name());
  auto* reactor = dump->reactor();
  dump->Start();
  return reactor;
}

}  // namespace merganser
