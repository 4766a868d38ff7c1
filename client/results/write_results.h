// The folder that a campaign leaves behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/results/summary.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

inline constexpr char kSummaryFile[] = "summary.json";
inline constexpr char kCurveCsvFile[] = "curve.csv";
inline constexpr char kCurveSvgFile[] = "curve.svg";
inline constexpr char kWinnerFile[] = "winner.safetensors";
inline constexpr char kWinnerRecipeFile[] = "winner_recipe.json";
// What the winner wrote, where tasks have keep_outputs; written by the callers
// of WriteResults().
inline constexpr char kWinnerOutputsFile[] = "winner_outputs.jsonl";
// Holds the record; see campaign_record.h.
inline constexpr char kReplayFolder[] = "replay";

struct ResultOptions {
  // An existing folder.
  std::string folder;
  // Where relative paths of seeds start; empty = the working directory.
  std::string models_root;
  // False: no winner.safetensors, for which the seeds must be at hand unless
  // they are random; one of an earlier call is removed.
  bool weights = true;
  // Threads that make the weights.
  int threads = 1;
  // See MakeSummary().
  std::optional<double> wall_seconds;
};

struct WrittenResults {
  Summary summary;
  std::vector<std::string> files;  // relative to the folder
};

// Calls its argument with each part of one ExportCampaign stream in turn.
using ExportPart = absl::FunctionRef<absl::Status(v1::ExportCampaignResponse&)>;
using ExportSource = absl::FunctionRef<absl::Status(ExportPart part)>;

// Reads the export and writes all result files, each of them atomically,
// summary.json last: where it stands, the others do. Outputs of an earlier
// winner are removed.
// Where weights are kept, the export must have the log.
// Errors: those of `source`; InvalidArgument for seeds that cannot be read;
// DataLoss when the log does not lead to the winner's weights;
// ResourceExhausted when the disk is full; what the system says.
absl::StatusOr<WrittenResults> WriteResults(ExportSource source,
                                            const ResultOptions& options);

// Whether results of the campaign `uid` may be written to `folder`: it is new,
// empty, or holds an earlier export of this campaign.
// Errors: InvalidArgument when it is no folder, FailedPrecondition when it
// holds anything else.
absl::Status CheckExportFolder(const std::string& folder,
                               const std::string& uid);

// Those of the result files that the folder holds, and those that it does not,
// relative to it.
std::vector<std::string> ResultFilesIn(const std::string& folder);
std::vector<std::string> ResultFilesMissingIn(const std::string& folder);

}  // namespace merganser
