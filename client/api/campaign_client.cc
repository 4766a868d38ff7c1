#include "client/api/campaign_client.h"

#include <grpcpp/client_context.h>

#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/api/friendly_status.h"
#include "common/base/status_macros.h"
#include "common/net/channel.h"

namespace merganser {
namespace {

constexpr int kPageSize = 1000;

}  // namespace

// One unary call: its answer, or the error as a person should see it.
template <typename Response, typename Request, typename Method>
absl::StatusOr<Response> CampaignClient::Call(Method method,
                                              const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(options_.deadline));
  Response response;
  const grpc::Status status =
      (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

absl::StatusOr<std::unique_ptr<CampaignClient>> CampaignClient::Create(
    const std::string& address, const Options& options) {
  if (!IsAddress(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--coordinator: expected HOST:PORT, as in "
                     "localhost:50051; got \"",
                     address, "\""));
  }
  return std::make_unique<CampaignClient>(CreateChannel(address), address,
                                          options);
}

CampaignClient::CampaignClient(const std::shared_ptr<grpc::Channel>& channel,
                               std::string address, const Options& options)
    : address_(std::move(address)),
      options_(options),
      channel_(channel),
      stub_(v1::CampaignService::NewStub(channel)) {}

absl::StatusOr<v1::Campaign> CampaignClient::CreateCampaign(
    const v1::CampaignSpec& spec, const std::string& request_id) {
  v1::CreateCampaignRequest request;
  request.set_request_id(request_id);
  *request.mutable_spec() = spec;
  ASSIGN_OR_RETURN(auto response, Call<v1::CreateCampaignResponse>(
                                      &Stub::CreateCampaign, request));
  return std::move(*response.mutable_campaign());
}

absl::StatusOr<v1::Campaign> CampaignClient::GetCampaign(
    const std::string& name) {
  v1::GetCampaignRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(auto response,
                   Call<v1::GetCampaignResponse>(&Stub::GetCampaign, request));
  return std::move(*response.mutable_campaign());
}

absl::StatusOr<std::vector<v1::Campaign>> CampaignClient::ListCampaigns() {
  std::vector<v1::Campaign> campaigns;
  v1::ListCampaignsRequest request;
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(auto page, Call<v1::ListCampaignsResponse>(
                                    &Stub::ListCampaigns, request));
    for (v1::Campaign& campaign : *page.mutable_campaigns()) {
      campaigns.push_back(std::move(campaign));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return campaigns;
}

absl::StatusOr<v1::Campaign> CampaignClient::PauseCampaign(
    const std::string& name) {
  v1::PauseCampaignRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(auto response, Call<v1::PauseCampaignResponse>(
                                      &Stub::PauseCampaign, request));
  return std::move(*response.mutable_campaign());
}

absl::StatusOr<v1::Campaign> CampaignClient::ResumeCampaign(
    const std::string& name) {
  v1::ResumeCampaignRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(auto response, Call<v1::ResumeCampaignResponse>(
                                      &Stub::ResumeCampaign, request));
  return std::move(*response.mutable_campaign());
}

absl::StatusOr<v1::Campaign> CampaignClient::CancelCampaign(
    const std::string& name) {
  v1::CancelCampaignRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(auto response, Call<v1::CancelCampaignResponse>(
                                      &Stub::CancelCampaign, request));
  return std::move(*response.mutable_campaign());
}

absl::Status CampaignClient::DeleteCampaign(const std::string& name) {
  v1::DeleteCampaignRequest request;
  request.set_name(name);
  return Call<v1::DeleteCampaignResponse>(&Stub::DeleteCampaign, request)
      .status();
}

absl::StatusOr<v1::Campaign> CampaignClient::ExtendBudget(
    const std::string& name, int64_t evaluations) {
  v1::ExtendBudgetRequest request;
  request.set_name(name);
  request.set_evaluations(evaluations);
  ASSIGN_OR_RETURN(auto response, Call<v1::ExtendBudgetResponse>(
                                      &Stub::ExtendBudget, request));
  return std::move(*response.mutable_campaign());
}

absl::StatusOr<std::vector<v1::CurvePoint>> CampaignClient::GetCurve(
    const std::string& name) {
  v1::GetCurveRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const auto response,
                   Call<v1::GetCurveResponse>(&Stub::GetCurve, request));
  return std::vector<v1::CurvePoint>(response.points().begin(),
                                     response.points().end());
}

absl::StatusOr<std::vector<v1::Candidate>> CampaignClient::ListCandidates(
    const std::string& name, bool all_accepted) {
  std::vector<v1::Candidate> candidates;
  v1::ListCandidatesRequest request;
  request.set_name(name);
  request.set_all_accepted(all_accepted);
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(auto page, Call<v1::ListCandidatesResponse>(
                                    &Stub::ListCandidates, request));
    for (v1::Candidate& candidate : *page.mutable_candidates()) {
      candidates.push_back(std::move(candidate));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return candidates;
}

absl::StatusOr<std::vector<v1::Candidate>> CampaignClient::GetLineage(
    const std::string& name, std::optional<int64_t> candidate) {
  v1::GetLineageRequest request;
  request.set_name(name);
  if (candidate.has_value()) request.set_candidate(*candidate);
  ASSIGN_OR_RETURN(const auto response,
                   Call<v1::GetLineageResponse>(&Stub::GetLineage, request));
  return std::vector<v1::Candidate>(response.candidates().begin(),
                                    response.candidates().end());
}

absl::StatusOr<std::vector<v1::Worker>> CampaignClient::ListWorkers() {
  ASSIGN_OR_RETURN(const auto response,
                   Call<v1::ListWorkersResponse>(&Stub::ListWorkers,
                                                 v1::ListWorkersRequest()));
  return std::vector<v1::Worker>(response.workers().begin(),
                                 response.workers().end());
}

absl::Status CampaignClient::Export(
    const std::string& name, bool without_log,
    absl::FunctionRef<absl::Status(v1::ExportCampaignResponse&)> part) {
  grpc::ClientContext context;
  v1::ExportCampaignRequest request;
  request.set_name(name);
  request.set_without_log(without_log);
  const auto reader = stub_->ExportCampaign(&context, request);
  v1::ExportCampaignResponse response;
  absl::Status failed;
  while (failed.ok() && reader->Read(&response)) failed = part(response);
  if (!failed.ok()) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return failed.ok() ? FromGrpc(status) : failed;
}

absl::StatusOr<v1::ExportHeader> CampaignClient::GetExportHeader(
    const std::string& name) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(options_.deadline));
  v1::ExportCampaignRequest request;
  request.set_name(name);
  request.set_without_log(true);
  const auto reader = stub_->ExportCampaign(&context, request);
  v1::ExportCampaignResponse response;
  const bool has_answer = reader->Read(&response);
  if (has_answer && response.has_header()) {
    context.TryCancel();  // what follows is not wanted
    reader->Finish();
    return std::move(*response.mutable_header());
  }
  if (has_answer) context.TryCancel();
  RETURN_IF_ERROR(FromGrpc(reader->Finish()));
  return absl::DataLossError("the export does not begin with its header");
}

absl::Status CampaignClient::Dump(
    const std::string& name,
    absl::FunctionRef<void(const v1::DumpCampaignResponse&)> entry) {
  grpc::ClientContext context;
  v1::DumpCampaignRequest request;
  request.set_name(name);
  const auto reader = stub_->DumpCampaign(&context, request);
  v1::DumpCampaignResponse response;
  while (reader->Read(&response)) entry(response);
  return FromGrpc(reader->Finish());
}

absl::Status CampaignClient::FromGrpc(const grpc::Status& status) const {
  // An answer that came over a connection is the coordinator's own.
  const bool answered =
      channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
  return FriendlyStatus(status, address_, answered);
}

std::string NewRequestId() {
  std::random_device random;
  std::string id;
  for (int word = 0; word < 4; ++word) {
    absl::StrAppendFormat(&id, "%08x", static_cast<uint32_t>(random()));
  }
  return id;
}

}  // namespace merganser
