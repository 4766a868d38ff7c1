#include "client/merge/merge_command.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/interrupt.h"
#include "client/cli/progress_line.h"
#include "client/merge/merge_job.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/language_model_config.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr int kMostThreads = 1024;
constexpr double kBytesPerGib = 1 << 30;

struct MergeArguments {
  MergeRequest request;
  std::string dtype;
  double shard_gib = 0;
};

// A line that is rewritten in place; nothing where stderr is no terminal, or
// for merges that take no time.
class MergeProgressLine {
 public:
  void Show(int64_t written, int64_t all) {
    const absl::Time now = absl::Now();
    if (!terminal_ || now - last_ < absl::Milliseconds(250)) return;
    last_ = now;
    shown_ = true;
    const double seconds = absl::ToDoubleSeconds(now - start_);
    const double gib = static_cast<double>(written) / kBytesPerGib;
    std::cerr << absl::StreamFormat(
                     "\r\033[Kmerged %.1f of %.1f GiB, %.2f GiB/s", gib,
                     static_cast<double>(all) / kBytesPerGib, gib / seconds)
              << std::flush;
  }
  void Finish() const {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  const absl::Time start_ = absl::Now();
  absl::Time last_ = start_;
  bool shown_ = false;
};

std::string Text(const MergeResult& result, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  const double gib = static_cast<double>(result.bytes) / kBytesPerGib;
  const size_t models = result.models.size();
  return absl::StrCat(
      "merged ", models, models == 1 ? " model" : " models", " into ",
      result.output, ": ", WithThousands(result.parameters), " parameters in ",
      TorchNameOf(result.dtype), ", ",
      result.shards == 1 ? std::string("one file")
                         : absl::StrCat(result.shards, " shards"),
      gib < 1 ? absl::StrFormat(", %.1f MiB", gib * 1024)
              : absl::StrFormat(", %.2f GiB", gib),
      absl::StrFormat(" in %.1f s\n", seconds));
}

std::string Json(const MergeResult& result, absl::Duration time) {
  const ordered_json line = {{"output", result.output},
                             {"models", result.models},
                             {"dtype", TorchNameOf(result.dtype)},
                             {"parameters", result.parameters},
                             {"bytes", result.bytes},
                             {"shards", result.shards},
                             {"seconds", absl::ToDoubleSeconds(time)}};
  return line.dump() + "\n";
}

absl::Status CompleteRequest(MergeArguments& arguments) {
  MergeRequest& request = arguments.request;
  if (request.threads == 0) {
    request.threads =
        std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  if (arguments.shard_gib > 0) {
    request.max_shard_bytes =
        static_cast<int64_t>(arguments.shard_gib * kBytesPerGib);
  }
  if (arguments.dtype.empty()) return absl::OkStatus();
  request.dtype = DTypeFromTorchName(arguments.dtype);
  if (request.dtype.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--dtype ", arguments.dtype,
                   ": expected one of float32, bfloat16, float16"));
}

int RunMergeCommand(MergeArguments& arguments, const GlobalOptions& global) {
  const absl::Status status = CompleteRequest(arguments);
  if (!status.ok()) return ReportError(status);
  CatchInterrupts();
  const absl::Time start = absl::Now();
  MergeProgressLine line;
  const auto merged =
      Merge(arguments.request, [&line](int64_t written, int64_t all) {
        line.Show(written, all);
        return !Interrupted();
      });
  line.Finish();
  if (!merged.ok()) return ReportError(merged.status());
  const absl::Duration time = absl::Now() - start;
  std::cout << (global.json ? Json(*merged, time) : Text(*merged, time))
            << std::flush;
  return kExitOk;
}

}  // namespace

void AddMergeCommand(CLI::App& app, const GlobalOptions& global,
                     CommandBody* chosen) {
  const auto arguments = std::make_shared<MergeArguments>();
  MergeRequest& request = arguments->request;
  request.threads = 0;  // not given
  CLI::App* const command = AddCommand(
      app, "merge",
      "Merge models once, without a campaign. FILE is the winner_recipe.json "
      "of a campaign, or a configuration of mergekit with the method linear, "
      "slerp, task_arithmetic or passthrough.",
      "merganser merge merge.yml --output merged");
  command->add_option("FILE", request.file, "A recipe or a configuration")
      ->required();
  command->add_option("--output", request.output, "Folder to write to")
      ->required();
  command->add_option("--models-root", request.models_root,
                      "Where relative paths of models start");
  command
      ->add_option("--seed", request.seeds,
                   "Another path for a seed of the recipe; repeatable")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
  command->add_flag("--any-seeds", request.any_seeds,
                    "Do not compare the digests of a recipe's seeds");
  command->add_option("--dtype", arguments->dtype,
                      "Of the result: float32, bfloat16 or float16; default: "
                      "the file's, or the one that all models have");
  command
      ->add_option("--threads", request.threads,
                   "Threads; default: as many as there are cores")
      ->check(CLI::Range(1, kMostThreads));
  command
      ->add_option("--shard-gib", arguments->shard_gib,
                   "Largest size of one file of weights; default: 5 GB")
      ->check(CLI::Range(0.001, 1e6));
  command->callback([=, &global] {
    *chosen = [arguments, &global] {
      return RunMergeCommand(*arguments, global);
    };
  });
}

}  // namespace merganser
