#include "common/campaign_spec/validate_origin.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/field_checks.h"
#include "common/campaign_spec/validate_seeds.h"

namespace merganser {
namespace {

// Their candidates are weights, not recipes.
absl::Status CheckNothingWithRandomSeeds(const v1::CampaignSpec& spec) {
  const auto refuse = [](const char* path) {
    return FieldError(path, "is only for seeds from files; got random seeds");
  };
  if (HasBaseOrigin(spec)) return refuse("search.origin");
  if (spec.model().has_base()) return refuse("model.base");
  if (spec.search().coefficient_mutation() != 0) {
    return refuse("search.coefficient_mutation");
  }
  if (!spec.model().chromosomes().empty()) return refuse("model.chromosomes");
  return absl::OkStatus();
}

absl::Status CheckBase(const v1::CampaignSpec& spec) {
  const bool has_base = spec.model().has_base();
  if (HasBaseOrigin(spec) != has_base) {
    return FieldError("model.base",
                      has_base ? "expected none unless search.origin is base"
                               : "is missing; search.origin: base needs the "
                                 "model that the seeds are differences from");
  }
  if (!has_base) return absl::OkStatus();
  const v1::SeedSpec& base = spec.model().base();
  if (base.random()) {
    return FieldError("model.base.random", "expected false; got true");
  }
  if (!base.hf().empty()) {
    RETURN_IF_ERROR(ValidateHubSeed("model.base", base, spec.model()));
  } else if (base.path().empty()) {
    return FieldError("model.base.path",
                      "is missing; expected a model as the "
                      "seeds are");
  }
  for (int i = 0; i < spec.seeds_size(); ++i) {
    if (spec.seeds(i).name() != base.name()) continue;
    return FieldError("model.base.name",
                      absl::StrCat("expected a name of its own; got \"",
                                   base.name(), "\", as seeds[", i, "]"));
  }
  return absl::OkStatus();
}

absl::Status CheckChromosomeNames(const v1::ModelSpec& model) {
  std::set<std::string> names;
  for (int c = 0; c < model.chromosomes_size(); ++c) {
    const std::string& name = model.chromosomes(c).name();
    if (names.insert(name).second) continue;
    return FieldError(
        absl::StrCat("model.chromosomes[", c, "].name"),
        absl::StrCat("expected a name of its own; got \"", name, "\" again"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateOrigin(const v1::CampaignSpec& spec) {
  if (KeepsWeights(spec)) return CheckNothingWithRandomSeeds(spec);
  RETURN_IF_ERROR(CheckBase(spec));
  return CheckChromosomeNames(spec.model());
}

}  // namespace merganser
