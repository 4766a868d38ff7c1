#include "client/report/report_command.h"

#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/embedded/temporary_folder.h"
#include "client/report/report_data.h"
#include "client/report/report_page.h"
#include "client/results/campaign_record.h"
#include "client/results/fetch_record.h"
#include "client/results/write_results.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

struct ReportArguments {
  std::string subject;  // a campaign's name, or a folder
  std::string output;
};

absl::StatusOr<std::unique_ptr<RecordReader>> OpenSubject(
    const std::string& subject, const std::string& coordinator,
    const TemporaryFolder& temporary) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(subject, ignored)) {
    const std::string folder = temporary.path() + "/record";
    RETURN_IF_ERROR(FetchRecord(coordinator, subject, folder));
    return RecordReader::Open(folder);
  }
  const std::string folder = absl::StrCat(subject, "/", kReplayFolder);
  auto record = RecordReader::Open(folder);
  if (!absl::IsNotFound(record.status())) return record;
  return absl::InvalidArgumentError(absl::StrCat(
      subject, ": expected a folder of results with ", kReplayFolder,
      "/ in it, as `merganser run` and `merganser export` write it"));
}

absl::Status WriteReport(const ReportArguments& arguments,
                         const std::string& coordinator) {
  ASSIGN_OR_RETURN(const TemporaryFolder temporary, TemporaryFolder::Create());
  ASSIGN_OR_RETURN(const auto record,
                   OpenSubject(arguments.subject, coordinator, temporary));
  ASSIGN_OR_RETURN(const nlohmann::ordered_json data, MakeReportData(*record));
  return WriteFileAtomically(arguments.output, ReportPage(data));
}

int RunReport(const ReportArguments& arguments, const GlobalOptions& global) {
  const absl::Status written = WriteReport(arguments, global.coordinator);
  if (!written.ok()) return ReportError(written);
  std::cout << (global.json
                    ? nlohmann::json({{"report", arguments.output}}).dump()
                    : arguments.output)
            << std::endl;
  return kExitOk;
}

}  // namespace

void AddReportCommand(CLI::App& app, const GlobalOptions& global,
                      CommandBody* chosen) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command = AddCommand(
      app, "report",
      "Write a campaign as one page of HTML that needs no network: curves, who "
      "holds which niches, what the winner is made of and descends from, "
      "scores "
      "beside the seeds'. Works while the campaign runs, too.",
      "merganser report runs/digits-pretrained -o report.html");
  command
      ->add_option("SUBJECT", arguments->subject,
                   "A folder of results, or a campaign's name")
      ->type_name("NAME|DIR")
      ->required();
  command->add_option("-o,--output", arguments->output, "File to write")
      ->type_name("FILE")
      ->required();
  command->callback([=, &global] {
    *chosen = [arguments, &global] { return RunReport(*arguments, global); };
  });
}

}  // namespace merganser
