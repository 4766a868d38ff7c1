#include "client/eval/winner_outputs.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {

bool KeepsOutputs(const v1::CampaignSpec& spec) {
  return std::any_of(
      spec.tasks().begin(), spec.tasks().end(),
      [](const v1::TaskSpec& task) { return task.keep_outputs(); });
}

absl::Status WriteWinnerOutputs(const v1::CampaignSpec& spec,
                                const std::string& models_root,
                                const std::string& model,
                                const std::string& path,
                                const EvalWorkerOptions& options) {
  v1::EvalRequest request;
  request.set_model(std::filesystem::absolute(model).string());
  request.set_compute_dtype(spec.model().compute_dtype());
  request.set_with_outputs(true);
  for (const v1::TaskSpec& task : spec.tasks()) {
    if (!task.keep_outputs()) continue;
    *request.add_tasks() = WithFilesBelow(models_root, task);
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  const auto take = [&](int, const EvalPartSummary& part,
                        const v1::EvalScores& scores) {
    const std::string lines = EvalOutputLines(part, scores);
    return file.Append(
        {reinterpret_cast<const uint8_t*>(lines.data()), lines.size()});
  };
  RETURN_IF_ERROR(
      Annotate(EvaluateModel(options, request, take).status(), path));
  return file.Commit();
}

}  // namespace merganser
