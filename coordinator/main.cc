// merganser-coordinator: keeps the populations and hands out work.
#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/command_line/usage_message.h"
#include "common/net/channel.h"
#include "common/net/health_check.h"
#include "common/storage/blob_store.h"
#include "common/telemetry/http_server.h"
#include "common/telemetry/logging.h"
#include "coordinator/dispatch/core.h"
#include "coordinator/dispatch/leadership.h"
#include "coordinator/service/blob_service.h"
#include "coordinator/service/campaign_service.h"
#include "coordinator/service/coordinator_telemetry.h"
#include "coordinator/service/rpc_metrics.h"
#include "coordinator/service/worker_service.h"
#include "coordinator/store/redis_store.h"
#include "spdlog/spdlog.h"

namespace merganser {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitUnreachable = 3;

// How long --health-check waits for an answer.
constexpr absl::Duration kHealthPatience = absl::Seconds(2);

struct Flags {
  std::string listen = "0.0.0.0:50051";
  std::string redis = "redis://127.0.0.1:6379";
  std::string data = "merganser-data";
  int64_t blob_gib = 16;
  double worker_timeout_s = 10;
  double owner_timeout_s = 6;
  bool silent_standby = false;
  bool health_check = false;
  std::string log_level = "info";
  std::string metrics;  // empty: off
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.listen,
                 "Address to serve on: host:port, or unix:/path")
      ->check(AddressError)
      ->capture_default_str();
  app.add_option("--redis", flags.redis,
                 "Where Redis is: redis://[user:password@]host[:port][/db], or "
                 "unix:///path")
      ->envname("MERGANSER_REDIS")
      ->capture_default_str();
  app.add_option("--data", flags.data,
                 "Directory for what does not belong in Redis; made if missing")
      ->capture_default_str();
  app.add_option("--blob-gib", flags.blob_gib,
                 "Most room for weights below --data, GiB: those of campaigns "
                 "from random seeds")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--worker-timeout", flags.worker_timeout_s,
                 "Seconds of silence after which a worker is lost")
      ->check(CLI::Range(0.5, 3600.0))
      ->capture_default_str();
  app.add_option("--owner-timeout", flags.owner_timeout_s,
                 "Seconds that another coordinator's sign of life must be "
                 "missing before this one takes over; 0 = at once")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--silent-standby", flags.silent_standby,
               "Do not listen while another coordinator is the active one: for "
               "a name that leads to all of them, so that only the active one "
               "is found");
  app.add_flag("--health-check", flags.health_check,
               "Start nothing; ask the coordinator that listens at --listen "
               "whether it serves, and exit with 0 if it does, else with 1");
  app.add_option("--log-level", flags.log_level,
                 "trace, debug, info, warn, error or off")
      ->capture_default_str();
  app.add_option("--metrics", flags.metrics,
                 "Address to serve /metrics, /healthz and /readyz on over "
                 "HTTP: HOST:PORT; without it, no port is opened")
      ->check(HttpAddressError);
  app.footer(
      "Exit codes: 0 stopped by a signal; 1 failed, also when another\n"
      "coordinator took over; 2 bad usage, or the address or directory cannot\n"
      "be used; 3 Redis cannot be reached or refuses the credentials.\n"
      "\n"
      "Example: merganser-coordinator --listen=0.0.0.0:50051 "
      "--redis=redis://127.0.0.1:6379 --data=/var/lib/merganser");
}

int Complain(int code, absl::string_view message) {
  std::cerr << "merganser-coordinator: " << message << std::endl;
  return code;
}

int CannotListen(const Flags& flags) {
  return Complain(kExitUsage,
                  absl::StrCat("--listen: cannot serve on ", flags.listen,
                               "; is the port in use?"));
}

int CheckOwnHealth(const Flags& flags) {
  const absl::Status status = CheckHealth(flags.listen, kHealthPatience);
  return status.ok() ? 0 : Complain(kExitFailed, status.message());
}

// What ends the process: a signal, or the loss of the store.
class Ending {
 public:
  // Blocks the signals in all threads that are started later.
  Ending() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  bool Poll(absl::Duration wait) {
    const timespec timeout = absl::ToTimespec(wait);
    if (signal_ == 0) {
      signal_ = std::max(0, sigtimedwait(&signals_, nullptr, &timeout));
    }
    return signal_ != 0 || lost_;
  }
  void Lose(const absl::Status& status) {
    spdlog::error("this coordinator ends: {}", std::string(status.message()));
    lost_ = true;
  }
  bool lost() const { return lost_; }

 private:
  sigset_t signals_;
  int signal_ = 0;
  std::atomic<bool> lost_ = false;
};

class Server {
 public:
  // Borrows both; `telemetry` may be null.
  Server(BlobStore& blobs, CoordinatorTelemetry* telemetry)
      : telemetry_(telemetry),
        campaigns_(gate_),
        workers_(gate_),
        blobs_(blobs, {.admit = [this] { return gate_.Admit(); }}) {}

  bool Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    ConfigureServer(builder);
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&campaigns_);
    builder.RegisterService(&workers_);
    builder.RegisterService(&blobs_);
    if (telemetry_ != nullptr) CountRpcs(builder, telemetry_->registry());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return false;
    SetServing(false);
    port_ = port;
    return true;
  }

  int port() const { return port_; }

  void Open(Core* core) {
    gate_.Open(core);
    if (telemetry_ != nullptr) telemetry_->Open(core);
    SetServing(true);
  }
  void Close(const std::string& reason) {
    SetServing(false);
    gate_.Close(reason);
    if (telemetry_ != nullptr) telemetry_->Close(reason);
  }
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::milliseconds(200));
    server_->Wait();
  }

 private:
  // For the process as a whole, and for those who ask by a service's name.
  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface& health =
        *server_->GetHealthCheckService();
    for (const char* service : {v1::CampaignService::service_full_name(),
                                v1::WorkerService::service_full_name(),
                                v1::BlobService::service_full_name()}) {
      health.SetServingStatus(service, serving);
    }
    health.SetServingStatus(serving);
  }

  CoordinatorTelemetry* const telemetry_;
  Gate gate_;
  CampaignServiceImpl campaigns_;
  WorkerServiceImpl workers_;
  BlobServiceImpl blobs_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// Serves until the end. Returns the exit code.
int Serve(CampaignStore& store, BlobStore& blobs, Server& server,
          Leadership& leadership, const Flags& flags, uint64_t epoch,
          CommitMetrics commits, Ending& ending) {
  Core::Options options;
  options.epoch = epoch;
  options.blobs = &blobs;
  options.commits = commits;
  options.desk.worker_timeout = absl::Seconds(flags.worker_timeout_s);
  options.on_lost_ownership = [&ending](const absl::Status& status) {
    ending.Lose(status);
  };
  // Loading may take longer than a standby waits.
  leadership.Keep(
      epoch, [&ending](const absl::Status& status) { ending.Lose(status); });
  auto core = Core::Start(store, Clock::Monotonic(), std::move(options));
  if (!core.ok()) {
    if (!ending.lost()) leadership.Release();
    return Complain(kExitFailed, core.status().message());
  }
  server.Open(core->get());
  spdlog::info("serving on {}", flags.listen);
  while (!ending.Poll(absl::Milliseconds(200))) {
  }
  spdlog::info("shutting down");
  server.Close("the coordinator is shutting down");
  core->reset();
  if (!ending.lost()) leadership.Release();
  return ending.lost() ? kExitFailed : 0;
}

absl::StatusOr<std::unique_ptr<CoordinatorTelemetry>> StartTelemetry(
    const Flags& flags, BlobStore& blobs, RedisStore& store) {
  ASSIGN_OR_RETURN(
      auto telemetry,
      CoordinatorTelemetry::Start(
          {.address = flags.metrics,
           .version = MERGANSER_VERSION,
           .data = flags.data},
          blobs,
          {.ping = [&store] { return store.Ping(); },
           .is_persistent =
               [&store] { return store.DurabilityWarnings().empty(); }}));
  spdlog::info("metrics on http://{}/metrics", telemetry->address());
  return telemetry;
}

int Run(const Flags& flags) {
  Ending ending;
  if (absl::Status status = InitLogging(flags.log_level); !status.ok()) {
    return Complain(kExitUsage, status.message());
  }
  std::error_code error;
  std::filesystem::create_directories(flags.data, error);
  if (error) {
    return Complain(kExitUsage, absl::StrCat("--data: ", flags.data, ": ",
                                             error.message()));
  }
  const auto blobs =
      BlobStore::Open({.directory = flags.data + "/blobs",
                       .max_bytes = flags.blob_gib * (int64_t{1} << 30)});
  if (!blobs.ok()) {
    return Complain(kExitUsage,
                    absl::StrCat("--data: ", blobs.status().message()));
  }
  auto store = RedisStore::Create({.url = flags.redis});
  if (!store.ok()) {
    return Complain(kExitUsage,
                    absl::StrCat("--redis: ", store.status().message()));
  }
  if (absl::Status ping = (*store)->Ping(); !ping.ok()) {
    return Complain(kExitUnreachable, ping.message());
  }
  for (const std::string& warning : (*store)->DurabilityWarnings()) {
    spdlog::warn("{}", warning);
  }
  std::unique_ptr<CoordinatorTelemetry> telemetry;
  CommitMetrics commits;
  if (!flags.metrics.empty()) {
    auto started = StartTelemetry(flags, **blobs, **store);
    if (!started.ok()) {
      return Complain(kExitUsage,
                      absl::StrCat("--metrics: ", started.status().message()));
    }
    telemetry = *std::move(started);
    commits = MakeCommitMetrics(telemetry->registry());
  }
  Server server(**blobs, telemetry.get());
  if (!flags.silent_standby && !server.Listen(flags.listen)) {
    return CannotListen(flags);
  }
  Leadership leadership(
      **store, Clock::Monotonic(),
      {.address = flags.listen,
       .owner_timeout = absl::Seconds(flags.owner_timeout_s)});
  const absl::StatusOr<uint64_t> epoch = leadership.Acquire(
      [&ending] { return ending.Poll(absl::ZeroDuration()); },
      [&](const std::string& owner) {
        spdlog::info("standby: the active coordinator is {}", owner);
        const std::string reason = absl::StrCat(
            "this coordinator is a standby; the active one is ", owner);
        if (!flags.silent_standby) return server.Close(reason);
        if (telemetry != nullptr) telemetry->Close(reason);
      });
  int code = 0;
  if (epoch.ok() && flags.silent_standby && !server.Listen(flags.listen)) {
    leadership.Release();
    code = CannotListen(flags);
  } else if (epoch.ok()) {
    code = Serve(**store, **blobs, server, leadership, flags, *epoch, commits,
                 ending);
  } else if (!absl::IsCancelled(epoch.status())) {
    code = Complain(kExitUnreachable, epoch.status().message());
  }
  server.Stop();
  return code;
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  // The loop frees what RPC threads have allocated, so that an arena per thread
  // would only scatter what is free.
  mallopt(M_ARENA_MAX, 2);
  // Its errors reach us as statuses; what it logs would repeat them.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  CLI::App app(
      "Keeps the populations of Merganser's campaigns in Redis and hands "
      "merge-and-evaluate jobs to workers.",
      "merganser-coordinator");
  app.failure_message(merganser::UsageMessage);
  merganser::Flags flags;
  merganser::AddFlags(app, flags);
  app.set_version_flag("--version", MERGANSER_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : merganser::kExitUsage;
  }
  // Held to the end of the process: the last release waits for a poller of
  // gRPC's own, which may sleep for 10 s.
  grpc_init();
  const int code = flags.health_check ? merganser::CheckOwnHealth(flags)
                                      : merganser::Run(flags);
  spdlog::shutdown();
  std::cout.flush();
  // gRPC's threads run still, so that nothing static may be destroyed.
  std::_Exit(code);
}
