#include "coordinator/dispatch/job_key_proto.h"

namespace merganser {
namespace {

struct KindName {
  JobKind kind;
  v1::JobKind proto;
};

constexpr KindName kKinds[] = {
    {JobKind::kGram, v1::JOB_KIND_GRAM},
    {JobKind::kSeed, v1::JOB_KIND_SEED},
    {JobKind::kMakeBlob, v1::JOB_KIND_MAKE_BLOB},
    {JobKind::kHoldout, v1::JOB_KIND_HOLDOUT},
    {JobKind::kSearch, v1::JOB_KIND_SEARCH},
};

}  // namespace

v1::JobKey JobKeyToProto(const JobKey& key) {
  v1::JobKey proto;
  proto.set_campaign_uid(key.campaign_uid);
  for (const KindName& name : kKinds) {
    if (name.kind == key.kind) proto.set_kind(name.proto);
  }
  proto.set_candidate(key.candidate);
  proto.set_part(key.part);
  return proto;
}

std::optional<JobKey> JobKeyFromProto(const v1::JobKey& proto) {
  for (const KindName& name : kKinds) {
    if (name.proto == proto.kind()) {
      return JobKey{proto.campaign_uid(), name.kind, proto.candidate(),
                    proto.part()};
    }
  }
  return std::nullopt;
}

}  // namespace merganser
