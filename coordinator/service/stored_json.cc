#include "coordinator/service/stored_json.h"

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "merganser/storage/v1/records.pb.h"

namespace merganser {
namespace {

namespace records = ::merganser::storage::v1;

constexpr int64_t kPage = 1000;

template <typename Record>
std::string Json(const std::string& bytes) {
  Record record;
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!record.ParseFromString(bytes) ||
      !google::protobuf::util::MessageToJsonString(record, &json, options)
           .ok()) {
    return absl::StrCat("unreadable, ", bytes.size(), " bytes");
  }
  return json;
}

std::string Describe(Collection collection, const std::string& bytes) {
  switch (collection) {
    case Collection::kSpec:
      return Json<records::SpecRecord>(bytes);
    case Collection::kState:
      return Json<records::StateRecord>(bytes);
    case Collection::kSlots:
      return Json<records::SlotRecord>(bytes);
    case Collection::kProposals:
      return Json<records::ProposalRecord>(bytes);
    case Collection::kResults:
      return Json<records::ResultRecord>(bytes);
    case Collection::kLayouts:
      return Json<records::LayoutRecord>(bytes);
    case Collection::kCandidates:
      return Json<records::CandidateRecord>(bytes);
    case Collection::kHoldout:
      return Json<records::HoldoutRecord>(bytes);
    case Collection::kGram:
      return absl::StrCat("prefix sums, ", bytes.size(), " bytes");
  }
  return "";
}

std::string Describe(ListCollection list, const std::string& bytes) {
  return list == ListCollection::kLog ? Json<v1::LogEntry>(bytes)
                                      : Json<v1::CurvePoint>(bytes);
}

void AddLine(std::string key, std::string value,
             std::vector<v1::DumpCampaignResponse>& lines) {
  v1::DumpCampaignResponse& line = lines.emplace_back();
  line.set_key(std::move(key));
  line.set_value(std::move(value));
}

absl::Status AddList(CampaignStore& store, const std::string& name,
                     ListCollection list, int64_t length,
                     std::vector<v1::DumpCampaignResponse>& lines) {
  int64_t next = 0;
  while (next < length) {
    ASSIGN_OR_RETURN(const std::vector<std::string> page,
                     store.ReadList(name, list, next, kPage));
    if (page.empty()) break;
    for (const std::string& bytes : page) {
      AddLine(absl::StrCat(CollectionName(list), " ", next++),
              Describe(list, bytes), lines);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::DumpCampaignResponse>> DumpAsJson(
    CampaignStore& store, const std::string& name) {
  std::vector<v1::DumpCampaignResponse> lines;
  ASSIGN_OR_RETURN(const auto keys, store.Dump(name));
  for (const auto& [key, description] : keys) AddLine(key, description, lines);
  ASSIGN_OR_RETURN(const StoredCampaign stored, store.Load(name));
  for (const auto& [collection, values] : stored.maps) {
    for (const auto& [key, bytes] : values) {
      AddLine(absl::StrCat(CollectionName(collection), " ", key),
              Describe(collection, bytes), lines);
    }
  }
  RETURN_IF_ERROR(
      AddList(store, name, ListCollection::kCurve, stored.curve_length, lines));
  RETURN_IF_ERROR(
      AddList(store, name, ListCollection::kLog, stored.log_length, lines));
  return lines;
}

}  // namespace merganser
