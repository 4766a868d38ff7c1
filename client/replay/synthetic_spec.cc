#include "client/replay/synthetic_spec.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/resolve.h"
#include "common/storage/file.h"
#include "common/storage/safetensors.h"

namespace merganser {
namespace {

constexpr char kSeedFiles[] = R"(
model: {family: mlp}
seeds:
  - {name: first, path: seed-0.safetensors, licence: CC0-1.0}
  - {name: second, path: seed-1.safetensors}
search: {method: m2n2, population: 6}
)";

constexpr char kSeedFilesAndBase[] = R"(
model:
  family: mlp
  base: {name: ancestor, path: seed-2.safetensors, licence: MIT}
  chromosomes:
    - {name: weights, tensors: ["*.weight"]}
    - {name: rest, tensors: ["*"]}
seeds:
  - {name: first, path: seed-0.safetensors, licence: CC0-1.0}
  - {name: second, path: seed-1.safetensors}
search:
  {method: m2n2, population: 6, origin: base, coefficient_mutation: 0.125}
)";

constexpr char kRandomSeeds[] = R"(
model: {family: mlp, layers: [3, 4, 2], init_sigma: 0.5}
seeds:
  - {name: first, random: true}
  - {name: second, random: true}
  - {name: third, random: true}
search: {method: m2n2, population: 6, mutation_sigma: 0.125}
)";

constexpr char kRest[] = R"(
name: synthetic
description: hashes for scores
tasks:
  - name: large
    kind: classification
    chunk_size: 16
    search: {file: large.csv, rows: [0, 40]}
    holdout: {file: large.csv, rows: [40, 50]}
  - name: small
    kind: classification
    weight: 3
    chunk_size: 16
    search: {file: small.csv}
schedule: {mode: ordered, window: 8}
random_seed: 20
)";

// Uniform on [-1, 1): element i of seed `seed`.
float Weight(int seed, int64_t i) {
  return static_cast<float>(
      2 * DrawStream(77, seed).Unit(DrawPurpose::kMix,
                                    static_cast<uint32_t>(i)) -
      1);
}

absl::Status WriteSeed(const std::string& path, int seed) {
  const std::vector<std::pair<std::string, std::vector<int64_t>>> shapes = {
      {"layers.0.weight", {3, 4}},
      {"layers.0.bias", {4}},
      {"layers.1.weight", {4, 2}},
      {"layers.1.bias", {2}}};
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;
  int64_t next = 0;
  for (const auto& [name, shape] : shapes) {
    int64_t elements = 1;
    for (const int64_t extent : shape) elements *= extent;
    std::vector<float>& tensor = values.emplace_back();
    for (int64_t i = 0; i < elements; ++i) {
      tensor.push_back(Weight(seed, next++));
    }
    tensors.push_back(
        {name,
         DType::kF32,
         shape,
         {reinterpret_cast<const uint8_t*>(tensor.data()), tensor.size() * 4}});
  }
  return WriteSafetensors(path, tensors, {});
}

absl::Status WriteData(const std::string& path, int rows) {
  std::string csv;
  for (int i = 0; i < rows; ++i) {
    absl::StrAppend(&csv, i, ",", i * i % 7, ",1,", i % 2, "\n");
  }
  return WriteFileAtomically(path, csv);
}

absl::StatusOr<v1::CampaignSpec> Resolve(const std::string& folder,
                                         int64_t evaluations,
                                         const char* seeds) {
  RETURN_IF_ERROR(WriteData(folder + "/large.csv", 50));
  RETURN_IF_ERROR(WriteData(folder + "/small.csv", 24));
  ASSIGN_OR_RETURN(
      v1::CampaignSpec spec,
      ParseCampaign(absl::StrCat(seeds, kRest,
                                 "budget: {evaluations: ", evaluations, "}\n"),
                    "synthetic"));
  RETURN_IF_ERROR(ResolveSpec(spec, {.base_dir = folder}));
  return spec;
}

}  // namespace

absl::StatusOr<v1::CampaignSpec> MakeSyntheticSpec(const std::string& folder,
                                                   int64_t evaluations) {
  for (int seed = 0; seed < 2; ++seed) {
    RETURN_IF_ERROR(
        WriteSeed(absl::StrCat(folder, "/seed-", seed, ".safetensors"), seed));
  }
  return Resolve(folder, evaluations, kSeedFiles);
}

absl::StatusOr<v1::CampaignSpec> MakeSyntheticBaseSpec(
    const std::string& folder, int64_t evaluations) {
  for (int seed = 0; seed < 3; ++seed) {
    RETURN_IF_ERROR(
        WriteSeed(absl::StrCat(folder, "/seed-", seed, ".safetensors"), seed));
  }
  return Resolve(folder, evaluations, kSeedFilesAndBase);
}

absl::StatusOr<v1::CampaignSpec> MakeSyntheticWeightsSpec(
    const std::string& folder, int64_t evaluations) {
  return Resolve(folder, evaluations, kRandomSeeds);
}

}  // namespace merganser
