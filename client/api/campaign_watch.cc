#include "client/api/campaign_watch.h"

#include <chrono>

namespace merganser {
namespace {

constexpr std::chrono::milliseconds kInterruptionPoll(100);

}  // namespace

CampaignWatch::CampaignWatch(v1::CampaignService::Stub& stub,
                             const v1::WatchCampaignRequest& request,
                             const std::function<bool()>& interrupted)
    : interrupted_(interrupted),
      reader_(stub.PrepareAsyncWatchCampaign(&context_, request, &queue_)) {
  reader_->StartCall(nullptr);
  started_ = Await();
}

CampaignWatch::~CampaignWatch() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool CampaignWatch::Next(v1::WatchCampaignResponse& response) {
  if (!started_) return false;
  reader_->Read(&response, nullptr);
  return Await();
}

grpc::Status CampaignWatch::Finish() {
  grpc::Status status;
  reader_->Finish(&status, nullptr);
  Await();
  return status;
}

bool CampaignWatch::Await() {
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const auto outcome = queue_.AsyncNext(
        &tag, &ok, std::chrono::system_clock::now() + kInterruptionPoll);
    if (outcome == grpc::CompletionQueue::GOT_EVENT) return ok;
    if (outcome == grpc::CompletionQueue::SHUTDOWN) return false;
    if (interrupted_ && interrupted_()) context_.TryCancel();
  }
}

}  // namespace merganser
