// merganser-hash-worker: a worker without libtorch, for tests of the service.
#include <cstdint>

#include "tests/hash_worker/hash_evaluator.h"
#include "worker/program/worker_program.h"

int main(int argc, char** argv) {
  merganser::HashEvaluatorOptions hash;
  int64_t delay_us = 0;
  int park_percent = 0;
  const auto add_options = [&](CLI::App& app) {
    app.add_option("--delay-us", delay_us)->group("");
    app.add_option("--park-percent", park_percent)->group("");
    app.add_option("--fail-candidate", hash.fail_candidate)->group("");
    app.add_option("--crash-candidate", hash.crash_candidate)->group("");
  };
  const auto create = [&](const merganser::WorkerOptions& options)
      -> absl::StatusOr<std::unique_ptr<merganser::EvaluatorFactory>> {
    hash.paths = merganser::PathRules(options.models_root);
    hash.threads = options.threads;
    hash.delay = absl::Microseconds(delay_us);
    return merganser::CreateHashEvaluators(hash);
  };
  return merganser::RunWorkerProgram(
      argc, argv,
      {.description = "Scores candidates by hashes, for tests",
       .add_options = add_options,
       .create_evaluators = create,
       .park_anyway = [&park_percent](const merganser::v1::Job& job,
                                      const merganser::v1::ChunkScores& chunk) {
         return merganser::ParksForNothing(job, chunk, park_percent);
       }});
}
