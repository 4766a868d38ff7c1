#include "common/checkpoint/derived_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/storage/bounded_json.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

// Layers of a Qwen2 all have a window or all have none, so the same is said of
// more or fewer of them.
void SetLayers(int64_t before, int64_t layers, ordered_json& config) {
  config["num_hidden_layers"] = layers;
  const auto window = config.find("max_window_layers");
  if (window != config.end() && window->is_number_integer() &&
      window->get<int64_t>() >= before) {
    *window = std::max(window->get<int64_t>(), layers);
  }
  const auto types = config.find("layer_types");
  if (types != config.end() && types->is_array() && !types->empty()) {
    const ordered_json type = types->front();
    *types = std::vector<ordered_json>(layers, type);
  }
}

}  // namespace

absl::StatusOr<std::string> DerivedConfigJson(const Checkpoint& seed,
                                              DType dtype, int64_t layers) {
  ordered_json config = ParseBoundedJson<ordered_json>(seed.config_json());
  if (!config.is_object()) {  // Open() has read it
    return absl::InternalError(
        absl::StrCat(seed.path(), "/config.json: expected a JSON object"));
  }
  config[config.contains("dtype") ? "dtype" : "torch_dtype"] =
      TorchNameOf(dtype);
  if (layers != seed.config().layers) {
    SetLayers(seed.config().layers, layers, config);
  }
  return config.dump(2) + "\n";
}

absl::Status AddDerivedFiles(const Checkpoint& seed, DType dtype,
                             int64_t layers, CheckpointWriter& writer) {
  ASSIGN_OR_RETURN(const std::string config,
                   DerivedConfigJson(seed, dtype, layers));
  RETURN_IF_ERROR(writer.AddFile("config.json", config));
  for (const std::string& name : seed.companion_files()) {
    ASSIGN_OR_RETURN(const std::string content,
                     ReadFile(absl::StrCat(seed.path(), "/", name)));
    RETURN_IF_ERROR(writer.AddFile(name, content));
  }
  return absl::OkStatus();
}

}  // namespace merganser
