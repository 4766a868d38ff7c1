// What every worker binary does, whatever it evaluates with.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "merganser/v1/eval_stream.pb.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/program/worker_options.h"
#include "worker/tasks/evaluator.h"
#include "worker/tasks/served_language_model.h"

namespace merganser {

struct WorkerFlavour {
  std::string description;
  // Adds further options; may be empty.
  std::function<void(CLI::App&)> add_options;
  // Called once, after the options are known.
  std::function<absl::StatusOr<std::unique_ptr<EvaluatorFactory>>(
      const WorkerOptions&)>
      create_evaluators;
  // Opens the model of the command `eval`; empty: there is no such command.
  std::function<absl::StatusOr<ServedLanguageModel>(const WorkerOptions&,
                                                    const v1::EvalRequest&)>
      serve_model = {};
  // See WorkerSessionOptions; may be empty.
  std::function<bool(const v1::Job&, const v1::ChunkScores&)> park_anyway;
};

// The whole program: command line, log, signals, session. Returns the exit
// code; `merganser-worker --help` lists them. Call it first thing in main(),
// while there is one thread.
int RunWorkerProgram(int argc, char** argv, const WorkerFlavour& flavour);

}  // namespace merganser
