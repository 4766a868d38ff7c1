#include "common/campaign_spec/validate_seeds.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/field_checks.h"
#include "common/checkpoint/hub_cache.h"
#include "common/genome/parameter_layout.h"

namespace merganser {
namespace {

// More than any campaign that keeps weights can move: 8 GiB in float32.
constexpr int64_t kMaximumParameters = int64_t{1} << 31;

const char* TrueOrFalse(bool value) { return value ? "true" : "false"; }

absl::Status CheckOneKind(const v1::CampaignSpec& spec) {
  const bool random = KeepsWeights(spec);
  for (int i = 0; i < spec.seeds_size(); ++i) {
    if (spec.seeds(i).random() == random) continue;
    return FieldError(
        absl::StrCat("seeds[", i, "].random"),
        absl::StrCat("expected ", TrueOrFalse(random),
                     ", as for the other seeds; got ", TrueOrFalse(!random)));
  }
  return absl::OkStatus();
}

absl::Status CheckPlace(const std::string& field, const v1::SeedSpec& seed,
                        const v1::ModelSpec& model) {
  if (!seed.hf().empty()) return ValidateHubSeed(field, seed, model);
  if (!seed.path().empty()) return absl::OkStatus();
  return FieldError(
      absl::StrCat(field, ".path"),
      IsLanguageModel(model)
          ? "is missing; expected a Hugging Face folder, relative to the "
            "campaign file, or hf: org/name instead"
          : "is missing; expected a safetensors file, relative to the campaign "
            "file, or random: true instead");
}

absl::Status CheckPlaces(const v1::CampaignSpec& spec) {
  const bool random = KeepsWeights(spec);
  for (int i = 0; i < spec.seeds_size(); ++i) {
    const v1::SeedSpec& seed = spec.seeds(i);
    const std::string field = absl::StrCat("seeds[", i, "]");
    if (!random) {
      RETURN_IF_ERROR(CheckPlace(field, seed, spec.model()));
    } else if (!seed.path().empty() || !seed.hf().empty()) {
      return FieldError(
          absl::StrCat(field, seed.hf().empty() ? ".path" : ".hf"),
          absl::StrCat("expected none of a random seed; got \"", seed.path(),
                       seed.hf(), "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRandomModel(const v1::ModelSpec& model) {
  if (model.layers().empty()) {
    return FieldError("model.layers",
                      "is missing; expected features, hidden units of each "
                      "layer, classes, which random seeds need");
  }
  ASSIGN_OR_RETURN(const ParameterLayout layout, LayoutOfLayers(model));
  if (layout.length > kMaximumParameters) {
    return FieldError("model.layers",
                      absl::StrCat("expected at most ", kMaximumParameters,
                                   " parameters in all; got ", layout.length));
  }
  if (model.init_sigma() > 0) return absl::OkStatus();
  return FieldError("model.init_sigma",
                    "is missing, or 0; expected a number above 0, which random "
                    "seeds need");
}

// Ignoring them would give another campaign than the one that was asked for.
absl::Status CheckNothingOfRandomSeeds(const v1::CampaignSpec& spec) {
  if (!spec.model().layers().empty()) {
    return FieldError("model.layers",
                      absl::StrCat("expected none with seeds from files, which "
                                   "have layers of their own; got ",
                                   spec.model().layers_size(), " entries"));
  }
  const auto expect_zero = [](const std::string& path, double value) {
    if (value == 0) return absl::OkStatus();
    return FieldError(path, absl::StrCat("expected 0 with seeds from files; "
                                         "only random seeds use it; got ",
                                         FormatNumber(value)));
  };
  RETURN_IF_ERROR(expect_zero("model.init_sigma", spec.model().init_sigma()));
  return expect_zero("search.mutation_sigma", spec.search().mutation_sigma());
}

}  // namespace

absl::Status ValidateHubSeed(const std::string& field, const v1::SeedSpec& seed,
                             const v1::ModelSpec& model) {
  const std::string hf_field = absl::StrCat(field, ".hf");
  if (!IsLanguageModel(model)) {
    return FieldError(hf_field, "expected none but of language models");
  }
  if (!seed.path().empty()) {
    return FieldError(hf_field, "expected either path or hf; got both");
  }
  return Annotate(ParseHubName(seed.hf()).status(), hf_field);
}

absl::Status ValidateSeeds(const v1::CampaignSpec& spec) {
  RETURN_IF_ERROR(CheckOneKind(spec));
  RETURN_IF_ERROR(CheckPlaces(spec));
  if (KeepsWeights(spec)) return CheckRandomModel(spec.model());
  return CheckNothingOfRandomSeeds(spec);
}

}  // namespace merganser
