#include "client/replay/record_subject.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/embedded/run_directory.h"
#include "client/results/fetch_record.h"
#include "client/results/write_results.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr char kIdentityFile[] = "/campaign.json";

// Threads per worker of an embedded run in the folder; 1 for an export.
int ThreadsOfRun(const std::string& folder) {
  const auto text = ReadFile(folder + kIdentityFile);
  if (!text.ok()) return 1;
  const auto identity = IdentityFromJson(*text);
  return identity.ok() ? std::max(1, identity->threads_per_worker) : 1;
}

absl::Status NoRecord(const std::string& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder + kIdentityFile, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder,
        ": its run has not finished, and writes its results at the end; run "
        "`merganser run` with the same file and --output, which goes on with "
        "it"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      folder, ": expected a folder of results with ", kReplayFolder,
      "/ in it, as `merganser run` and `merganser export` write it"));
}

}  // namespace

absl::StatusOr<RecordSubject> FindRecord(const std::string& subject,
                                         const std::string& coordinator,
                                         const std::string& temporary) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(subject, ignored)) {
    RecordSubject found{.record_folder = temporary + "/record"};
    RETURN_IF_ERROR(FetchRecord(coordinator, subject, found.record_folder));
    return found;
  }
  RecordSubject found{
      .record_folder = absl::StrCat(subject, "/", kReplayFolder),
      .result_folder = subject,
      .threads_per_worker = ThreadsOfRun(subject)};
  if (!std::filesystem::is_directory(found.record_folder, ignored)) {
    return NoRecord(subject);
  }
  return found;
}

}  // namespace merganser
