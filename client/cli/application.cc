#include "client/cli/application.h"

#include <exception>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "client/cli/campaign_commands.h"
#include "client/cli/file_commands.h"
#include "client/cli/service_commands.h"
#include "client/cli/watch_command.h"
#include "common/command_line/usage_message.h"

namespace merganser {
namespace {

constexpr char kDescription[] =
    "Evolves new models out of existing ones by merging their weights.";

constexpr char kFooter[] = R"(Examples:
  merganser run examples/digits-pretrained.yaml --output /tmp/digits
  merganser submit examples/digits-pretrained.yaml --watch
  merganser COMMAND --help

Exit codes:
  0    done
  1    failed: a difference was found, the campaign failed or was cancelled,
       an internal error
  2    bad usage or bad input: command line, campaign file, data
  3    what is needed is not there: the coordinator or Redis cannot be
       reached, or one of the programs is missing
  4    not found, or in conflict with the present state: a name that is taken,
       a campaign that has ended
  130  interrupted by Ctrl-C; `run` also gives 143 when it is terminated)";

}  // namespace

std::string VersionText() {
  return absl::StrCat("merganser ", MERGANSER_VERSION);
}

Application::Application() : app_(kDescription, "merganser") {
  app_.footer(kFooter);
  app_.failure_message(UsageMessage);
  app_.require_subcommand(1);
  // Global options may stand behind the command, too.
  app_.fallthrough();
  app_.set_version_flag("--version", VersionText(), "Print the version");
  app_.add_option("--coordinator", global_.coordinator,
                  "Address of the coordinator")
      ->envname("MERGANSER_COORDINATOR")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app_.add_flag("--json", global_.json,
                "Print JSON, one object per line, in the words of the contract "
                "proto/merganser/v1");
}

int Application::Run(int argc, const char* const* argv) {
  int code = kExitBadInput;
  try {
    app_.parse(argc, argv);
    if (chosen_) code = chosen_();
  } catch (const CLI::ParseError& error) {
    code = app_.exit(error) == 0 ? kExitOk : kExitBadInput;
  } catch (const std::exception& error) {  // no memory, say
    code = ReportError(absl::InternalError(error.what()));
  }
  std::cout.flush();
  if (std::cout.good()) return code;
  return ReportError(absl::UnknownError("cannot write to standard output"));
}

void AddBasicCommands(Application& application,
                      const CandidateDetails& details) {
  CLI::App& app = application.app();
  const GlobalOptions& global = application.global();
  CommandBody* const chosen = application.chosen();
  AddValidateCommand(app, global, chosen);
  AddSubmitCommand(app, global, chosen);
  AddListCommand(app, global, chosen);
  AddGetCommand(app, global, chosen);
  AddWatchCommand(app, global, chosen);
  AddStateCommands(app, global, chosen);
  AddCandidatesCommand(app, global, chosen, details);
  AddLineageCommand(app, global, chosen);
  AddWorkersCommand(app, global, chosen);
  AddDebugCommand(app, global, chosen);
  AddVersionCommand(app, global, chosen);
}

}  // namespace merganser
