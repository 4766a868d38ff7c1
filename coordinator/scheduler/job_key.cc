#include "coordinator/scheduler/job_key.h"

#include "absl/strings/str_cat.h"

namespace merganser {

absl::string_view JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kGram:
      return "gram";
    case JobKind::kSeed:
      return "seed";
    case JobKind::kMakeBlob:
      return "make_blob";
    case JobKind::kHoldout:
      return "holdout";
    case JobKind::kSearch:
      return "search";
  }
  return "unknown";
}

std::string JobKey::ToString() const {
  return absl::StrCat(JobKindName(kind), " ", candidate,
                      part == 0 ? "" : absl::StrCat(" part ", part),
                      " of campaign ", campaign_uid);
}

}  // namespace merganser
