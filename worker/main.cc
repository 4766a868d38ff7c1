// merganser-worker: evaluates candidates for a coordinator with libtorch.
#include "worker/program/worker_program.h"
#include "worker/tasks/torch_evaluator.h"

int main(int argc, char** argv) {
  return merganser::RunWorkerProgram(
      argc, argv,
      {.description =
           "Evaluates merged models for a Merganser coordinator, as many "
           "workers at once as one likes",
       .add_options = {},
       .create_evaluators = [](const merganser::WorkerOptions& options) {
         return merganser::CreateTorchEvaluators(
             {.device = options.device,
              .threads = options.threads,
              .paths = merganser::PathRules(options.models_root)});
       }});
}
