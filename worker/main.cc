// merganser-worker: evaluates candidates for a coordinator with libtorch.
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/language_model_config.h"
#include "worker/models/device.h"
#include "worker/program/worker_program.h"
#include "worker/tasks/served_language_model.h"
#include "worker/tasks/torch_evaluator.h"

namespace merganser {
namespace {

absl::StatusOr<ServedLanguageModel> ServeModelOfRequest(
    const WorkerOptions& options, const v1::EvalRequest& request) {
  ASSIGN_OR_RETURN(const v1::Device device,
                   OpenDevice(options.device, options.threads));
  const std::string& name = request.compute_dtype();
  const auto dtype = DTypeFromTorchName(name.empty() ? "float32" : name);
  if (!dtype.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected float32, bfloat16 or float16 to compute in; got \"", name,
        "\""));
  }
  ASSIGN_OR_RETURN(
      const std::string folder,
      PathRules(options.models_root).Resolve(request.model(), "model"));
  return ServeLanguageModel(folder, {.device = device.name(),
                                     .threads = options.threads,
                                     .compute_dtype = *dtype});
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  return merganser::RunWorkerProgram(
      argc, argv,
      {.description =
           "Evaluates merged models for a Merganser coordinator, as many "
           "workers at once as one likes",
       .add_options = {},
       .create_evaluators =
           [](const merganser::WorkerOptions& options) {
             return merganser::CreateTorchEvaluators(
                 {.device = options.device,
                  .threads = options.threads,
                  .paths = merganser::PathRules(options.models_root)});
           },
       .serve_model = merganser::ServeModelOfRequest});
}
