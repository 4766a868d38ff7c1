#include "common/campaign_spec/validate_model.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/campaign_spec/field_checks.h"

namespace merganser {
namespace {

// Ignoring it would give another campaign than the one that was asked for.
absl::Status ExpectUnset(const std::string& field, const std::string& value) {
  if (value.empty()) return absl::OkStatus();
  return FieldError(field,
                    absl::StrCat("expected none but of the family "
                                 "language_model; got \"",
                                 value, "\""));
}

absl::Status CheckTokenizer(const v1::CampaignSpec& spec) {
  const std::string& name = spec.model().tokenizer();
  const auto has_name = [&](const v1::SeedSpec& seed) {
    return seed.name() == name;
  };
  if (name.empty() ||
      std::any_of(spec.seeds().begin(), spec.seeds().end(), has_name)) {
    return absl::OkStatus();
  }
  const auto append_name = [](std::string* out, const v1::SeedSpec& seed) {
    absl::StrAppend(out, seed.name());
  };
  return FieldError(
      "model.tokenizer",
      absl::StrCat("expected the name of a seed, one of ",
                   absl::StrJoin(spec.seeds(), ", ", append_name), "; got \"",
                   name, "\""));
}

}  // namespace

absl::Status ValidateModel(const v1::CampaignSpec& spec) {
  const v1::ModelSpec& model = spec.model();
  if (IsLanguageModel(model)) {
    if (KeepsWeights(spec)) {
      return FieldError("seeds[0].random",
                        "expected false with the family language_model; got "
                        "true");
    }
    return CheckTokenizer(spec);
  }
  RETURN_IF_ERROR(ExpectUnset("model.compute_dtype", model.compute_dtype()));
  RETURN_IF_ERROR(ExpectUnset("model.vocabulary", model.vocabulary()));
  return ExpectUnset("model.tokenizer", model.tokenizer());
}

}  // namespace merganser
