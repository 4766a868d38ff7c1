#include "coordinator/service/campaign_service.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/validate.h"
#include "coordinator/service/unary.h"

namespace merganser {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kLargestPage = 1000;

int PageSize(int requested) {
  return requested < 1 ? kDefaultPage : std::min(requested, kLargestPage);
}

// Changes a campaign and answers, once the change is stored, with what it is
// then.
template <typename Response>
void Change(Core& core, const std::string& name, Response* response,
            const FinishCall& finish,
            const std::function<absl::Status(CampaignRunner&)>& change) {
  const absl::StatusOr<CampaignEntry*> entry = core.registry().Find(name);
  if (!entry.ok()) return finish(entry.status());
  if ((*entry)->deleting) {
    return finish(absl::FailedPreconditionError(
        absl::StrCat("campaign ", name, " is being deleted")));
  }
  const absl::Status status = change(*(*entry)->runner);
  if (!status.ok()) return finish(status);
  core.registry().Changed(**entry);
  core.registry().WhenStored(**entry, [&core, name, response, finish] {
    const absl::StatusOr<CampaignEntry*> stored = core.registry().Find(name);
    if (!stored.ok()) return finish(stored.status());
    *response->mutable_campaign() = Present(core, **stored);
    finish(absl::OkStatus());
  });
}

absl::Status CheckCreate(const v1::CreateCampaignRequest& request) {
  if (request.request_id().empty() || request.request_id().size() > 64) {
    return absl::InvalidArgumentError("request_id: expected 1 … 64 characters");
  }
  return ValidateSpec(request.spec(), {.require_resolved = true});
}

// All ancestors of a candidate, itself included.
std::vector<int64_t> Ancestors(const CampaignRunner& runner,
                               int64_t candidate) {
  std::set<int64_t> found;
  std::vector<int64_t> open = {candidate};
  while (!open.empty()) {
    const int64_t next = open.back();
    open.pop_back();
    const auto record = runner.candidates().find(next);
    if (record == runner.candidates().end() || !found.insert(next).second) {
      continue;
    }
    if (!record->second.has_proposal()) continue;
    open.push_back(record->second.proposal().parent_a());
    open.push_back(record->second.proposal().parent_b());
  }
  return {found.begin(), found.end()};
}

absl::Status FillCandidates(const CampaignRunner& runner,
                            const v1::ListCandidatesRequest& request,
                            v1::ListCandidatesResponse& response) {
  int64_t after = INT64_MIN;
  if (!request.page_token().empty() &&
      !absl::SimpleAtoi(request.page_token(), &after)) {
    return absl::InvalidArgumentError(
        "page_token: expected the next_page_token of a page before");
  }
  const int page = PageSize(request.page_size());
  for (const auto& [candidate, record] : runner.candidates()) {
    if (candidate <= after) continue;
    if (!request.all_accepted() && !runner.SlotOf(candidate).has_value()) {
      continue;
    }
    if (response.candidates_size() == page) {
      response.set_next_page_token(
          absl::StrCat(response.candidates(page - 1).candidate()));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(*response.add_candidates(),
                     runner.MakeCandidate(candidate));
  }
  return absl::OkStatus();
}

}  // namespace

v1::Campaign Present(Core& core, const CampaignEntry& entry) {
  v1::Campaign campaign = entry.runner->Snapshot();
  campaign.set_revision(entry.revision);
  for (std::string& condition : core.desk().Conditions(entry)) {
    campaign.add_conditions(std::move(condition));
  }
  campaign.set_refusing_workers(core.desk().RefusingWorkers(entry));
  return campaign;
}

grpc::ServerUnaryReactor* CampaignServiceImpl::CreateCampaign(
    grpc::CallbackServerContext* context,
    const v1::CreateCampaignRequest* request,
    v1::CreateCampaignResponse* response) {
  return RunUnary(
      gate_, context,
      [request, response](Core& core, const FinishCall& finish) {
        absl::Status valid = CheckCreate(*request);
        if (valid.ok()) valid = core.desk().CheckFits(request->spec());
        if (!valid.ok()) return finish(valid);
        core.registry().Create(
            request->request_id(), request->spec(),
            [&core, response, finish](absl::StatusOr<CampaignEntry*> entry) {
              if (entry.ok()) {
                *response->mutable_campaign() = Present(core, **entry);
              }
              finish(entry.status());
            });
      });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::GetCampaign(
    grpc::CallbackServerContext* context, const v1::GetCampaignRequest* request,
    v1::GetCampaignResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    const auto entry = core.registry().Find(request->name());
                    if (entry.ok()) {
                      *response->mutable_campaign() = Present(core, **entry);
                    }
                    finish(entry.status());
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ListCampaigns(
    grpc::CallbackServerContext* context,
    const v1::ListCampaignsRequest* request,
    v1::ListCampaignsResponse* response) {
  return RunUnary(
      gate_, context,
      [request, response](Core& core, const FinishCall& finish) {
        const auto& entries = core.registry().entries();
        const int page = PageSize(request->page_size());
        for (auto it = entries.upper_bound(request->page_token());
             it != entries.end(); ++it) {
          if (response->campaigns_size() == page) {
            response->set_next_page_token(response->campaigns(page - 1).name());
            break;
          }
          *response->add_campaigns() = Present(core, it->second);
        }
        finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::PauseCampaign(
    grpc::CallbackServerContext* context,
    const v1::PauseCampaignRequest* request,
    v1::PauseCampaignResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    Change(
                        core, request->name(), response, finish,
                        [](CampaignRunner& runner) { return runner.Pause(); });
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ResumeCampaign(
    grpc::CallbackServerContext* context,
    const v1::ResumeCampaignRequest* request,
    v1::ResumeCampaignResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    Change(
                        core, request->name(), response, finish,
                        [](CampaignRunner& runner) { return runner.Resume(); });
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::CancelCampaign(
    grpc::CallbackServerContext* context,
    const v1::CancelCampaignRequest* request,
    v1::CancelCampaignResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    Change(
                        core, request->name(), response, finish,
                        [](CampaignRunner& runner) { return runner.Cancel(); });
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::DeleteCampaign(
    grpc::CallbackServerContext* context,
    const v1::DeleteCampaignRequest* request, v1::DeleteCampaignResponse*) {
  return RunUnary(gate_, context,
                  [request](Core& core, const FinishCall& finish) {
                    core.registry().Delete(request->name(), finish);
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ExtendBudget(
    grpc::CallbackServerContext* context,
    const v1::ExtendBudgetRequest* request,
    v1::ExtendBudgetResponse* response) {
  return RunUnary(
      gate_, context,
      [request, response](Core& core, const FinishCall& finish) {
        Change(
            core, request->name(), response, finish,
            [request](CampaignRunner& runner) -> absl::Status {
              v1::CampaignSpec spec = runner.spec();
              spec.mutable_budget()->set_evaluations(request->evaluations());
              RETURN_IF_ERROR(ValidateSpec(spec, {.require_resolved = true}));
              return runner.ExtendBudget(request->evaluations());
            });
      });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::GetCurve(
    grpc::CallbackServerContext* context, const v1::GetCurveRequest* request,
    v1::GetCurveResponse* response) {
  return RunUnary(gate_, context,
                  [request, response](Core& core, const FinishCall& finish) {
                    const auto entry = core.registry().Find(request->name());
                    if (!entry.ok()) return finish(entry.status());
                    for (v1::CurvePoint& point : (*entry)->runner->Curve()) {
                      *response->add_points() = std::move(point);
                    }
                    finish(absl::OkStatus());
                  });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ListCandidates(
    grpc::CallbackServerContext* context,
    const v1::ListCandidatesRequest* request,
    v1::ListCandidatesResponse* response) {
  return RunUnary(
      gate_, context,
      [request, response](Core& core, const FinishCall& finish) {
        const auto entry = core.registry().Find(request->name());
        if (!entry.ok()) return finish(entry.status());
        finish(FillCandidates(*(*entry)->runner, *request, *response));
      });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::GetLineage(
    grpc::CallbackServerContext* context, const v1::GetLineageRequest* request,
    v1::GetLineageResponse* response) {
  return RunUnary(
      gate_, context,
      [request, response](Core& core, const FinishCall& finish) {
        const auto entry = core.registry().Find(request->name());
        if (!entry.ok()) return finish(entry.status());
        const CampaignRunner& runner = *(*entry)->runner;
        const std::optional<int64_t> candidate =
            request->has_candidate() ? request->candidate() : runner.best();
        if (!candidate.has_value()) {
          return finish(absl::NotFoundError(absl::StrCat(
              "campaign ", request->name(), " has no candidate yet")));
        }
        const absl::Status known = runner.MakeCandidate(*candidate).status();
        if (!known.ok()) return finish(known);
        for (const int64_t ancestor : Ancestors(runner, *candidate)) {
          *response->add_candidates() = *runner.MakeCandidate(ancestor);
        }
        finish(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* CampaignServiceImpl::ListWorkers(
    grpc::CallbackServerContext* context, const v1::ListWorkersRequest*,
    v1::ListWorkersResponse* response) {
  return RunUnary(gate_, context,
                  [response](Core& core, const FinishCall& finish) {
                    for (v1::Worker& worker : core.desk().Workers()) {
                      *response->add_workers() = std::move(worker);
                    }
                    finish(absl::OkStatus());
                  });
}

}  // namespace merganser
