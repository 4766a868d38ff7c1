// The campaign's values as they are stored: packing and unpacking.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/schedule/ordered_schedule.h"
#include "coordinator/store/campaign_store.h"
#include "merganser/storage/v1/records.pb.h"

namespace merganser {

// The only key of collections that hold one value.
inline constexpr int64_t kOnlyKey = 0;

// What a slot's member looks like in kSlots.
std::string PackSlot(ScoreKind kind, const Member& member,
                     const LinearRecipe& recipe);
// The same where weights are kept, of so many bytes.
std::string PackSlot(ScoreKind kind, const Member& member,
                     int64_t weights_bytes);
absl::StatusOr<StoredSlot> UnpackSlot(ScoreKind kind, int64_t datapoints,
                                      const std::string& bytes);

// Without the recipe, which UnpackProposal makes again from the parents'.
std::string PackProposal(const Proposal& proposal);
// Errors: DataLoss, too, if a parent is not among the accepted candidates, or
// if the genome's digest does not follow from the parents.
absl::StatusOr<Proposal> UnpackProposal(
    const ScheduleOptions& plan,
    const std::map<int64_t, storage::v1::CandidateRecord>& candidates,
    const std::string& bytes);

std::string PackLayout(const std::vector<uint32_t>& order);
// Errors: DataLoss unless it has `datapoints` entries below `datapoints`.
absl::StatusOr<LayoutOrderPointer> UnpackLayout(int64_t datapoints,
                                                const std::string& bytes);

// Parses any record. Errors: DataLoss naming `what`.
template <typename Record>
absl::StatusOr<Record> UnpackRecord(const std::string& bytes,
                                    absl::string_view what) {
  Record record;
  if (!record.ParseFromString(bytes)) {
    return absl::DataLossError(
        absl::StrCat("the stored ", what, " cannot be read"));
  }
  return record;
}

// The value at `key`, or nullptr.
const std::string* FindValue(const StoredCampaign& stored,
                             Collection collection, int64_t key);
// All values of a collection, ascending by key; empty if there are none.
const std::map<int64_t, std::string>& ValuesOf(const StoredCampaign& stored,
                                               Collection collection);

}  // namespace merganser
