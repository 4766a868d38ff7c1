#include "client/merge/model_summary.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/progress_line.h"
#include "common/base/status_macros.h"
#include "common/huggingface/tokenizer.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

absl::Status AddCheckpoint(const Checkpoint& checkpoint,
                           ModelSummary& summary) {
  summary.name = checkpoint.name();
  summary.architecture = checkpoint.config().architecture;
  summary.weight_files = checkpoint.weight_files();
  summary.other_files = checkpoint.companion_files();
  summary.config = checkpoint.config();
  summary.generation = checkpoint.generation();
  summary.licence = checkpoint.licence();
  const std::string path = checkpoint.tokenizer_path();
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Open(path));
  summary.tokenizer_size = tokenizer->vocabulary_size();
  return absl::OkStatus();
}

std::string SizeText(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? absl::StrFormat("%.1f MiB", mib)
                    : absl::StrFormat("%.2f GiB", mib / 1024);
}

std::string DTypesText(const std::map<DType, int64_t>& dtypes) {
  if (dtypes.size() == 1) return TorchNameOf(dtypes.begin()->first);
  std::vector<std::string> parts;
  for (const auto& [dtype, parameters] : dtypes) {
    parts.push_back(
        absl::StrCat(TorchNameOf(dtype), " (", WithThousands(parameters), ")"));
  }
  return absl::StrJoin(parts, ", ");
}

std::string RopeText(const LanguageModelConfig& config) {
  std::string text = absl::StrCat("theta ", config.rope_theta);
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.kind == RopeScaling::Kind::kLinear) {
    absl::StrAppend(&text, ", linear scaling by ", scaling.factor);
  } else if (scaling.kind == RopeScaling::Kind::kLlama3) {
    absl::StrAppend(&text, ", llama3 scaling by ", scaling.factor, " from ",
                    WithThousands(scaling.original_positions));
  }
  return text;
}

std::vector<std::string> BaseNames(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    names.push_back(fs::path(path).filename());
  }
  return names;
}

// Aligned pairs of key and value.
class Lines {
 public:
  void Add(const std::string& key, const std::string& value) {
    absl::StrAppend(&text_, absl::StrFormat("%-14s", key),
                    absl::Utf8SafeCHexEscape(value), "\n");
  }
  std::string Text() const { return text_; }

 private:
  std::string text_;
};

void AddConfigLines(const ModelSummary& summary, Lines& lines) {
  const LanguageModelConfig& config = *summary.config;
  lines.Add("layers",
            absl::StrCat(config.layers, ", hidden ", config.hidden_size,
                         ", feed-forward ", config.intermediate_size));
  lines.Add("attention",
            absl::StrCat(config.heads, " heads of ", config.head_size, ", ",
                         config.key_value_heads, " for keys and values"));
  lines.Add("rope", RopeText(config));
  std::string context =
      absl::StrCat(WithThousands(config.positions), " tokens");
  if (config.sliding_window.has_value()) {
    absl::StrAppend(&context, ", a window of ",
                    WithThousands(*config.sliding_window));
  }
  lines.Add("context", context);
  lines.Add("vocabulary",
            absl::StrCat(WithThousands(config.vocabulary_size), " rows, head ",
                         config.tied_head ? "tied" : "not tied"));
  lines.Add(
      "tokenizer",
      summary.tokenizer_size.has_value()
          ? absl::StrCat(WithThousands(*summary.tokenizer_size),
                         " tokens, a text ends at ",
                         absl::StrJoin(summary.generation.end_tokens, ", "))
          : "none: there is no tokenizer.json");
}

ordered_json ConfigJson(const ModelSummary& summary) {
  const LanguageModelConfig& config = *summary.config;
  ordered_json json = {{"layers", config.layers},
                       {"hidden_size", config.hidden_size},
                       {"intermediate_size", config.intermediate_size},
                       {"heads", config.heads},
                       {"key_value_heads", config.key_value_heads},
                       {"head_size", config.head_size},
                       {"context_length", config.positions},
                       {"rope_theta", config.rope_theta},
                       {"vocabulary_size", config.vocabulary_size},
                       {"tied_head", config.tied_head}};
  json["sliding_window"] = nullptr;
  if (config.sliding_window.has_value()) {
    json["sliding_window"] = *config.sliding_window;
  }
  return json;
}

}  // namespace

absl::StatusOr<ModelSummary> SummaryOf(const OpenedModel& model) {
  ModelSummary summary{.path = model.tensors->path(),
                       .parameters = model.layout.length};
  for (const TensorSlice& slice : model.layout.tensors) {
    ASSIGN_OR_RETURN(const TensorView tensor,
                     model.tensors->Tensor(slice.name));
    summary.dtypes[tensor.dtype] += tensor.elements;
    summary.weight_bytes += static_cast<int64_t>(tensor.bytes.size());
  }
  if (model.checkpoint != nullptr) {
    RETURN_IF_ERROR(AddCheckpoint(*model.checkpoint, summary));
    return summary;
  }
  summary.name = fs::path(summary.path).stem();
  summary.architecture = "mlp";
  summary.weight_files = {summary.path};
  return summary;
}

std::string SummaryText(const ModelSummary& summary) {
  Lines lines;
  lines.Add("model", summary.name);
  lines.Add("architecture", summary.architecture);
  lines.Add("parameters", WithThousands(summary.parameters));
  lines.Add("dtype", DTypesText(summary.dtypes));
  if (summary.digest.has_value()) lines.Add("digest", summary.digest->ToHex());
  if (summary.config.has_value()) {
    AddConfigLines(summary, lines);
    lines.Add("licence", summary.licence.empty() ? "unknown" : summary.licence);
  }
  const size_t files = summary.weight_files.size();
  const std::vector<std::string> names = BaseNames(summary.weight_files);
  lines.Add("weights",
            absl::StrCat(
                SizeText(summary.weight_bytes), ", ",
                files == 1 ? names[0]
                           : absl::StrCat(files, " shards, ", names[0], " …")));
  if (!summary.other_files.empty()) {
    lines.Add("other files", absl::StrJoin(summary.other_files, ", "));
  }
  return lines.Text();
}

std::string SummaryJson(const ModelSummary& summary) {
  ordered_json json = {{"name", summary.name},
                       {"path", summary.path},
                       {"architecture", summary.architecture},
                       {"parameters", summary.parameters}};
  for (const auto& [dtype, parameters] : summary.dtypes) {
    json["dtypes"][TorchNameOf(dtype)] = parameters;
  }
  json["digest"] = summary.digest.has_value() ? summary.digest->ToHex() : "";
  json["weight_bytes"] = summary.weight_bytes;
  json["weight_files"] = BaseNames(summary.weight_files);
  json["other_files"] = summary.other_files;
  if (summary.config.has_value()) {
    json["config"] = ConfigJson(summary);
    json["tokenizer_size"] = nullptr;
    if (summary.tokenizer_size.has_value()) {
      json["tokenizer_size"] = *summary.tokenizer_size;
    }
    json["end_tokens"] = summary.generation.end_tokens;
    json["licence"] = summary.licence;
  }
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace merganser
