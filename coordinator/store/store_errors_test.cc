#include "coordinator/store/store_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

struct Row {
  std::string name;
  std::string reply;  // as Redis words it
  absl::StatusCode code;
};

class RedisReplies : public testing::TestWithParam<Row> {};

TEST_P(RedisReplies, BecomeStatuses) {
  const absl::Status status = RedisReplyError(GetParam().reply);
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::StartsWith(GetParam().reply));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RedisReplies,
    testing::Values(
        Row{"NoPassword", "NOAUTH Authentication required.",
            absl::StatusCode::kUnauthenticated},
        Row{"WrongPassword",
            "WRONGPASS invalid username-password pair or user is disabled.",
            absl::StatusCode::kUnauthenticated},
        Row{"WrongPasswordRedis5", "ERR invalid password",
            absl::StatusCode::kUnauthenticated},
        Row{"PasswordNotWanted",
            "ERR AUTH <password> called without any password configured for "
            "the default user. Are you sure your configuration is correct?",
            absl::StatusCode::kUnauthenticated},
        Row{"PasswordNotWantedRedis5",
            "ERR Client sent AUTH, but no password is set",
            absl::StatusCode::kUnauthenticated},
        Row{"NoPermission",
            "NOPERM this user has no permissions to run the 'eval' command",
            absl::StatusCode::kPermissionDenied},
        Row{"OutOfMemory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            absl::StatusCode::kResourceExhausted},
        Row{"OutOfMemoryInAScriptOfRedis6",
            "ERR Error running script (call to f_1a2b): @user_script:52: "
            "@user_script: 52: -OOM command not allowed when used memory > "
            "'maxmemory'.",
            absl::StatusCode::kResourceExhausted},
        Row{"Replica", "READONLY You can't write against a read only replica.",
            absl::StatusCode::kUnavailable},
        Row{"DiskError",
            "MISCONF Errors writing to the AOF file: No space left on device",
            absl::StatusCode::kUnavailable},
        Row{"Loading", "LOADING Redis is loading the dataset in memory",
            absl::StatusCode::kUnavailable},
        Row{"TooManyClients", "ERR max number of clients reached",
            absl::StatusCode::kUnavailable},
        Row{"Unknown", "ERR unknown command 'EVALSHA'",
            absl::StatusCode::kInternal}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace merganser
