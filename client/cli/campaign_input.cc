#include "client/cli/campaign_input.h"

#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/resolve.h"
#include "common/campaign_spec/validate.h"

namespace merganser {

absl::StatusOr<v1::CampaignSpec> LoadCampaign(const FileOptions& options) {
  ASSIGN_OR_RETURN(v1::CampaignSpec spec,
                   LoadCampaignFile(options.file, options.overrides));
  RETURN_IF_ERROR(Annotate(ValidateSpec(spec), options.file));
  const ResolveOptions resolve{.base_dir = DirectoryOf(options.file),
                               .models_root = options.models_root};
  RETURN_IF_ERROR(Annotate(ResolveSpec(spec, resolve), options.file));
  RETURN_IF_ERROR(
      Annotate(ValidateSpec(spec, {.require_resolved = true}), options.file));
  return spec;
}

}  // namespace merganser
