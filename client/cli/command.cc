#include "client/cli/command.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/base/status_words.h"

namespace merganser {

void AddFileOptions(CLI::App& command, FileOptions& options) {
  command.add_option("FILE", options.file, "Campaign file")->required();
  // One value each, so that FILE may stand behind it.
  command
      .add_option("--set", options.overrides,
                  "Set a key of the file, as in --set budget.evaluations=500; "
                  "may be repeated")
      ->type_name("KEY.PATH=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--models-root", options.models_root,
                  "Directory that holds all files of the campaign; the workers "
                  "have the same files below their own --models-root")
      ->type_name("DIR");
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitBadInput;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kExitUnreachable;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return kExitConflict;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

int ReportError(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  std::cout.flush();
  std::cerr << "merganser: " << StatusWords(status) << std::endl;
  return ExitCode(status);
}

CLI::App* AddCommand(CLI::App& app, const std::string& name,
                     const std::string& description,
                     const std::string& example) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->footer(absl::StrCat(
      "Example:\n  ", example,
      "\n\n--coordinator and --json may follow; see merganser --help."));
  return command;
}

}  // namespace merganser
