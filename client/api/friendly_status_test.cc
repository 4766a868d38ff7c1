#include "client/api/friendly_status.h"

#include <gtest/gtest.h>

#include <string>

namespace merganser {
namespace {

using grpc::StatusCode;

TEST(FriendlyStatus, SaysWhatToDoWhenNobodyAnswers) {
  const grpc::Status refused(
      StatusCode::UNAVAILABLE,
      "failed to connect to all addresses; last error: UNKNOWN: "
      "ipv4:127.0.0.1:50051: Failed to connect to remote host: Connection "
      "refused");
  const absl::Status status = FriendlyStatus(refused, "localhost:50051", false);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()),
            "cannot reach a coordinator at localhost:50051 (connection "
            "refused); is it running? give its address with --coordinator or "
            "MERGANSER_COORDINATOR");
}

TEST(FriendlyStatus, SilenceIsNoConnection) {
  const absl::Status status = FriendlyStatus(
      {StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"}, "host:1", false);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()),
            "cannot reach a coordinator at host:1 (no answer in time); is it "
            "running? give its address with --coordinator or "
            "MERGANSER_COORDINATOR");
}

TEST(FriendlyStatus, KeepsTheCoordinatorsOwnWords) {
  const StatusCode codes[] = {StatusCode::UNAVAILABLE, StatusCode::NOT_FOUND,
                              StatusCode::INVALID_ARGUMENT,
                              StatusCode::ALREADY_EXISTS};
  for (const StatusCode code : codes) {
    const absl::Status status =
        FriendlyStatus({code, "Redis cannot be reached"}, "host:1", true);
    EXPECT_EQ(static_cast<int>(status.code()), static_cast<int>(code));
    EXPECT_EQ(std::string(status.message()), "Redis cannot be reached");
  }
}

TEST(FriendlyStatus, NamesAServerOfAnotherKind) {
  const absl::Status status =
      FriendlyStatus({StatusCode::UNIMPLEMENTED, ""}, "host:1", true);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(std::string(status.message()),
            "the server at host:1 does not know this call; expected a "
            "merganser-coordinator of this client's version");
}

TEST(FriendlyStatus, OkStaysOk) {
  EXPECT_TRUE(FriendlyStatus(grpc::Status::OK, "host:1", false).ok());
}

}  // namespace
}  // namespace merganser
