// Simulated workers against a running coordinator, for coordinator.py.
//
//   coordinator_load FILE --coordinator ADDRESS [options]
//   coordinator_load FILE --bare CHILDREN
//   coordinator_load FILE --coordinator ADDRESS --await-answer
//
// Prints one line of JSON per measurement.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "benchmarks/fold_campaign.h"
#include "benchmarks/load_pacer.h"
#include "benchmarks/process_sample.h"
#include "benchmarks/simulated_worker.h"
#include "client/api/campaign_client.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/resolve.h"
#include "common/net/channel.h"
#include "common/schedule/ordered_schedule.h"
#include "merganser/v1/campaign_service.grpc.pb.h"

namespace merganser {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr int64_t kNoBudget = 1'000'000'000;

struct Arguments {
  std::string file;
  std::string coordinator;
  std::vector<std::string> overrides;
  int workers = 100;
  int batch = 8;
  int campaigns = 1;
  int channels = 8;
  double rate = 0;
  double good_share = 0.05;
  int64_t warm_up = 10'000;
  double seconds = 10;
  int64_t until = 0;
  int64_t bare = 0;
  bool await_answer = false;
  pid_t coordinator_pid = 0;
  pid_t redis_pid = 0;
};

// Twice the jobs that the workers hold, so that there are some to lease while
// results wait for their turn.
int64_t Window(const Arguments& arguments) {
  const int64_t held = int64_t{arguments.workers} * arguments.batch;
  return std::clamp<int64_t>(2 * held / arguments.campaigns, 32, 4096);
}

std::string Name(int campaign) { return absl::StrCat("load-", campaign); }

absl::StatusOr<v1::CampaignSpec> LoadSpec(const Arguments& arguments) {
  std::vector<std::string> overrides = {
      absl::StrCat("schedule.window=", Window(arguments)),
      absl::StrCat("budget.evaluations=", kNoBudget),
      "search.early_rejection=false", "tasks[0].chunk_size=1437"};
  overrides.insert(overrides.end(), arguments.overrides.begin(),
                   arguments.overrides.end());
  ASSIGN_OR_RETURN(v1::CampaignSpec spec,
                   LoadCampaignFile(arguments.file, overrides));
  spec.mutable_tasks(0)->clear_holdout();
  RETURN_IF_ERROR(ResolveSpec(spec, {.base_dir = DirectoryOf(arguments.file)}));
  if (spec.tasks_size() != 1 ||
      ChunkSize(spec.tasks(0)) != spec.tasks(0).search().rows()) {
    return absl::InvalidArgumentError(
        "expected a campaign of one task that is one chunk");
  }
  return spec;
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nan("");
  const auto at = values.begin() +
                  static_cast<ptrdiff_t>(share * double(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// A load on one coordinator, from campaigns without workers to a summary.
class CoordinatorLoad {
 public:
  CoordinatorLoad(const Arguments& arguments, v1::CampaignSpec spec,
                  const std::string& gram)
      : arguments_(arguments),
        spec_(std::move(spec)),
        load_(arguments.batch, spec_.tasks(0).search().rows(),
              arguments.good_share, gram),
        pacer_(arguments.rate) {
    load_.finished = [this](SimulatedWorker& worker) {
      pacer_.Finished(worker);
    };
  }

  absl::Status Run() {
    ASSIGN_OR_RETURN(client_, CampaignClient::Create(arguments_.coordinator));
    RETURN_IF_ERROR(CreateCampaigns());
    StartWorkers();
    absl::Status status = Measure();
    if (status.ok() && arguments_.until > 0) status = RunUntil();
    load_.stopping = true;
    pacer_.Stop();
    // Calls under way use what the destructor takes away.
    while (load_.calls_under_way > 0) absl::SleepFor(absl::Milliseconds(5));
    return status;
  }

 private:
  struct Totals {
    int64_t applied = 0;
    int64_t accepted = 0;
    absl::Time time;
    ProcessSample coordinator;
    ProcessSample redis;
    ProcessSample own;
  };

  absl::Status CreateCampaigns() {
    for (int i = 0; i < arguments_.campaigns; ++i) {
      spec_.set_name(Name(i));
      spec_.set_random_seed(static_cast<uint64_t>(i));
      const std::string request_id = absl::StrCat("request-", i);
      const absl::Time give_up = absl::Now() + kPatience;
      auto campaign = client_->CreateCampaign(spec_, request_id);
      while (absl::IsUnavailable(campaign.status()) && absl::Now() < give_up) {
        absl::SleepFor(absl::Milliseconds(10));  // it is starting
        campaign = client_->CreateCampaign(spec_, request_id);
      }
      RETURN_IF_ERROR(campaign.status());
    }
    return absl::OkStatus();
  }

  void StartWorkers() {
    for (int i = 0; i < arguments_.channels; ++i) {
      stubs_.push_back(
          v1::WorkerService::NewStub(CreateChannel(arguments_.coordinator)));
    }
    for (int i = 0; i < arguments_.workers; ++i) {
      workers_.push_back(std::make_unique<SimulatedWorker>(
          i, load_, *stubs_[i % stubs_.size()]));
      workers_.back()->Start();
    }
  }

  absl::StatusOr<Totals> Sample() {
    Totals totals;
    // One call for all: each waits behind those of the workers.
    ASSIGN_OR_RETURN(const auto campaigns, client_->ListCampaigns());
    for (const v1::Campaign& campaign : campaigns) {
      if (campaign.state() == v1::CAMPAIGN_STATE_FAILED) {
        return absl::InternalError(campaign.message());
      }
      totals.applied += campaign.progress().evaluations();
      totals.accepted += campaign.progress().accepted();
    }
    if (const std::string error = load_.statistics.error(); !error.empty()) {
      return absl::InternalError(error);
    }
    totals.time = absl::Now();
    totals.coordinator = SampleProcess(arguments_.coordinator_pid);
    totals.redis = SampleProcess(arguments_.redis_pid);
    totals.own = SampleProcess(getpid());
    return totals;
  }

  // Until every worker serves every campaign and the campaigns are so old.
  absl::Status WaitForTheFirst() {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      ASSIGN_OR_RETURN(const Totals totals, Sample());
      if (load_.ready == arguments_.workers * arguments_.campaigns &&
          totals.applied >= arguments_.warm_up) {
        return absl::OkStatus();
      }
      absl::SleepFor(absl::Milliseconds(100));
    }
    return absl::DeadlineExceededError(absl::StrCat(
        "after ", absl::FormatDuration(kPatience), " ", load_.ready.load(),
        " of ", arguments_.workers * arguments_.campaigns,
        " times a worker was ready for a campaign"));
  }

  absl::Status Measure() {
    RETURN_IF_ERROR(WaitForTheFirst());
    ASSIGN_OR_RETURN(const Totals begin, Sample());
    load_.statistics.Begin();
    absl::SleepFor(absl::Seconds(arguments_.seconds));
    const LoadStatistics::Values seen = load_.statistics.Take();
    ASSIGN_OR_RETURN(const Totals end, Sample());
    Print(begin, end, seen);
    return absl::OkStatus();
  }

  void Print(const Totals& begin, const Totals& end,
             const LoadStatistics::Values& seen) const {
    const double seconds = absl::ToDoubleSeconds(end.time - begin.time);
    const auto applied = static_cast<double>(end.applied - begin.applied);
    const nlohmann::json line = {
        {"workers", arguments_.workers},
        {"campaigns", arguments_.campaigns},
        {"window", Window(arguments_)},
        {"rate", arguments_.rate},
        {"seconds", seconds},
        {"applied_begin", begin.applied},
        {"applied_end", end.applied},
        {"completions_per_second", applied / seconds},
        {"accepted_share", double(end.accepted - begin.accepted) / applied},
        {"results_per_call", double(seen.results) / double(seen.calls)},
        {"segments_per_recipe", double(seen.segments) / double(seen.results)},
        {"not_committed", seen.not_committed},
        {"exchange_p50_ms", Percentile(seen.exchange_ms, 0.5)},
        {"exchange_p99_ms", Percentile(seen.exchange_ms, 0.99)},
        {"acknowledge_p50_ms", Percentile(seen.acknowledge_ms, 0.5)},
        {"acknowledge_p99_ms", Percentile(seen.acknowledge_ms, 0.99)},
        {"coordinator_bytes_begin", begin.coordinator.memory_bytes},
        {"coordinator_bytes_end", end.coordinator.memory_bytes},
        {"coordinator_cpu_seconds",
         end.coordinator.cpu_seconds - begin.coordinator.cpu_seconds},
        {"redis_cpu_seconds", end.redis.cpu_seconds - begin.redis.cpu_seconds},
        {"load_cpu_seconds", end.own.cpu_seconds - begin.own.cpu_seconds}};
    std::cout << line.dump() << std::endl;
  }

  // Goes on until so many results are applied, says so, and then waits under
  // load for its end or the coordinator's.
  absl::Status RunUntil() {
    while (true) {
      ASSIGN_OR_RETURN(const Totals totals, Sample());
      if (totals.applied >= arguments_.until) {
        std::cout << nlohmann::json{{"applied", totals.applied}}.dump()
                  << std::endl;
        break;
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
    while (load_.statistics.error().empty()) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    return absl::OkStatus();
  }

  const Arguments arguments_;
  v1::CampaignSpec spec_;
  SimulatedLoad load_;
  LoadPacer pacer_;
  std::unique_ptr<CampaignClient> client_;
  std::vector<std::unique_ptr<v1::WorkerService::Stub>> stubs_;
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
};

// The baseline: the same campaign with the same scores, folded in one loop.
absl::Status RunBare(const Arguments& arguments, const ScheduleOptions& options,
                     GramSums gram) {
  const SimulatedScores scores(arguments.good_share);
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(
      const int64_t accepted,
      FoldCampaign(options, std::move(gram), scores, arguments.bare));
  const auto children = static_cast<double>(arguments.bare);
  const nlohmann::json line = {
      {"completions_per_second",
       children / absl::ToDoubleSeconds(absl::Now() - start)},
      {"accepted_share", static_cast<double>(accepted) / children}};
  std::cout << line.dump() << std::endl;
  return absl::OkStatus();
}

// Returns as soon as GetCampaign answers. Each attempt has a connection of its
// own, so that none waits for its turn to connect again.
absl::Status AwaitAnswer(const Arguments& arguments) {
  const absl::Time give_up = absl::Now() + kPatience;
  grpc::Status status;
  do {
    const auto stub =
        v1::CampaignService::NewStub(CreateChannel(arguments.coordinator));
    grpc::ClientContext context;
    v1::GetCampaignRequest request;
    request.set_name(Name(0));
    v1::GetCampaignResponse response;
    status = stub->GetCampaign(&context, request, &response);
    if (status.ok()) {
      const nlohmann::json line = {
          {"applied", response.campaign().progress().evaluations()}};
      std::cout << line.dump() << std::endl;
      return absl::OkStatus();
    }
    absl::SleepFor(absl::Milliseconds(2));
  } while (absl::Now() < give_up);
  return absl::DeadlineExceededError(status.error_message());
}

absl::Status Run(const Arguments& arguments) {
  if (arguments.await_answer) return AwaitAnswer(arguments);
  ASSIGN_OR_RETURN(v1::CampaignSpec spec, LoadSpec(arguments));
  ASSIGN_OR_RETURN(const ScheduleOptions options, MakeScheduleOptions(spec));
  ASSIGN_OR_RETURN(GramSums gram, MakeGram(spec, options.layout));
  if (arguments.bare > 0) return RunBare(arguments, options, std::move(gram));
  return CoordinatorLoad(arguments, std::move(spec), gram.Serialise()).Run();
}

void AddOptions(CLI::App& app, Arguments& arguments) {
  app.add_option("FILE", arguments.file,
                 "Campaign file: one task of 1,437 datapoints")
      ->required();
  app.add_option("--coordinator", arguments.coordinator, "Its address");
  app.add_option("--set", arguments.overrides, "key.path=value")
      ->allow_extra_args(false);
  app.add_option("--workers", arguments.workers, "Simulated workers")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--batch", arguments.batch, "Jobs that a worker holds")
      ->check(CLI::Range(1, 1024));
  app.add_option("--campaigns", arguments.campaigns, "Campaigns at once")
      ->check(CLI::Range(1, 1000));
  app.add_option("--channels", arguments.channels, "Connections for all")
      ->check(CLI::Range(1, 1000));
  app.add_option("--rate", arguments.rate,
                 "Results per second that the workers report at most; 0 = as "
                 "many as they can");
  app.add_option("--good-share", arguments.good_share,
                 "Share of the children that enter the archive")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--warm-up", arguments.warm_up, "Results before measuring");
  app.add_option("--seconds", arguments.seconds, "Of measuring");
  app.add_option("--until", arguments.until,
                 "Afterwards, go on to so many results, say so, and load on");
  app.add_option("--bare", arguments.bare,
                 "No coordinator: fold so many children in one loop");
  app.add_flag("--await-answer", arguments.await_answer,
               "No load: return as soon as GetCampaign answers");
  app.add_option("--coordinator-pid", arguments.coordinator_pid, "To sample");
  app.add_option("--redis-pid", arguments.redis_pid, "To sample");
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  CLI::App app("Simulated workers against a coordinator", "coordinator_load");
  merganser::Arguments arguments;
  merganser::AddOptions(app, arguments);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = merganser::Run(arguments);
  if (status.ok()) return 0;
  std::cerr << "coordinator_load: " << status.message() << std::endl;
  return 1;
}
