// Job names on the wire.
#pragma once

#include <optional>

#include "coordinator/scheduler/job_key.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

v1::JobKey JobKeyToProto(const JobKey& key);
// Nullopt for an unknown kind.
std::optional<JobKey> JobKeyFromProto(const v1::JobKey& proto);

}  // namespace merganser
