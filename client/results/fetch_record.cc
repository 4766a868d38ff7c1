#include "client/results/fetch_record.h"

#include "client/api/campaign_client.h"
#include "client/results/campaign_record.h"
#include "common/base/status_macros.h"

namespace merganser {

absl::Status FetchRecord(const std::string& coordinator,
                         const std::string& name, const std::string& folder) {
  ASSIGN_OR_RETURN(const auto client, CampaignClient::Create(coordinator));
  ASSIGN_OR_RETURN(RecordWriter record, RecordWriter::Create(folder));
  RETURN_IF_ERROR(client->Export(
      name, /*without_log=*/false,
      [&](v1::ExportCampaignResponse& part) { return record.Add(part); }));
  return record.Commit();
}

}  // namespace merganser
