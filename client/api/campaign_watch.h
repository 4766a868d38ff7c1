// A server stream that is read with one eye on an interruption.
// A part of campaign_client.h.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>

#include "merganser/v1/campaign_service.grpc.pb.h"

namespace merganser {

// One WatchCampaign call.
// Threads: none; one object belongs to one thread.
class CampaignWatch {
 public:
  // Starts the call. `interrupted`, which may be empty, is asked several times
  // a second while Next() waits.
  CampaignWatch(v1::CampaignService::Stub& stub,
                const v1::WatchCampaignRequest& request,
                const std::function<bool()>& interrupted);
  // Ends the call.
  ~CampaignWatch();
  CampaignWatch(const CampaignWatch&) = delete;
  CampaignWatch& operator=(const CampaignWatch&) = delete;

  // Waits for the next message; false when there will be none.
  bool Next(v1::WatchCampaignResponse& response);
  // Once Next() has returned false: why there is no more.
  grpc::Status Finish();

 private:
  // Waits for the operation under way; false if it failed.
  bool Await();

  const std::function<bool()>& interrupted_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  bool started_ = false;
  std::unique_ptr<grpc::ClientAsyncReader<v1::WatchCampaignResponse>> reader_;
};

}  // namespace merganser
