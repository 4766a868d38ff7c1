// A coordinator for tests of the client: it keeps campaigns in memory and does
// with them what it is told.
#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "merganser/v1/campaign_service.grpc.pb.h"

namespace merganser {

// Listens on a unix socket in the tests' directory.
// Threads: safe.
class FakeCoordinator : public v1::CampaignService::Service {
 public:
  FakeCoordinator();
  ~FakeCoordinator() override;

  // "unix:/…".
  const std::string& address() const { return address_; }
  void Start();
  // Breaks all calls and stops listening.
  void Stop();

  // Adds or replaces a campaign; its revision grows by one.
  void Put(v1::Campaign campaign);
  // Replaces what keeps a campaign from advancing; its revision stays.
  void SetCondition(const std::string& name, const std::string& condition);
  // Ends all streams that are open with Unavailable.
  void BreakStreams();
  // Every call fails with `status` from now on.
  void FailWith(const grpc::Status& status);
  // Called when a stream has begun to wait.
  void OnWatch(std::function<void()> action);
  void SetWorkers(const std::vector<v1::Worker>& workers);
  void SetCandidates(const std::vector<v1::Candidate>& candidates);

  // The last CreateCampaign, and after_revision of each WatchCampaign.
  v1::CreateCampaignRequest created() const;
  std::vector<int64_t> watched() const;

  // The service; lists have pages of two.
  grpc::Status CreateCampaign(grpc::ServerContext*,
                              const v1::CreateCampaignRequest* request,
                              v1::CreateCampaignResponse* response) override;
  grpc::Status GetCampaign(grpc::ServerContext*,
                           const v1::GetCampaignRequest* request,
                           v1::GetCampaignResponse* response) override;
  grpc::Status ListCampaigns(grpc::ServerContext*,
                             const v1::ListCampaignsRequest* request,
                             v1::ListCampaignsResponse* response) override;
  grpc::Status PauseCampaign(grpc::ServerContext*,
                             const v1::PauseCampaignRequest* request,
                             v1::PauseCampaignResponse* response) override;
  grpc::Status ResumeCampaign(grpc::ServerContext*,
                              const v1::ResumeCampaignRequest* request,
                              v1::ResumeCampaignResponse* response) override;
  grpc::Status CancelCampaign(grpc::ServerContext*,
                              const v1::CancelCampaignRequest* request,
                              v1::CancelCampaignResponse* response) override;
  grpc::Status DeleteCampaign(grpc::ServerContext*,
                              const v1::DeleteCampaignRequest* request,
                              v1::DeleteCampaignResponse* response) override;
  grpc::Status ExtendBudget(grpc::ServerContext*,
                            const v1::ExtendBudgetRequest* request,
                            v1::ExtendBudgetResponse* response) override;
  grpc::Status WatchCampaign(
      grpc::ServerContext* context, const v1::WatchCampaignRequest* request,
      grpc::ServerWriter<v1::WatchCampaignResponse>* writer) override;
  grpc::Status ListCandidates(grpc::ServerContext*,
                              const v1::ListCandidatesRequest* request,
                              v1::ListCandidatesResponse* response) override;
  grpc::Status GetLineage(grpc::ServerContext*,
                          const v1::GetLineageRequest* request,
                          v1::GetLineageResponse* response) override;
  grpc::Status ExportCampaign(
      grpc::ServerContext*, const v1::ExportCampaignRequest* request,
      grpc::ServerWriter<v1::ExportCampaignResponse>* writer) override;
  grpc::Status DumpCampaign(
      grpc::ServerContext*, const v1::DumpCampaignRequest* request,
      grpc::ServerWriter<v1::DumpCampaignResponse>* writer) override;
  grpc::Status ListWorkers(grpc::ServerContext*,
                           const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;

 private:
  // Copies the campaign, after `change` if it is not empty.
  grpc::Status Find(const std::string& name, v1::Campaign* campaign,
                    const std::function<void(v1::Campaign&)>& change = {});

  std::string address_;
  std::unique_ptr<grpc::Server> server_;
  mutable absl::Mutex mutex_;
  std::map<std::string, v1::Campaign> campaigns_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Worker> workers_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Candidate> candidates_ ABSL_GUARDED_BY(mutex_);
  int64_t break_count_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_watch_ ABSL_GUARDED_BY(mutex_);
  v1::CreateCampaignRequest created_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> watched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
