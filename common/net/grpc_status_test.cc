#include "common/net/grpc_status.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace merganser {
namespace {

TEST(GrpcStatusTest, EveryCodeKeepsItsMeaningAndMessage) {
  const std::vector<std::pair<grpc::StatusCode, absl::StatusCode>> codes = {
      {grpc::StatusCode::CANCELLED, absl::StatusCode::kCancelled},
      {grpc::StatusCode::UNKNOWN, absl::StatusCode::kUnknown},
      {grpc::StatusCode::INVALID_ARGUMENT, absl::StatusCode::kInvalidArgument},
      {grpc::StatusCode::DEADLINE_EXCEEDED,
       absl::StatusCode::kDeadlineExceeded},
      {grpc::StatusCode::NOT_FOUND, absl::StatusCode::kNotFound},
      {grpc::StatusCode::ALREADY_EXISTS, absl::StatusCode::kAlreadyExists},
      {grpc::StatusCode::PERMISSION_DENIED,
       absl::StatusCode::kPermissionDenied},
      {grpc::StatusCode::RESOURCE_EXHAUSTED,
       absl::StatusCode::kResourceExhausted},
      {grpc::StatusCode::FAILED_PRECONDITION,
       absl::StatusCode::kFailedPrecondition},
      {grpc::StatusCode::ABORTED, absl::StatusCode::kAborted},
      {grpc::StatusCode::OUT_OF_RANGE, absl::StatusCode::kOutOfRange},
      {grpc::StatusCode::UNIMPLEMENTED, absl::StatusCode::kUnimplemented},
      {grpc::StatusCode::INTERNAL, absl::StatusCode::kInternal},
      {grpc::StatusCode::UNAVAILABLE, absl::StatusCode::kUnavailable},
      {grpc::StatusCode::DATA_LOSS, absl::StatusCode::kDataLoss},
      {grpc::StatusCode::UNAUTHENTICATED, absl::StatusCode::kUnauthenticated},
  };
  for (const auto& [grpc_code, absl_code] : codes) {
    const absl::Status status = StatusFromGrpc({grpc_code, "why"});
    EXPECT_EQ(status.code(), absl_code);
    EXPECT_EQ(status.message(), "why");
    const grpc::Status back = GrpcFromStatus(absl::Status(absl_code, "why"));
    EXPECT_EQ(back.error_code(), grpc_code);
    EXPECT_EQ(back.error_message(), "why");
  }
}

TEST(GrpcStatusTest, OkStaysOk) {
  EXPECT_TRUE(StatusFromGrpc(grpc::Status::OK).ok());
  EXPECT_TRUE(GrpcFromStatus(absl::OkStatus()).ok());
}

}  // namespace
}  // namespace merganser
