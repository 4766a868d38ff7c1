#include "client/cli/output.h"

#include <gtest/gtest.h>

#include <string>

#include "client/cli/command.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {
namespace {

TEST(Table, AlignsColumnsWithoutTrailingSpaces) {
  Table table({"NAME", "N", "END"});
  table.Add({"a", "1000", "x"});
  table.Add({"longer", "1", ""});
  EXPECT_EQ(table.Text(),
            "NAME    N     END\n"
            "a       1000  x\n"
            "longer  1\n");
}

TEST(ToJson, UsesTheNamesOfTheContractAndShowsDefaults) {
  v1::GetLineageRequest request;
  request.set_name("x");
  EXPECT_EQ(ToJson(request), R"({"name":"x"})");
  request.set_candidate(-1);
  EXPECT_EQ(ToJson(request), R"({"name":"x","candidate":"-1"})");
  EXPECT_EQ(ToJson(v1::ExtendBudgetRequest()),
            R"({"name":"","evaluations":"0"})");
}

TEST(Output, ShowsWhatIsNotKnownAsADash) {
  v1::SeedScore score;
  EXPECT_EQ(Holdout(score), "-");
  score.set_holdout_accuracy(0.25);
  EXPECT_EQ(Holdout(score), "0.2500");
  google::protobuf::Timestamp time;
  EXPECT_EQ(TimeText(time), "-");
  time.set_seconds(951782400);  // date -u -d @951782400
  EXPECT_EQ(TimeText(time), "2000-02-29 00:00:00");
}

TEST(Output, ShowsDigestsInHexadecimal) { EXPECT_EQ(Hex("\x01\xff"), "01ff"); }

TEST(ExitCode, FollowsTheDocumentedTable) {
  using absl::StatusCode;
  const std::pair<StatusCode, int> rows[] = {
      {StatusCode::kOk, 0},
      {StatusCode::kInternal, 1},
      {StatusCode::kUnknown, 1},
      {StatusCode::kDataLoss, 1},
      {StatusCode::kUnimplemented, 1},
      {StatusCode::kResourceExhausted, 1},
      {StatusCode::kInvalidArgument, 2},
      {StatusCode::kOutOfRange, 2},
      {StatusCode::kUnavailable, 3},
      {StatusCode::kDeadlineExceeded, 3},
      {StatusCode::kUnauthenticated, 3},
      {StatusCode::kPermissionDenied, 3},
      {StatusCode::kNotFound, 4},
      {StatusCode::kAlreadyExists, 4},
      {StatusCode::kFailedPrecondition, 4},
      {StatusCode::kAborted, 4},
      {StatusCode::kCancelled, 130},
  };
  for (const auto& [code, expected] : rows) {
    EXPECT_EQ(ExitCode(absl::Status(code, "x")), expected)
        << absl::StatusCodeToString(code);
  }
}

}  // namespace
}  // namespace merganser
