#include "client/replay/score_worker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace merganser {

absl::StatusOr<std::unique_ptr<ScoreWorker>> ScoreWorker::Start(
    const Options& options) {
  Process::Options process{
      .binary = options.binary,
      .arguments = {"score", "--spec", options.spec_file, "--device",
                    options.device, "--threads", absl::StrCat(options.threads),
                    "--log-level", "warn"}};
  if (!options.models_root.empty()) {
    process.arguments.push_back("--models-root");
    process.arguments.push_back(options.models_root);
  }
  if (!options.blobs_folder.empty()) {
    process.arguments.push_back("--blobs");
    process.arguments.push_back(options.blobs_folder);
  }
  ASSIGN_OR_RETURN(
      MessageProcess started,
      MessageProcess::Start(std::move(process), "merganser-worker"));
  return std::unique_ptr<ScoreWorker>(new ScoreWorker(std::move(started)));
}

absl::Status ScoreWorker::Send(const v1::ScoreStreamRequest& request) {
  return process_.Send(request);
}

absl::StatusOr<v1::ScoreStreamResponse> ScoreWorker::Receive() {
  v1::ScoreStreamResponse response;
  RETURN_IF_ERROR(process_.Receive(response));
  return response;
}

}  // namespace merganser
