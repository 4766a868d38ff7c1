#include "common/command_line/usage_message.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace merganser {
namespace {

struct Row {
  const char* name;
  std::vector<std::string> arguments;
  const char* message;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class UsageMessageTest : public ::testing::TestWithParam<Row> {};

TEST_P(UsageMessageTest, BeginsWithTheProgramAndHelps) {
  CLI::App app("", "prog");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json");
  CLI::App* run = app.add_subcommand("run");
  int workers = 0;
  std::string file;
  // CLI11's own validators say it differently from version to version.
  run->add_option("--workers", workers)->check([](const std::string& value) {
    return value == "9" ? "expected 1 to 8; got 9" : std::string();
  });
  run->add_option("--hidden-workers")->group("");
  run->add_option("FILE", file)->required();
  CLI::App* debug = app.add_subcommand("debug");
  debug->require_subcommand(1);
  debug->add_subcommand("dump");
  std::vector<std::string> reversed(GetParam().arguments.rbegin(),
                                    GetParam().arguments.rend());
  try {
    app.parse(reversed);
    ADD_FAILURE() << "it was understood";
  } catch (const CLI::ParseError& error) {
    EXPECT_EQ(UsageMessage(&app, error), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, UsageMessageTest,
    ::testing::Values(
        Row{"Nothing", {}, "prog: expected a command; see prog --help\n"},
        Row{"MisspeltCommand",
            {"rnu", "x"},
            "prog: unknown command rnu; did you mean run?\n"},
        Row{"UnknownCommand",
            {"elephant"},
            "prog: unknown command elephant; see prog --help\n"},
        Row{"MisspeltSubcommand",
            {"debug", "dmup"},
            "prog debug: unknown command dmup; did you mean dump?\n"},
        Row{"NoSubcommand",
            {"debug"},
            "prog debug: expected a command; see prog debug --help\n"},
        Row{"MisspeltOption",
            {"run", "x", "--wrokers", "3"},
            "prog run: unknown option --wrokers; did you mean --workers?\n"},
        Row{"MisspeltOptionWithValue",
            {"run", "--wrokers=3"},
            "prog run: unknown option --wrokers; did you mean --workers?\n"},
        Row{"MisspeltOptionOfTheProgram",
            {"run", "x", "--jsno"},
            "prog run: unknown option --jsno; did you mean --json?\n"},
        Row{"HiddenOptionsAreNotSuggested",
            {"run", "x", "--hidden-worker=1"},
            "prog run: unknown option --hidden-worker; see prog run --help\n"},
        Row{"OneTooMany",
            {"run", "x", "y"},
            "prog run: unexpected argument y; see prog run --help\n"},
        Row{"MissingArgument",
            {"run"},
            "prog run: FILE is required; see prog run --help\n"},
        Row{"OutOfRange",
            {"run", "x", "--workers", "9"},
            "prog run: --workers: expected 1 to 8; got 9; see prog run "
            "--help\n"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace merganser
