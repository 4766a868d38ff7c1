#include "worker/program/worker_options.h"

#include <unistd.h>

#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "common/command_line/device_name.h"
#include "common/net/channel.h"
#include "common/telemetry/http_server.h"

namespace merganser {
namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 after SIGTERM or SIGINT, once its jobs are finished or "
    "handed back; 1 when the device or a file cannot be used; 2 for a wrong "
    "command line; 3 when the coordinator refuses it, as on another protocol "
    "version. A second signal ends it at once.";

std::string DefaultName() {
  char host[256] = "worker";
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
  return absl::StrCat(host, "-", getpid());
}

void AddScore(CLI::App& app, WorkerOptions& options) {
  CLI::App* score = app.add_subcommand(
      "score",
      "Evaluate jobs from standard input without a coordinator: "
      "length-delimited ScoreStreamRequest messages in, ScoreStreamResponse "
      "messages out, until the end of the input");
  score
      ->add_option("--spec", options.score_spec,
                   "The campaign: a binary CampaignSpec with resolved fields")
      ->required();
  score
      ->add_option("--blobs", options.score_blobs,
                   "Folder of the weights that jobs name, each file named by "
                   "its SHA-256 in hexadecimal")
      ->check(CLI::ExistingDirectory);
  score->callback([&options] { options.score = true; });
  score->fallthrough();
}

void AddEval(CLI::App& app, WorkerOptions& options) {
  CLI::App* eval = app.add_subcommand(
      "eval",
      "Score one language model without a coordinator: a length-delimited "
      "EvalRequest from standard input, EvalResponse messages out");
  eval->callback([&options] { options.eval = true; });
  eval->fallthrough();
}

}  // namespace

void AddWorkerOptions(CLI::App& app, WorkerOptions& options) {
  options.name = DefaultName();
  app.footer(kExitCodes);
  app.add_option("--coordinator", options.coordinator,
                 "Address of the coordinator: host:port or unix:/path")
      ->check(AddressError)
      ->envname("MERGANSER_COORDINATOR");
  app.add_option("--device", options.device,
                 "cpu, cuda:N, or auto: cuda:0 where there is one, else cpu")
      ->check(DeviceName())
      ->capture_default_str();
  app.add_option("--models-root", options.models_root,
                 "Folder below which all files of campaigns must lie; without "
                 "it, relative paths begin at the current folder")
      ->check(CLI::ExistingDirectory);
  app.add_option("--name", options.name, "Shown to operators")
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads of one forward pass on a CPU; part of the device "
                 "class, since scores may depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--job-capacity", options.job_capacity,
                 "Jobs held at once, the executing one included")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--blob-cache-mib", options.blob_cache_mib,
                 "Memory for weights of candidates, MiB")
      ->check(CLI::Range(1, 1048576))
      ->capture_default_str();
  app.add_option("--grace", options.grace_seconds,
                 "Seconds to finish or hand back jobs in after a signal")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_flag("--die-with-parent", options.die_with_parent,
               "End when the process that started this one ends");
  app.add_option("--log-level", options.log_level,
                 "trace, debug, info, warn, error or off")
      ->capture_default_str();
  app.add_option("--metrics", options.metrics,
                 "Address to serve /metrics, /healthz and /readyz on over "
                 "HTTP: HOST:PORT; without it, no port is opened")
      ->check(HttpAddressError);
  AddScore(app, options);
  AddEval(app, options);
}

}  // namespace merganser
