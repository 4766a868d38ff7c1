#include "coordinator/store/store_errors.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace merganser {

absl::Status CheckEpoch(uint64_t epoch) {
  if (epoch != 0) return absl::OkStatus();
  return absl::InvalidArgumentError("epoch: expected a number other than 0");
}

absl::Status CheckListRange(int64_t first, int64_t count) {
  if (first >= 0 && count >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("list range: expected first and count of at least 0, got ",
                   first, " and ", count));
}

absl::Status OwnerMoved() {
  return absl::FailedPreconditionError(
      "another coordinator owns the store, or took it meanwhile");
}

absl::Status NotTheOwner(uint64_t epoch, const std::string& owner_epoch) {
  return absl::FailedPreconditionError(
      absl::StrCat("the store is owned by epoch ", owner_epoch, ", not by ",
                   epoch, ": another coordinator took over"));
}

absl::Status CampaignOfAnotherEpoch(const std::string& name, uint64_t epoch,
                                    const std::string& campaign_epoch) {
  return absl::FailedPreconditionError(
      absl::StrCat("campaign ", name, " is owned by epoch ", campaign_epoch,
                   ", not by ", epoch));
}

absl::Status CampaignNotFound(const std::string& name) {
  return absl::NotFoundError(
      absl::StrCat("there is no campaign ", name, " in the store"));
}

absl::Status CampaignAlreadyExists(const std::string& name) {
  return absl::AlreadyExistsError(
      absl::StrCat("campaign ", name, " exists already in the store"));
}

absl::Status AnotherRevision(const std::string& name, int64_t expected_revision,
                             const std::string& revision) {
  return absl::AbortedError(absl::StrCat("campaign ", name, " is at revision ",
                                         revision, ", not at ",
                                         expected_revision));
}

absl::Status RedisReplyError(const std::string& text) {
  // Before Redis 7 an error inside a script comes wrapped:
  // "ERR Error running script (call to f_…): @user_script:12: -OOM command …".
  const size_t inner = absl::StartsWith(text, "ERR Error running script")
                           ? text.rfind(": -")
                           : std::string::npos;
  const absl::string_view reason = absl::string_view(text).substr(
      inner == std::string::npos ? 0 : inner + 3);
  const auto starts = [reason](const char* prefix) {
    return absl::StartsWith(reason, prefix);
  };
  if (starts("NOAUTH")) {
    return absl::UnauthenticatedError(
        absl::StrCat(text,
                     " (put the password into the Redis URL: "
                     "redis://:password@host or redis://user:password@host)"));
  }
  if (starts("WRONGPASS") || starts("ERR invalid password") ||
      starts("ERR AUTH") || starts("ERR Client sent AUTH")) {
    return absl::UnauthenticatedError(absl::StrCat(
        text,
        " (the user and password of the Redis URL are not this server's)"));
  }
  if (starts("NOPERM")) return absl::PermissionDeniedError(text);
  if (starts("OOM")) {
    return absl::ResourceExhaustedError(
        absl::StrCat(text, " (raise Redis' maxmemory; nothing was written)"));
  }
  if (starts("READONLY")) {
    return absl::UnavailableError(absl::StrCat(
        text, " (this Redis is a replica; give the address of the primary)"));
  }
  if (starts("MISCONF")) {
    return absl::UnavailableError(
        absl::StrCat(text, " (Redis cannot write to its disk; see its log)"));
  }
  for (const char* passing :
       {"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN",
        "NOREPLICAS", "ERR max number of clients"}) {
    if (starts(passing)) return absl::UnavailableError(text);
  }
  return absl::InternalError(text);
}

}  // namespace merganser
