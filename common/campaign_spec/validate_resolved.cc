#include "common/campaign_spec/validate_resolved.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/chromosomes.h"
#include "common/campaign_spec/field_checks.h"
#include "common/evolution/archive_options.h"
#include "common/genome/parameter_layout.h"

namespace merganser {
namespace {

constexpr int kMaximumTensors = 65536;
constexpr int kMaximumAxes = 8;
constexpr size_t kMaximumNameBytes = 1024;

absl::Status CheckDigest(const std::string& path, const std::string& digest) {
  if (digest.size() == sizeof(Digest::bytes)) return absl::OkStatus();
  return FieldError(absl::StrCat(path, ".digest"),
                    absl::StrCat("expected 32 bytes, which the client fills "
                                 "in; got ",
                                 digest.size()));
}

// Workers see files by absolute paths, or below their --models-root.
absl::Status CheckPlace(const std::string& path, const std::string& file) {
  const std::vector<std::string> parts = absl::StrSplit(file, '/');
  if (std::count(parts.begin(), parts.end(), "..") == 0) {
    return absl::OkStatus();
  }
  return FieldError(path,
                    absl::StrCat("expected an absolute path, or one below the "
                                 "workers' --models-root; got \"",
                                 file, "\""));
}

// Adds the tensor's elements to `total`.
absl::Status CheckTensor(const std::string& path, const v1::TensorSpec& tensor,
                         int64_t& total) {
  if (tensor.name().empty() || tensor.name().size() > kMaximumNameBytes) {
    return FieldError(absl::StrCat(path, ".name"),
                      absl::StrCat("expected 1 to ", kMaximumNameBytes,
                                   " bytes; got ", tensor.name().size()));
  }
  if (tensor.shape_size() > kMaximumAxes) {
    return FieldError(absl::StrCat(path, ".shape"),
                      absl::StrCat("expected at most ", kMaximumAxes,
                                   " axes; got ", tensor.shape_size()));
  }
  int64_t elements = 1;
  for (const int64_t extent : tensor.shape()) {
    if (extent < 1 || __builtin_mul_overflow(elements, extent, &elements)) {
      return FieldError(absl::StrCat(path, ".shape"),
                        absl::StrCat("expected extents of at least 1 whose "
                                     "product fits 63 bits; got ",
                                     extent));
    }
  }
  if (__builtin_add_overflow(total, elements, &total)) {
    return FieldError(absl::StrCat(path, ".shape"),
                      "expected fewer than 2^63 parameters in all");
  }
  return absl::OkStatus();
}

absl::Status CheckModel(const v1::ModelSpec& model) {
  if (model.tensors_size() < 1 || model.tensors_size() > kMaximumTensors) {
    return FieldError("model.tensors",
                      absl::StrCat("expected 1 to ", kMaximumTensors,
                                   " tensors, which the client fills in from "
                                   "the seeds; got ",
                                   model.tensors_size()));
  }
  int64_t total = 0;
  std::set<std::string> names;
  for (int i = 0; i < model.tensors_size(); ++i) {
    const std::string path = absl::StrCat("model.tensors[", i, "]");
    RETURN_IF_ERROR(CheckTensor(path, model.tensors(i), total));
    if (!names.insert(model.tensors(i).name()).second) {
      return FieldError(
          absl::StrCat(path, ".name"),
          absl::StrCat("expected a name of its own; got \"",
                       absl::CHexEscape(model.tensors(i).name()), "\" again"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFileSeeds(const v1::CampaignSpec& spec) {
  for (int i = 0; i < spec.seeds_size(); ++i) {
    const std::string path = absl::StrCat("seeds[", i, "]");
    RETURN_IF_ERROR(
        CheckPlace(absl::StrCat(path, ".path"), spec.seeds(i).path()));
    RETURN_IF_ERROR(CheckDigest(path, spec.seeds(i).digest()));
  }
  if (HasBaseOrigin(spec)) {
    const v1::SeedSpec& base = spec.model().base();
    RETURN_IF_ERROR(CheckPlace("model.base.path", base.path()));
    RETURN_IF_ERROR(CheckDigest("model.base", base.digest()));
  }
  const std::string& companions = spec.model().companions_digest();
  if (IsLanguageModel(spec.model()) &&
      companions.size() != sizeof(Digest::bytes)) {
    return FieldError("model.companions_digest",
                      absl::StrCat("expected 32 bytes, which the client fills "
                                   "in; got ",
                                   companions.size()));
  }
  ASSIGN_OR_RETURN(ParameterLayout layout, LayoutOfModel(spec.model()));
  return GroupByPatterns(std::move(layout), spec.model()).status();
}

// Random seeds follow from the rest of the spec, so nobody is believed.
absl::Status CheckRandomSeeds(const v1::CampaignSpec& spec) {
  ASSIGN_OR_RETURN(const ParameterLayout expected,
                   LayoutOfLayers(spec.model()));
  ASSIGN_OR_RETURN(const ParameterLayout actual, LayoutOfModel(spec.model()));
  RETURN_IF_ERROR(
      CheckSameLayout(expected, "model.layers", actual, "model.tensors"));
  for (int i = 0; i < spec.seeds_size(); ++i) {
    const std::string path = absl::StrCat("seeds[", i, "]");
    const std::string& stated = spec.seeds(i).digest();
    RETURN_IF_ERROR(CheckDigest(path, stated));
    const Digest digest = RandomSeedDigestOf(spec, expected, i);
    if (stated == digest.ToBytes()) continue;
    return FieldError(
        absl::StrCat(path, ".digest"),
        absl::StrCat("expected ", digest.ToHex(),
                     ", that of model.layers, model.init_sigma and "
                     "random_seed; got ",
                     absl::BytesToHexString(stated)));
  }
  return absl::OkStatus();
}

absl::Status CheckDataset(const std::string& path,
                          const v1::DatasetSpec& dataset) {
  RETURN_IF_ERROR(CheckPlace(absl::StrCat(path, ".file"), dataset.file()));
  RETURN_IF_ERROR(CheckDigest(path, dataset.digest()));
  const std::string field = absl::StrCat(path, ".rows");
  if (dataset.rows() < 1 || dataset.rows() > kMaximumDatapoints) {
    return FieldError(
        field, absl::StrCat("expected 1 to 2^23 rows; got ", dataset.rows()));
  }
  const int64_t asked = dataset.end_row() - dataset.first_row();
  if (dataset.end_row() != 0 && dataset.rows() != asked) {
    return FieldError(field,
                      absl::StrCat("expected ", asked, ", as asked for; got ",
                                   dataset.rows()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateResolved(const v1::CampaignSpec& spec) {
  RETURN_IF_ERROR(CheckModel(spec.model()));
  RETURN_IF_ERROR(KeepsWeights(spec) ? CheckRandomSeeds(spec)
                                     : CheckFileSeeds(spec));
  int64_t datapoints = 0;
  int64_t holdout = 0;
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const v1::TaskSpec& task = spec.tasks(i);
    const std::string path = absl::StrCat("tasks[", i, "]");
    RETURN_IF_ERROR(CheckDataset(absl::StrCat(path, ".search"), task.search()));
    if (task.has_holdout()) {
      RETURN_IF_ERROR(
          CheckDataset(absl::StrCat(path, ".holdout"), task.holdout()));
    }
    if (task.has_few_shot()) {
      RETURN_IF_ERROR(CheckDataset(absl::StrCat(path, ".few_shot.examples"),
                                   task.few_shot().examples()));
    }
    datapoints += task.search().rows();
    holdout += task.holdout().rows();
  }
  if (holdout > kMaximumDatapoints) {
    return FieldError("tasks", absl::StrCat("expected at most 2^23 holdout "
                                            "datapoints in all; got ",
                                            holdout));
  }
  if (datapoints > kMaximumDatapoints) {
    return FieldError("tasks", absl::StrCat("expected at most 2^23 search "
                                            "datapoints in all; got ",
                                            datapoints));
  }
  return absl::OkStatus();
}

}  // namespace merganser
