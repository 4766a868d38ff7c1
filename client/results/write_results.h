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
// Holds the record; see campaign_record.h.
inline constexpr char kReplayFolder[] = "replay";

struct ResultOptions {
  // An existing folder.
  std::string folder;
  // Where relative paths of seeds start; empty = the working directory.
  std::string models_root;
  // False: no winner.safetensors, for which the seeds must be at hand.
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
// summary.json last: where it stands, the others do.
// Errors: those of `source`; InvalidArgument for seeds that cannot be read;
// ResourceExhausted when the disk is full; what the system says.
absl::StatusOr<WrittenResults> WriteResults(ExportSource source,
                                            const ResultOptions& options);

// Those of the result files that the folder holds, relative to it.
std::vector<std::string> ResultFilesIn(const std::string& folder);

}  // namespace merganser
