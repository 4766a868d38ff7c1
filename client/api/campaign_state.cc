#include "client/api/campaign_state.h"

namespace merganser {

std::string StateName(v1::CampaignState state) {
  switch (state) {
    case v1::CAMPAIGN_STATE_PREPARING:
      return "preparing";
    case v1::CAMPAIGN_STATE_RUNNING:
      return "running";
    case v1::CAMPAIGN_STATE_PAUSED:
      return "paused";
    case v1::CAMPAIGN_STATE_FINISHING:
      return "finishing";
    case v1::CAMPAIGN_STATE_COMPLETED:
      return "completed";
    case v1::CAMPAIGN_STATE_CANCELLED:
      return "cancelled";
    case v1::CAMPAIGN_STATE_FAILED:
      return "failed";
    default:
      return "unknown";
  }
}

bool HasEnded(v1::CampaignState state) {
  return state == v1::CAMPAIGN_STATE_COMPLETED ||
         state == v1::CAMPAIGN_STATE_CANCELLED ||
         state == v1::CAMPAIGN_STATE_FAILED;
}

}  // namespace merganser
