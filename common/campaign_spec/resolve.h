// Completes a spec from the files that it names.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

struct ResolveOptions {
  // The campaign file's directory; relative paths start there. Empty = the
  // working directory.
  std::string base_dir;
  // Not empty: the paths in the spec become relative to it, as workers with
  // the same --models-root see them, and must lie below it.
  std::string models_root;
};

// Opens every seed and dataset, checks that they fit one another (shapes,
// finite weights, width of the rows, labels below the number of outputs), and
// fills in all fields marked "resolved"; random seeds have no file, and their
// shapes are those of model.layers. Paths become absolute, or relative to
// `models_root`. Takes a spec that ValidateSpec() accepts; it is unchanged on
// an error.
// Errors: InvalidArgument naming the field, the file and what was expected.
absl::Status ResolveSpec(v1::CampaignSpec& spec, const ResolveOptions& options);

// The directory of a campaign file, for ResolveOptions::base_dir.
std::string DirectoryOf(const std::string& campaign_file);

}  // namespace merganser
