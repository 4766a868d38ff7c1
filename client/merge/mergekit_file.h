// The merge configurations of mergekit 0.1.5, as far as they are linear in the
// weights of the models.
// Source: github.com/arcee-ai/mergekit, docs/merge_methods.md and README.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/campaign_spec/yaml_tree.h"
#include "common/storage/dtype.h"

namespace merganser {

enum class MergekitMethod { kLinear, kSlerp, kTaskArithmetic, kPassthrough };

// A model of a slice, and which of its layers.
struct MergekitSource {
  int model = 0;  // index into MergekitFile::models
  int64_t first_layer = 0;
  int64_t end_layer = -1;  // behind the last one; -1: all of them
  YamlNode parameters;     // a map, or nothing
};

struct MergekitSlice {
  std::string origin;  // "merge.yml:4"
  std::vector<MergekitSource> sources;
  std::optional<int> base_model;  // in the place of the file's
  YamlNode parameters;
};

struct MergekitFile {
  std::string origin;
  MergekitMethod method = MergekitMethod::kLinear;
  std::vector<std::string> models;         // paths as written, each once
  std::vector<std::string> model_origins;  // where they stand first
  std::optional<int> base_model;
  // `models:` gives one slice of all layers.
  std::vector<MergekitSlice> slices;
  YamlNode parameters;
  std::optional<DType> dtype;  // of the result
};

// Errors: InvalidArgument "path:line: …" for what is no YAML; a method, key or
// parameter that is not supported (with those that are); values of another
// type.
absl::StatusOr<MergekitFile> ParseMergekitFile(const std::string& text,
                                               const std::string& path);

// "linear", …
const char* MergekitMethodName(MergekitMethod method);

}  // namespace merganser
