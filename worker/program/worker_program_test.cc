#include "worker/program/worker_program.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string error;
};

// The program with an evaluator that cannot be made, so that it never serves.
Outcome Execute(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/usr/bin/merganser-worker");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = RunWorkerProgram(
      static_cast<int>(argv.size()), argv.data(),
      {.description = "A test",
       .add_options = {},
       .create_evaluators = [](const WorkerOptions&)
           -> absl::StatusOr<std::unique_ptr<EvaluatorFactory>> {
         return absl::FailedPreconditionError("device cuda:7: there is none");
       }});
  outcome.error = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(WorkerProgramTest, AWrongDeviceIsBadUsage) {
  const Outcome outcome =
      Execute({"--coordinator=localhost:1", "--device=gpu"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.error,
              StartsWith("merganser-worker: --device: expected auto, cpu or "
                         "cuda:N; got \"gpu\""));
}

TEST(WorkerProgramTest, ADeviceThatIsNotThereGivesOneAndNoNameOfACode) {
  const Outcome outcome =
      Execute({"--coordinator=localhost:1", "--device=cuda:7"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.error, HasSubstr("error device cuda:7: there is none"));
}

TEST(WorkerProgramTest, AMissingCoordinatorIsBadUsage) {
  const Outcome outcome = Execute({"--device=cpu"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.error, StartsWith("merganser-worker: --coordinator, or "
                                        "MERGANSER_COORDINATOR, is required"));
}

}  // namespace
}  // namespace merganser
