// How much memory a campaign's children take on a worker.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Bytes of one child of a resolved spec: its parameters in
// model.compute_dtype and, where that is neither float32 nor the weights'
// dtype, in that, too. Activations, keys and values come on top; the seeds are
// mapped from files. Errors: InvalidArgument for a dtype that is none.
absl::StatusOr<int64_t> ChildMemoryBytes(const v1::CampaignSpec& spec);

// "1.5 GB": decimal, for messages.
std::string MemoryText(int64_t bytes);

}  // namespace merganser
