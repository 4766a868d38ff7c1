#include "client/api/fake_coordinator.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/api/campaign_state.h"

namespace merganser {
namespace {

constexpr int kPageSize = 2;

grpc::Status NotFound(const std::string& name) {
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("campaign ", name, " does not exist")};
}

// Entries token … token+1 of a list; the token of the next page.
template <typename List, typename Field>
std::string Page(const List& list, const std::string& token, Field* field) {
  size_t begin = 0;
  if (!token.empty() && !absl::SimpleAtoi(token, &begin)) abort();
  for (size_t i = begin; i < list.size() && i < begin + kPageSize; ++i) {
    *field->Add() = list[i];
  }
  const size_t end = begin + kPageSize;
  return end < list.size() ? absl::StrCat(end) : "";
}

}  // namespace

FakeCoordinator::FakeCoordinator() {
  char directory[] = "/tmp/merganser_fake_XXXXXX";  // sockets' paths are short
  if (mkdtemp(directory) == nullptr) abort();
  address_ = absl::StrCat("unix:", directory, "/socket");
  Start();
}

FakeCoordinator::~FakeCoordinator() {
  Stop();
  const std::string path = address_.substr(sizeof("unix:") - 1);
  unlink(path.c_str());
  rmdir(path.substr(0, path.rfind('/')).c_str());
}

void FakeCoordinator::Start() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) abort();
}

void FakeCoordinator::Stop() {
  BreakStreams();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeCoordinator::Put(v1::Campaign campaign) {
  absl::MutexLock lock(&mutex_);
  v1::Campaign& kept = campaigns_[campaign.name()];
  campaign.set_revision(kept.revision() + 1);
  kept = std::move(campaign);
}

void FakeCoordinator::SetCondition(const std::string& name,
                                   const std::string& condition) {
  absl::MutexLock lock(&mutex_);
  v1::Campaign& kept = campaigns_[name];
  kept.clear_conditions();
  kept.add_conditions(condition);
}

void FakeCoordinator::BreakStreams() {
  absl::MutexLock lock(&mutex_);
  ++break_count_;
}

void FakeCoordinator::FailWith(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  failure_ = status;
}

void FakeCoordinator::OnWatch(std::function<void()> action) {
  absl::MutexLock lock(&mutex_);
  on_watch_ = std::move(action);
}

void FakeCoordinator::SetWorkers(const std::vector<v1::Worker>& workers) {
  absl::MutexLock lock(&mutex_);
  workers_ = workers;
}

void FakeCoordinator::SetCandidates(
    const std::vector<v1::Candidate>& candidates) {
  absl::MutexLock lock(&mutex_);
  candidates_ = candidates;
}

v1::CreateCampaignRequest FakeCoordinator::created() const {
  absl::MutexLock lock(&mutex_);
  return created_;
}

std::vector<int64_t> FakeCoordinator::watched() const {
  absl::MutexLock lock(&mutex_);
  return watched_;
}

grpc::Status FakeCoordinator::Find(
    const std::string& name, v1::Campaign* campaign,
    const std::function<void(v1::Campaign&)>& change) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  const auto found = campaigns_.find(name);
  if (found == campaigns_.end()) return NotFound(name);
  if (change) {
    change(found->second);
    found->second.set_revision(found->second.revision() + 1);
  }
  *campaign = found->second;
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::CreateCampaign(
    grpc::ServerContext*, const v1::CreateCampaignRequest* request,
    v1::CreateCampaignResponse* response) {
  {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    created_ = *request;
    if (campaigns_.count(request->spec().name()) > 0) {
      return {grpc::StatusCode::ALREADY_EXISTS,
              absl::StrCat("name: the campaign ", request->spec().name(),
                           " exists already")};
    }
  }
  v1::Campaign campaign;
  campaign.set_name(request->spec().name());
  campaign.set_uid(request->request_id());
  *campaign.mutable_spec() = request->spec();
  campaign.set_state(v1::CAMPAIGN_STATE_PREPARING);
  Put(campaign);
  return Find(campaign.name(), response->mutable_campaign());
}

grpc::Status FakeCoordinator::GetCampaign(grpc::ServerContext*,
                                          const v1::GetCampaignRequest* request,
                                          v1::GetCampaignResponse* response) {
  return Find(request->name(), response->mutable_campaign());
}

grpc::Status FakeCoordinator::ListCampaigns(
    grpc::ServerContext*, const v1::ListCampaignsRequest* request,
    v1::ListCampaignsResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  std::vector<v1::Campaign> all;
  for (const auto& [name, campaign] : campaigns_) all.push_back(campaign);
  response->set_next_page_token(
      Page(all, request->page_token(), response->mutable_campaigns()));
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::PauseCampaign(
    grpc::ServerContext*, const v1::PauseCampaignRequest* request,
    v1::PauseCampaignResponse* response) {
  return Find(request->name(), response->mutable_campaign(),
              [](v1::Campaign& campaign) {
                campaign.set_state(v1::CAMPAIGN_STATE_PAUSED);
              });
}

grpc::Status FakeCoordinator::ResumeCampaign(
    grpc::ServerContext*, const v1::ResumeCampaignRequest* request,
    v1::ResumeCampaignResponse* response) {
  return Find(request->name(), response->mutable_campaign(),
              [](v1::Campaign& campaign) {
                campaign.set_state(v1::CAMPAIGN_STATE_RUNNING);
              });
}

grpc::Status FakeCoordinator::CancelCampaign(
    grpc::ServerContext*, const v1::CancelCampaignRequest* request,
    v1::CancelCampaignResponse* response) {
  return Find(request->name(), response->mutable_campaign(),
              [](v1::Campaign& campaign) {
                campaign.set_state(v1::CAMPAIGN_STATE_CANCELLED);
              });
}

grpc::Status FakeCoordinator::DeleteCampaign(
    grpc::ServerContext*, const v1::DeleteCampaignRequest* request,
    v1::DeleteCampaignResponse*) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  const auto found = campaigns_.find(request->name());
  if (found == campaigns_.end()) return NotFound(request->name());
  if (!HasEnded(found->second.state())) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            absl::StrCat("campaign ", request->name(), " has not ended")};
  }
  campaigns_.erase(found);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::ExtendBudget(
    grpc::ServerContext*, const v1::ExtendBudgetRequest* request,
    v1::ExtendBudgetResponse* response) {
  return Find(request->name(), response->mutable_campaign(),
              [request](v1::Campaign& campaign) {
                campaign.mutable_spec()->mutable_budget()->set_evaluations(
                    request->evaluations());
              });
}

grpc::Status FakeCoordinator::WatchCampaign(
    grpc::ServerContext* context, const v1::WatchCampaignRequest* request,
    grpc::ServerWriter<v1::WatchCampaignResponse>* writer) {
  std::function<void()> on_watch;
  int64_t breaks = 0;
  {
    absl::MutexLock lock(&mutex_);
    watched_.push_back(request->after_revision());
    on_watch = on_watch_;
    breaks = break_count_;
  }
  if (on_watch) on_watch();
  int64_t revision = request->after_revision();
  while (!context->IsCancelled()) {
    v1::WatchCampaignResponse response;
    {
      const auto has_news = [this, request, revision,
                             breaks]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        const auto& found = campaigns_.find(request->name());
        return break_count_ > breaks || found == campaigns_.end() ||
               found->second.revision() > revision;
      };
      absl::MutexLock lock(&mutex_);
      // Looks up now and then, whether the client is still there.
      if (!mutex_.AwaitWithTimeout(absl::Condition(&has_news),
                                   absl::Milliseconds(20))) {
        continue;
      }
      if (break_count_ > breaks) {
        return {grpc::StatusCode::UNAVAILABLE, "broken by the test"};
      }
      const auto found = campaigns_.find(request->name());
      if (found == campaigns_.end()) return NotFound(request->name());
      *response.mutable_campaign() = found->second;
    }
    revision = response.campaign().revision();
    writer->Write(response);
    if (HasEnded(response.campaign().state())) return grpc::Status::OK;
  }
  return grpc::Status::CANCELLED;
}

grpc::Status FakeCoordinator::ListCandidates(
    grpc::ServerContext*, const v1::ListCandidatesRequest* request,
    v1::ListCandidatesResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  std::vector<v1::Candidate> shown;
  for (const v1::Candidate& candidate : candidates_) {
    if (request->all_accepted() || candidate.has_slot()) {
      shown.push_back(candidate);
    }
  }
  response->set_next_page_token(
      Page(shown, request->page_token(), response->mutable_candidates()));
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::GetLineage(grpc::ServerContext*,
                                         const v1::GetLineageRequest* request,
                                         v1::GetLineageResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  for (const v1::Candidate& candidate : candidates_) {
    *response->add_candidates() = candidate;
    if (request->has_candidate() &&
        candidate.candidate() == request->candidate()) {
      return grpc::Status::OK;
    }
  }
  if (!request->has_candidate()) return grpc::Status::OK;
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("candidate ", request->candidate(), " is unknown")};
}

grpc::Status FakeCoordinator::ExportCampaign(
    grpc::ServerContext*, const v1::ExportCampaignRequest* request,
    grpc::ServerWriter<v1::ExportCampaignResponse>* writer) {
  v1::ExportCampaignResponse part;
  const grpc::Status status =
      Find(request->name(), part.mutable_header()->mutable_campaign());
  if (!status.ok()) return status;
  writer->Write(part);
  if (!request->without_log()) {
    part.mutable_log()->add_entries()->set_dropped_slot(7);
    writer->Write(part);
  }
  part.set_gram("bytes");
  writer->Write(part);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::DumpCampaign(
    grpc::ServerContext*, const v1::DumpCampaignRequest* request,
    grpc::ServerWriter<v1::DumpCampaignResponse>* writer) {
  v1::Campaign campaign;
  const grpc::Status status = Find(request->name(), &campaign);
  if (!status.ok()) return status;
  v1::DumpCampaignResponse entry;
  entry.set_key(absl::StrCat("m:{", request->name(), "}:revision"));
  entry.set_value(absl::StrCat(campaign.revision()));
  writer->Write(entry);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::ListWorkers(grpc::ServerContext*,
                                          const v1::ListWorkersRequest*,
                                          v1::ListWorkersResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  for (const v1::Worker& worker : workers_) *response->add_workers() = worker;
  return grpc::Status::OK;
}

}  // namespace merganser
