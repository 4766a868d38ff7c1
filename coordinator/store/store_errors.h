// The words in which every campaign store refuses.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace merganser {

// InvalidArgument.
absl::Status CheckEpoch(uint64_t epoch);
absl::Status CheckListRange(int64_t first, int64_t count);

// FailedPrecondition.
absl::Status OwnerMoved();
absl::Status NotTheOwner(uint64_t epoch, const std::string& owner_epoch);
absl::Status CampaignOfAnotherEpoch(const std::string& name, uint64_t epoch,
                                    const std::string& campaign_epoch);

// NotFound, AlreadyExists, Aborted.
absl::Status CampaignNotFound(const std::string& name);
absl::Status CampaignAlreadyExists(const std::string& name);
absl::Status AnotherRevision(const std::string& name, int64_t expected_revision,
                             const std::string& revision);

// The status of an error reply of Redis; `text` is the reply. Unauthenticated,
// PermissionDenied, ResourceExhausted or Unavailable where they fit, with what
// to do about it; else Internal.
absl::Status RedisReplyError(const std::string& text);

}  // namespace merganser
