// The RPCs of CampaignService.
#pragma once

#include "coordinator/service/gate.h"
#include "merganser/v1/campaign_service.grpc.pb.h"

namespace merganser {

// Validates, translates and delegates to CampaignRegistry and WorkerDesk;
// decides nothing.
// Threads: safe.
class CampaignServiceImpl final : public v1::CampaignService::CallbackService {
 public:
  // Borrows the gate.
  explicit CampaignServiceImpl(Gate& gate) : gate_(gate) {}

  grpc::ServerUnaryReactor* CreateCampaign(
      grpc::CallbackServerContext* context,
      const v1::CreateCampaignRequest* request,
      v1::CreateCampaignResponse* response) override;
  grpc::ServerUnaryReactor* GetCampaign(
      grpc::CallbackServerContext* context,
      const v1::GetCampaignRequest* request,
      v1::GetCampaignResponse* response) override;
  grpc::ServerUnaryReactor* ListCampaigns(
      grpc::CallbackServerContext* context,
      const v1::ListCampaignsRequest* request,
      v1::ListCampaignsResponse* response) override;
  grpc::ServerUnaryReactor* PauseCampaign(
      grpc::CallbackServerContext* context,
      const v1::PauseCampaignRequest* request,
      v1::PauseCampaignResponse* response) override;
  grpc::ServerUnaryReactor* ResumeCampaign(
      grpc::CallbackServerContext* context,
      const v1::ResumeCampaignRequest* request,
      v1::ResumeCampaignResponse* response) override;
  grpc::ServerUnaryReactor* CancelCampaign(
      grpc::CallbackServerContext* context,
      const v1::CancelCampaignRequest* request,
      v1::CancelCampaignResponse* response) override;
  grpc::ServerUnaryReactor* DeleteCampaign(
      grpc::CallbackServerContext* context,
      const v1::DeleteCampaignRequest* request,
      v1::DeleteCampaignResponse* response) override;
  grpc::ServerUnaryReactor* ExtendBudget(
      grpc::CallbackServerContext* context,
      const v1::ExtendBudgetRequest* request,
      v1::ExtendBudgetResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchCampaignResponse>* WatchCampaign(
      grpc::CallbackServerContext* context,
      const v1::WatchCampaignRequest* request) override;
  grpc::ServerUnaryReactor* GetCurve(grpc::CallbackServerContext* context,
                                     const v1::GetCurveRequest* request,
                                     v1::GetCurveResponse* response) override;
  grpc::ServerUnaryReactor* ListCandidates(
      grpc::CallbackServerContext* context,
      const v1::ListCandidatesRequest* request,
      v1::ListCandidatesResponse* response) override;
  grpc::ServerUnaryReactor* GetLineage(
      grpc::CallbackServerContext* context,
      const v1::GetLineageRequest* request,
      v1::GetLineageResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportCampaignResponse>* ExportCampaign(
      grpc::CallbackServerContext* context,
      const v1::ExportCampaignRequest* request) override;
  grpc::ServerWriteReactor<v1::DumpCampaignResponse>* DumpCampaign(
      grpc::CallbackServerContext* context,
      const v1::DumpCampaignRequest* request) override;
  grpc::ServerUnaryReactor* ListWorkers(
      grpc::CallbackServerContext* context,
      const v1::ListWorkersRequest* request,
      v1::ListWorkersResponse* response) override;

 private:
  Gate& gate_;
};

// The campaign as clients see it: with revision and conditions.
v1::Campaign Present(Core& core, const CampaignEntry& entry);

}  // namespace merganser
