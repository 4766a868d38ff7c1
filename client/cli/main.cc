// The command `merganser`: its commands are put together here.
#include "client/cli/application.h"
#include "client/embedded/run_command.h"
#include "client/eval/eval_command.h"
#include "client/merge/inspect_command.h"
#include "client/merge/merge_command.h"
#include "client/outputs/outputs_command.h"
#include "client/replay/verify_command.h"
#include "client/report/report_command.h"
#include "client/results/export_command.h"

int main(int argc, char** argv) {
  merganser::Application application;
  merganser::AddRunCommand(application.app(), application.global(),
                           application.chosen());
  merganser::AddBasicCommands(application, merganser::CandidateOutputs());
  merganser::AddExportCommand(application.app(), application.global(),
                              application.chosen());
  merganser::AddReportCommand(application.app(), application.global(),
                              application.chosen());
  merganser::AddVerifyCommand(application.app(), application.global(),
                              application.chosen());
  merganser::AddInspectCommand(application.app(), application.global(),
                               application.chosen());
  merganser::AddMergeCommand(application.app(), application.global(),
                             application.chosen());
  merganser::AddEvalCommand(application.app(), application.global(),
                            application.chosen());
  return application.Run(argc, argv);
}
