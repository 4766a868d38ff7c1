#include "coordinator/store/campaign_store.h"

#include "absl/strings/str_cat.h"

namespace merganser {

absl::string_view CollectionName(Collection collection) {
  switch (collection) {
    case Collection::kSpec:
      return "spec";
    case Collection::kState:
      return "state";
    case Collection::kSlots:
      return "slots";
    case Collection::kProposals:
      return "proposals";
    case Collection::kResults:
      return "results";
    case Collection::kLayouts:
      return "layouts";
    case Collection::kCandidates:
      return "candidates";
    case Collection::kHoldout:
      return "holdout";
    case Collection::kGram:
      return "gram";
  }
  return "unknown";
}

absl::string_view CollectionName(ListCollection list) {
  switch (list) {
    case ListCollection::kLog:
      return "log";
    case ListCollection::kCurve:
      return "curve";
  }
  return "unknown";
}

absl::Status CheckBatch(const Batch& batch) {
  const size_t items = batch.writes.size() + batch.appends.size();
  if (items > kMaxBatchItems) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch: expected at most ", kMaxBatchItems,
                     " writes and appends, got ", items));
  }
  size_t bytes = 0;
  for (const Write& write : batch.writes) {
    if (write.value.has_value()) bytes += write.value->size();
  }
  for (const Append& append : batch.appends) bytes += append.value.size();
  if (bytes > kMaxBatchBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch: expected at most ", kMaxBatchBytes,
                     " bytes of values, got ", bytes));
  }
  return absl::OkStatus();
}

}  // namespace merganser
