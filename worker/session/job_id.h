// A JobKey that can be compared.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "merganser/v1/worker_service.pb.h"

namespace merganser {

struct JobId {
  std::string campaign_uid;
  int kind = v1::JOB_KIND_UNSPECIFIED;
  int64_t candidate = 0;
  int part = 0;

  friend auto operator<=>(const JobId&, const JobId&) = default;
};

inline JobId IdOf(const v1::JobKey& key) {
  return {key.campaign_uid(), key.kind(), key.candidate(), key.part()};
}

}  // namespace merganser
