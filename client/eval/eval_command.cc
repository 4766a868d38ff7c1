#include "client/eval/eval_command.h"

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/interrupt.h"
#include "client/eval/eval_summary.h"
#include "client/eval/model_evaluation.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/resolve.h"
#include "common/campaign_spec/validate_tasks.h"
#include "common/command_line/device_name.h"
#include "common/storage/file.h"
#include "merganser/v1/eval_stream.pb.h"

namespace merganser {
namespace {

constexpr int kMostThreads = 1024;

struct EvalArguments {
  std::string model;
  std::string task_file;
  int64_t limit = 0;
  std::string output;
  std::string device = "auto";
  int threads = 1;
  std::string dtype = "float32";
  std::string worker_binary;
};

absl::StatusOr<v1::EvalRequest> MakeRequest(const EvalArguments& arguments) {
  v1::EvalRequest request;
  request.set_model(arguments.model);
  request.set_limit(arguments.limit);
  request.set_compute_dtype(arguments.dtype);
  request.set_with_outputs(!arguments.output.empty());
  ASSIGN_OR_RETURN(std::vector<v1::TaskSpec> tasks,
                   LoadTaskFile(arguments.task_file));
  const std::string base = DirectoryOf(arguments.task_file);
  for (v1::TaskSpec& task : tasks) {
    const absl::Status valid = ValidateLanguageTask(task, task.name());
    if (!valid.ok()) return Annotate(valid, arguments.task_file);
    *request.add_tasks() = WithFilesBelow(base, std::move(task));
  }
  return request;
}

absl::StatusOr<EvalSummary> Evaluate(const EvalArguments& arguments) {
  ASSIGN_OR_RETURN(const v1::EvalRequest request, MakeRequest(arguments));
  std::optional<AtomicFile> output;
  if (!arguments.output.empty()) {
    if (std::filesystem::is_directory(arguments.output)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--output ", arguments.output, ": expected a file; it is a folder"));
    }
    auto created = AtomicFile::Create(arguments.output);
    if (!created.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--output ", created.status().message()));
    }
    output.emplace(*std::move(created));
  }
  CatchInterrupts();
  const auto take = [&](int, const EvalPartSummary& part,
                        const v1::EvalScores& scores) {
    if (!output.has_value()) return absl::OkStatus();
    const std::string lines = EvalOutputLines(part, scores);
    return output->Append(
        {reinterpret_cast<const uint8_t*>(lines.data()), lines.size()});
  };
  ASSIGN_OR_RETURN(EvalSummary summary,
                   EvaluateModel({.binary = arguments.worker_binary,
                                  .device = arguments.device,
                                  .threads = arguments.threads,
                                  .interrupted = Interrupted},
                                 request, take));
  if (output.has_value()) RETURN_IF_ERROR(output->Commit());
  return summary;
}

int RunEval(const EvalArguments& arguments, const GlobalOptions& global) {
  const auto summary = Evaluate(arguments);
  if (!summary.ok()) return ReportError(summary.status());
  for (const EvalPartSummary& part : summary->parts()) {
    if (!part.saw_nan) continue;
    std::cerr << "merganser: " << part.task
              << ": the model gave NaN; those datapoints score 0\n";
  }
  std::cout << (global.json ? EvalJson(*summary) : EvalText(*summary))
            << std::flush;
  return kExitOk;
}

void AddOptions(CLI::App& command, EvalArguments& arguments) {
  command.add_option("DIR", arguments.model, "A Hugging Face folder")
      ->required();
  command
      .add_option("--task", arguments.task_file,
                  "YAML with the keys of one campaign task, or a campaign "
                  "file: then all of its tasks")
      ->type_name("FILE")
      ->required();
  command
      .add_option("--limit", arguments.limit,
                  "The first so many datapoints of each dataset")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  command
      .add_option("--output", arguments.output,
                  "Write a line of JSON per datapoint: prompt, what the model "
                  "wrote or chose, score")
      ->type_name("FILE");
  command
      .add_option("--device", arguments.device,
                  "Where the model runs: cpu, cuda:N, or auto")
      ->check(DeviceName())
      ->capture_default_str();
  command
      .add_option("--threads", arguments.threads,
                  "Threads of a forward pass on a CPU")
      ->check(CLI::Range(1, kMostThreads))
      ->capture_default_str();
  command
      .add_option("--dtype", arguments.dtype,
                  "What forward passes are computed in")
      ->type_name("float32|bfloat16|float16")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}))
      ->capture_default_str();
  // For tests. An empty group hides it from --help.
  command.add_option("--worker-binary", arguments.worker_binary)->group("");
}

}  // namespace

void AddEvalCommand(CLI::App& app, const GlobalOptions& global,
                    CommandBody* chosen) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command = AddCommand(
      app, "eval", "Score one language model on tasks, without a campaign",
      "merganser eval models/math --task gsm8k.yaml --limit 100");
  AddOptions(*command, *arguments);
  command->callback([=, &global] {
    *chosen = [=, &global] { return RunEval(*arguments, global); };
  });
}

}  // namespace merganser
