// Metrics and probes as Prometheus and a cluster meet them: real processes,
// scraped over HTTP, compared with what the client says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/storage/file.h"
#include "tests/end_to_end/metrics_lint.h"
#include "tests/faults/hash_campaign.h"
#include "tests/faults/test_cluster.h"
#include "tests/http_client.h"

namespace merganser {
namespace {

using ::nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

using Values = std::map<std::string, double>;

constexpr absl::Duration kPatience = absl::Minutes(1);

class MetricsEndToEndTest : public testing::Test {
 protected:
  // The port that a process' log names.
  int PortOf(const std::string& name) {
    const std::string path =
        absl::StrCat(cluster_.directory(), "/", name, ".log");
    const std::string kSign = "metrics on http://127.0.0.1:";
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      const auto log = ReadFile(path);
      const size_t at = log.ok() ? log->find(kSign) : std::string::npos;
      const size_t end =
          at == std::string::npos ? at : log->find("/metrics", at);
      int port = 0;
      if (end != std::string::npos &&
          absl::SimpleAtoi(
              log->substr(at + kSign.size(), end - at - kSign.size()), &port)) {
        return port;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << name << " does not say where its metrics are";
    return 0;
  }

  void StartRealWorker() {
    cluster_.StartWorker("worker", {kMetrics, "--device=cpu"},
                         "merganser-worker");
    worker_port_ = PortOf("worker");
  }

  static std::string PageOf(int port) {
    const auto reply = HttpRequest(port, "/metrics");
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? reply->body : "";
  }
  static Values ValuesOf(int port) { return ParseMetrics(PageOf(port)); }

  // Of the real worker, once it holds nothing any more.
  Values ValuesOfIdleWorker() {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      Values values = ValuesOf(worker_port_);
      double held = 0;
      for (const char* state :
           {"queued", "executing", "uploading", "unacknowledged"}) {
        held += values[absl::StrCat("merganser_worker_jobs_held{state=\"",
                                    state, "\"}")];
      }
      if (held == 0) return values;
      absl::SleepFor(absl::Milliseconds(10));
    }
    ADD_FAILURE() << "the worker stays busy";
    return {};
  }

  // Waits until /readyz answers so.
  static void ExpectReadiness(int port, int code, const std::string& words) {
    const absl::Time give_up = absl::Now() + kPatience;
    HttpReply reply;
    while (absl::Now() < give_up) {
      const auto got = HttpRequest(port, "/readyz");
      if (got.ok()) reply = *got;
      if (reply.code == code && absl::StrContains(reply.body, words)) return;
      absl::SleepFor(absl::Milliseconds(20));
    }
    FAIL() << "/readyz stays " << reply.code << ": " << reply.body;
  }

  // What `merganser get NAME --json` writes.
  json Get(const std::string& name) {
    const std::string path = absl::StrCat(cluster_.directory(), "/get.log");
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser"),
         .arguments = {"get", name, "--json", "--coordinator",
                       cluster_.address()},
         .log_path = path});
    EXPECT_TRUE(process.ok()) << process.status();
    EXPECT_EQ(process->Wait().code, 0);
    return json::parse(*ReadFile(path));
  }

  void RunCampaign(const v1::CampaignSpec& spec) {
    ASSERT_TRUE(cluster_.client().CreateCampaign(spec, spec.name()).ok());
    EXPECT_EQ(cluster_.WaitForTheEnd(spec.name()).state(),
              v1::CAMPAIGN_STATE_COMPLETED);
  }

  static constexpr char kMetrics[] = "--metrics=127.0.0.1:0";

  TestCluster cluster_{{kMetrics}};
  int port_ = PortOf("coordinator");
  int worker_port_ = 0;
};

// A number of JSON, which protobuf writes as a string where it has 64 bits.
double Number(const json& value) {
  if (value.is_null()) return 0;
  return value.is_string() ? std::stod(value.get<std::string>())
                           : value.get<double>();
}

double Sum(const Values& values, const std::string& prefix) {
  double sum = 0;
  for (const auto& [series, value] : values) {
    if (absl::StartsWith(series, prefix)) sum += value;
  }
  return sum;
}

TEST_F(MetricsEndToEndTest, SaysOfACampaignWhatTheClientSays) {
  ExpectReadiness(port_, 200, "active");
  StartRealWorker();
  ExpectReadiness(worker_port_, 200, "registered");
  const v1::CampaignSpec spec = HashCampaignSpec(400);
  RunCampaign(spec);
  const std::string of = absl::StrCat("{campaign=\"", spec.name(), "\"");
  const json campaign = Get(spec.name());
  const json& progress = campaign.at("progress");
  const Values values = ValuesOf(port_);
  const auto value = [&](const std::string& name,
                         const std::string& labels = "") {
    const auto found = values.find(absl::StrCat(name, of, labels, "}"));
    EXPECT_NE(found, values.end()) << name << of << labels << "}";
    return found == values.end() ? -1 : found->second;
  };

  EXPECT_EQ(value("merganser_campaign_state", ",state=\"completed\""), 1);
  EXPECT_EQ(Sum(values, "merganser_campaign_state" + of), 1);
  EXPECT_EQ(value("merganser_campaign_budget_evaluations"), 400);
  EXPECT_EQ(value("merganser_evaluations_total", ",outcome=\"accepted\""),
            Number(progress.at("accepted")));
  EXPECT_EQ(value("merganser_evaluations_total", ",outcome=\"rejected_early\""),
            Number(progress.at("rejected_early")));
  EXPECT_EQ(Sum(values, "merganser_evaluations_total" + of), 400);
  EXPECT_EQ(value("merganser_datapoint_evaluations_total"),
            Number(progress.at("datapoint_evaluations")));
  EXPECT_LT(value("merganser_datapoint_evaluations_total"),
            value("merganser_datapoint_evaluations_possible_total"))
      << "some children are rejected early";
  EXPECT_EQ(value("merganser_parked_total"),
            value("merganser_parked_confirmed_total") +
                value("merganser_parked_resumed_total"));
  EXPECT_EQ(value("merganser_parked_total"), Number(progress.at("parked")));
  EXPECT_EQ(value("merganser_queue_depth"), 0);
  EXPECT_EQ(value("merganser_apply_lag_evaluations"), 0);

  constexpr double kLastDigits = 1e-12;
  EXPECT_NEAR(value("merganser_best_score_ratio", ",split=\"search\""),
              Number(progress.at("best").at("search_accuracy")), kLastDigits);
  EXPECT_NEAR(value("merganser_best_score_ratio", ",split=\"holdout\""),
              Number(progress.at("best").at("holdout_accuracy")), kLastDigits);
  EXPECT_NEAR(value("merganser_best_task_score_ratio",
                    absl::StrCat(",task=\"", spec.tasks(0).name(),
                                 "\",split=\"search\"")),
              Number(progress.at("best").at("search_accuracy")), kLastDigits);
  EXPECT_NEAR(value("merganser_coverage_ratio"),
              Number(progress.at("coverage")), kLastDigits);
  EXPECT_NEAR(value("merganser_entropy_ratio"), Number(progress.at("entropy")),
              kLastDigits);
  EXPECT_NEAR(value("merganser_mean_score_ratio"),
              Number(progress.at("mean_search_accuracy")), kLastDigits);
  const auto members =
      cluster_.client().ListCandidates(spec.name(), /*all_accepted=*/false);
  ASSERT_TRUE(members.ok()) << members.status();
  double sum = 0;
  for (const v1::Candidate& member : *members) sum += member.search_accuracy();
  EXPECT_NEAR(value("merganser_mean_score_ratio"),
              sum / static_cast<double>(members->size()), 1e-9);
  for (int k = 0; k < spec.seeds_size(); ++k) {
    EXPECT_NEAR(value("merganser_seed_score_ratio",
                      absl::StrCat(",seed=\"", spec.seeds(k).name(),
                                   "\",split=\"search\"")),
                Number(progress.at("seeds")[k].at("search_accuracy")),
                kLastDigits);
  }
  EXPECT_NEAR(Sum(values, "merganser_best_seed_share_ratio" + of), 1, 1e-9);

  EXPECT_EQ(values.at("merganser_coordinator_active"), 1);
  EXPECT_EQ(values.at("merganser_sample_success"), 1);
  EXPECT_EQ(values.at("merganser_redis_up"), 1);
  EXPECT_EQ(values.at("merganser_redis_persistent"), 1);
  EXPECT_EQ(Sum(values, "merganser_workers{"), 1);
  EXPECT_GT(values.at("merganser_data_free_bytes"), 0);
  EXPECT_GT(values.at("merganser_commit_duration_seconds_count"), 10);
  EXPECT_GE(values.at("merganser_commit_batch_size_sum"), 400)
      << "each child is at least one write";
  EXPECT_GT(values.at("merganser_rpcs_total{code=\"OK\",method=\"merganser.v1."
                      "WorkerService/Exchange\"}"),
            10);
  EXPECT_GE(values.at("merganser_rpcs_total{code=\"OK\",method=\"merganser.v1."
                      "CampaignService/GetCampaign\"}"),
            1);
}

TEST_F(MetricsEndToEndTest, TheWorkerSaysWhatItDid) {
  StartRealWorker();
  const v1::CampaignSpec spec = HashCampaignSpec(200);
  RunCampaign(spec);
  const Values values = ValuesOfIdleWorker();
  const json progress = Get(spec.name()).at("progress");
  const auto jobs = [&](const char* kind, const char* outcome) {
    return values.at(absl::StrCat("merganser_worker_jobs_total{kind=\"", kind,
                                  "\",outcome=\"", outcome, "\"}"));
  };
  const auto phase = [&](const char* what, const char* name) {
    return values.at(absl::StrCat("merganser_worker_phase_duration_seconds_",
                                  what, "{phase=\"", name, "\"}"));
  };
  EXPECT_EQ(values.at("merganser_worker_registered"), 1);
  EXPECT_EQ(jobs("gram", "done"), 1);
  EXPECT_EQ(jobs("seed", "done"), spec.seeds_size());
  EXPECT_GE(jobs("search", "done") + jobs("search", "parked"), 200);
  EXPECT_GE(jobs("search", "parked"), Number(progress.at("parked")));
  EXPECT_EQ(jobs("search", "failed"), 0);
  EXPECT_GE(values.at("merganser_worker_datapoints_total{kind=\"search\"}"),
            Number(progress.at("datapoint_evaluations")));
  // Each candidate is merged and evaluated once per job; Gram sums need
  // neither.
  EXPECT_GE(phase("count", "evaluate"), 200 + spec.seeds_size());
  EXPECT_EQ(phase("count", "merge"), phase("count", "evaluate"));
  EXPECT_EQ(phase("count", "wait"), phase("count", "evaluate") + 1);
  EXPECT_GT(phase("count", "report"), 200);
  EXPECT_EQ(phase("count", "fetch"), 0);
  EXPECT_GT(phase("sum", "evaluate"), 0);
  double parameters = 0;  // float32
  const auto campaign = cluster_.client().GetCampaign(spec.name());
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  for (const v1::TensorSpec& tensor : campaign->spec().model().tensors()) {
    double elements = 1;
    for (const int64_t size : tensor.shape()) {
      elements *= static_cast<double>(size);
    }
    parameters += elements;
  }
  EXPECT_GT(parameters, 0);
  EXPECT_EQ(values.at("merganser_worker_merged_bytes_total"),
            4 * parameters * phase("count", "merge"));
  EXPECT_GT(values.at("merganser_worker_device_memory_bytes"),
            values.at("merganser_worker_device_memory_used_bytes"));
}

TEST_F(MetricsEndToEndTest, WeightsThatTravelAreCounted) {
  StartRealWorker();
  RunCampaign(HashScratchSpec(60));
  const Values worker = ValuesOfIdleWorker();
  EXPECT_GT(worker.at("merganser_worker_streamed_bytes_total{direction=\"sent\""
                      "}"),
            0);
  EXPECT_GT(worker.at("merganser_worker_phase_duration_seconds_count{phase="
                      "\"fetch\"}"),
            50);
  EXPECT_GT(worker.at("merganser_worker_cache_requests_total{outcome=\"hit\"}"),
            0);
  EXPECT_GT(worker.at("merganser_worker_cache_bytes"), 0);
  const Values values = ValuesOf(port_);
  EXPECT_LE(values.at("merganser_blob_store_bytes"),
            worker.at("merganser_worker_streamed_bytes_total{direction=\"sent\""
                      "}"));
}

TEST_F(MetricsEndToEndTest, PagesAreCleanAndAsTheCatalogueSays) {
  StartRealWorker();
  RunCampaign(HashCampaignSpec(60));
  const std::vector<std::string> pages = {PageOf(port_), PageOf(worker_port_),
                                          PageOf(port_)};
  for (const std::string& page : pages) {
    EXPECT_THAT(LintMetrics(page), IsEmpty());
  }
  const auto families = FamiliesOf(pages);
  const auto catalogue =
      CatalogueOf(*ReadFile(MERGANSER_SOURCE_DIR "/docs/metrics.md"));
  for (const auto& [name, family] : families) {
    EXPECT_THAT(catalogue, Contains(Key(name)));
    const auto known = catalogue.find(name);
    if (known == catalogue.end()) continue;
    EXPECT_EQ(known->second.type, family.type) << name;
    // Leases are there while the campaign runs.
    EXPECT_EQ(known->second.labels, family.labels) << name;
  }
  for (const auto& [name, family] : catalogue) {
    if (name == "merganser_leases") continue;  // only of what has not ended
    EXPECT_THAT(families, Contains(Key(name)));
  }
}

TEST_F(MetricsEndToEndTest, ACampaignUnderWayHasLeases) {
  cluster_.StartWorker("slow", {"--delay-us=2000"});
  const v1::CampaignSpec spec = HashCampaignSpec(100'000);
  ASSERT_TRUE(cluster_.client().CreateCampaign(spec, "c").ok());
  cluster_.WaitForEvaluations(spec.name(), 5);
  const std::string page = PageOf(port_);
  EXPECT_THAT(LintMetrics(page), IsEmpty());
  const Values values = ParseMetrics(page);
  EXPECT_GT(Sum(values, "merganser_leases{"), 0);
  EXPECT_EQ(values.at("merganser_workers{state=\"ready\"}"), 1);
  EXPECT_EQ(values.at(absl::StrCat("merganser_campaign_ready_workers{campaign="
                                   "\"",
                                   spec.name(), "\"}")),
            1);
  EXPECT_EQ(FamiliesOf({page}).at("merganser_leases").labels,
            CatalogueOf(*ReadFile(MERGANSER_SOURCE_DIR "/docs/metrics.md"))
                .at("merganser_leases")
                .labels);
  // A worker that vanishes is counted once it is missed.
  cluster_.worker("slow").Signal(SIGKILL);
  const absl::Time give_up = absl::Now() + kPatience;
  while (ValuesOf(port_).at("merganser_workers_lost_total") < 1 &&
         absl::Now() < give_up) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  const Values later = ValuesOf(port_);
  EXPECT_EQ(later.at("merganser_workers_lost_total"), 1);
  EXPECT_EQ(Sum(later, "merganser_workers{"), 0);
}

TEST_F(MetricsEndToEndTest, SeriesGoWithTheirCampaign) {
  cluster_.StartWorker("worker");
  const v1::CampaignSpec spec = HashCampaignSpec(20);
  RunCampaign(spec);
  EXPECT_THAT(PageOf(port_), HasSubstr("campaign=\""));
  ASSERT_TRUE(cluster_.client().DeleteCampaign(spec.name()).ok());
  EXPECT_THAT(PageOf(port_), Not(HasSubstr("campaign=\"")));
}

TEST_F(MetricsEndToEndTest, CountersOfCampaignsGoOnAfterARestart) {
  cluster_.StartWorker("worker");
  const v1::CampaignSpec spec = HashCampaignSpec(50);
  RunCampaign(spec);
  const std::string of = "merganser_evaluations_total{";
  const double before = Sum(ValuesOf(port_), of);
  std::filesystem::remove(cluster_.directory() + "/coordinator.log");
  cluster_.RestartCoordinator();
  EXPECT_EQ(Sum(ValuesOf(PortOf("coordinator")), of), before);
}

TEST_F(MetricsEndToEndTest, AStandbySaysThatItIsOne) {
  auto standby = Process::Start(
      {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/merganser-coordinator"),
       .arguments = {absl::StrCat("--listen=unix:", cluster_.directory(),
                                  "/s.sock"),
                     absl::StrCat("--redis=", cluster_.redis().url()),
                     absl::StrCat("--data=", cluster_.directory(), "/data2"),
                     kMetrics},
       .log_path = cluster_.directory() + "/standby.log"});
  ASSERT_TRUE(standby.ok());
  const int port = PortOf("standby");
  ExpectReadiness(port, 503, "this coordinator is a standby");
  EXPECT_EQ(HttpRequest(port, "/healthz")->code, 200);
  const std::string page = PageOf(port);
  EXPECT_THAT(LintMetrics(page), IsEmpty());
  const Values values = ParseMetrics(page);
  EXPECT_EQ(values.at("merganser_coordinator_active"), 0);
  EXPECT_EQ(values.at("merganser_sample_success"), 0);
  EXPECT_EQ(values.at("merganser_redis_up"), 1);
}

TEST_F(MetricsEndToEndTest, WithoutRedisItIsAliveAndNotReady) {
  ExpectReadiness(port_, 200, "active");
  cluster_.redis().Kill();
  ExpectReadiness(port_, 503, "Redis does not answer");
  EXPECT_EQ(ValuesOf(port_).at("merganser_redis_up"), 0);
  EXPECT_EQ(HttpRequest(port_, "/healthz")->code, 200);
  ASSERT_TRUE(cluster_.redis().Restart().ok());
  ExpectReadiness(port_, 200, "active");
}

TEST_F(MetricsEndToEndTest, AWorkerWithoutItsCoordinatorIsNotReady) {
  cluster_.StartWorker("worker", {kMetrics});
  const int port = PortOf("worker");
  ExpectReadiness(port, 200, "registered");
  cluster_.coordinator().Signal(SIGKILL);
  ExpectReadiness(port, 503, "not registered");
  cluster_.RestartCoordinator();
  ExpectReadiness(port, 200, "registered");
}

TEST_F(MetricsEndToEndTest, AnAddressThatIsTakenIsRefused) {
  for (const char* binary : {"merganser-coordinator", "merganser-worker"}) {
    const std::string log = absl::StrCat(cluster_.directory(), "/", binary);
    auto process = Process::Start(
        {.binary = absl::StrCat(MERGANSER_BINARY_DIR, "/", binary),
         .arguments =
             binary == absl::string_view("merganser-worker")
                 ? std::vector<std::string>{"--device=cpu",
                                            "--coordinator=" +
                                                cluster_.address(),
                                            absl::StrCat("--metrics=127.0.0.1:",
                                                         port_)}
                 : std::vector<std::string>{absl::StrCat("--listen=unix:",
                                                         cluster_.directory(),
                                                         "/t.sock"),
                                            absl::StrCat(
                                                "--redis=",
                                                cluster_.redis().url()),
                                            absl::StrCat(
                                                "--data=", cluster_.directory(),
                                                "/data3"),
                                            absl::StrCat("--metrics=127.0.0.1:",
                                                         port_)},
         .log_path = log});
    ASSERT_TRUE(process.ok());
    EXPECT_EQ(process->Wait().code, 2) << binary;
    EXPECT_THAT(*ReadFile(log), HasSubstr("--metrics: ")) << binary;
    EXPECT_THAT(*ReadFile(log), HasSubstr("Address already in use")) << binary;
  }
}

}  // namespace
}  // namespace merganser
