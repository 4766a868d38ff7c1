#include "worker/program/worker_program.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <random>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/base/status_words.h"
#include "common/command_line/usage_message.h"
#include "common/net/channel.h"
#include "common/storage/file.h"
#include "common/telemetry/logging.h"
#include "spdlog/spdlog.h"
#include "worker/program/eval_stream.h"
#include "worker/program/score_stream.h"
#include "worker/program/signal_drain.h"
#include "worker/program/worker_telemetry.h"
#include "worker/session/grpc_worker_client.h"
#include "worker/session/worker_session.h"
#include "worker/weights/blobs.h"
#include "worker/weights/path_rules.h"

namespace merganser {
namespace {

constexpr char kProgram[] = "merganser-worker";
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitRefused = 3;

// Buffers of a batch's size stay with the process instead of going back to the
// system, where each would have to be mapped and cleared again.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

// False when the parent has gone already.
bool DieWithParent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() != 1;
}

std::string RandomIncarnation() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x%08x", random(), random(), random(),
                         random());
}

int Fail(const absl::Status& status, int exit_code) {
  spdlog::error("{}", StatusWords(status));
  return exit_code;
}

absl::StatusOr<v1::CampaignSpec> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  v1::CampaignSpec spec;
  if (!spec.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a binary CampaignSpec"));
  }
  return spec;
}

int64_t CacheBytes(const WorkerOptions& options) {
  return options.blob_cache_mib << 20;
}

int Score(const WorkerOptions& options, EvaluatorFactory& evaluators) {
  const auto spec = ReadSpec(options.score_spec);
  if (!spec.ok()) return Fail(spec.status(), kExitFailure);
  FolderBlobs blobs(options.score_blobs, CacheBytes(options));
  const absl::Status status = RunScoreStream(
      evaluators, blobs, options.threads, *spec, STDIN_FILENO, STDOUT_FILENO);
  return status.ok() ? 0 : Fail(status, kExitFailure);
}

int Eval(const WorkerOptions& options, const WorkerFlavour& flavour) {
  if (!flavour.serve_model) {
    return Fail(absl::UnimplementedError("eval: this worker has no models"),
                kExitFailure);
  }
  const absl::Status status = RunEvalStream(
      [&](const v1::EvalRequest& request) {
        return flavour.serve_model(options, request);
      },
      PathRules(options.models_root), STDIN_FILENO, STDOUT_FILENO);
  return status.ok() ? 0 : Fail(status, kExitFailure);
}

int Serve(const WorkerOptions& options, const WorkerFlavour& flavour,
          EvaluatorFactory& evaluators) {
  const absl::Duration grace = absl::Seconds(options.grace_seconds);
  MetricRegistry registry;
  WorkerMetrics metrics;
  if (!options.metrics.empty()) metrics = WorkerMetrics::Create(registry);
  evaluators.CountWith(metrics);
  GrpcWorkerClient client(options.coordinator);
  // A channel of its own: bulk must not wait before a heartbeat.
  CoordinatorBlobs blobs(CreateChannel(options.coordinator),
                         CacheBytes(options), {.metrics = metrics});
  WorkerSession session({.name = options.name,
                         .incarnation = RandomIncarnation(),
                         .version = MERGANSER_VERSION,
                         .job_capacity = options.job_capacity,
                         .grace = grace,
                         .threads = options.threads,
                         .park_anyway = flavour.park_anyway,
                         .metrics = metrics},
                        client, blobs, evaluators, Clock::Monotonic());
  const auto telemetry =
      ServeWorkerTelemetry(options, registry, session, blobs, evaluators);
  if (!telemetry.ok()) return Fail(telemetry.status(), kExitUsage);
  const SignalDrain signals([&session] { session.Drain(); }, grace);
  const v1::Device device = evaluators.Device();
  spdlog::info("serving {} from {} ({})", options.coordinator, device.name(),
               device.device_class());
  const absl::Status status = session.Run();
  if (!status.ok()) return Fail(status, kExitRefused);
  spdlog::info("left");
  return 0;
}

}  // namespace

int RunWorkerProgram(int argc, char** argv, const WorkerFlavour& flavour) {
  KeepFreedMemory();
  WorkerOptions options;
  CLI::App app(flavour.description, kProgram);
  app.failure_message(UsageMessage);
  AddWorkerOptions(app, options);
  if (flavour.add_options) flavour.add_options(app);
  app.set_version_flag("--version", MERGANSER_VERSION);
  try {
    app.parse(argc, argv);
    const bool alone = options.score || options.eval;
    if (!alone && options.coordinator.empty()) {
      throw CLI::RequiredError("--coordinator, or MERGANSER_COORDINATOR,");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (!options.score && !options.eval) SignalDrain::BlockSignals();
  const absl::Status logging = InitLogging(options.log_level);
  if (!logging.ok()) {
    std::cerr << kProgram << ": " << logging.message() << "\n";
    return kExitUsage;
  }
  if (options.die_with_parent && !DieWithParent()) {
    return Fail(absl::FailedPreconditionError("the parent process has ended"),
                kExitFailure);
  }
  if (options.eval) return Eval(options, flavour);
  const auto evaluators = flavour.create_evaluators(options);
  if (!evaluators.ok()) return Fail(evaluators.status(), kExitFailure);
  return options.score ? Score(options, **evaluators)
                       : Serve(options, flavour, **evaluators);
}

}  // namespace merganser
