#include "client/results/write_results.h"

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/results/campaign_record.h"
#include "client/results/curve_chart.h"
#include "client/results/lineage.h"
#include "client/results/winner.h"
#include "client/results/winner_folder.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/thread_team.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr std::array<const char*, 6> kResultFiles = {
    kWinnerFile,   kWinnerRecipeFile, kSummaryFile,
    kCurveCsvFile, kCurveSvgFile,     kReplayFolder};

absl::Status FindAncestors(const RecordWriter& record, Winner& winner) {
  ASSIGN_OR_RETURN(const ScheduleOptions options,
                   MakeScheduleOptions(record.header().campaign().spec()));
  ASSIGN_OR_RETURN(const Ancestors accepted,
                   AncestorsInLog(record.accepted(), options.layout));
  ASSIGN_OR_RETURN(winner.ancestors, AncestorsOf(winner.candidate, accepted));
  return absl::OkStatus();
}

// winner.safetensors, if asked for, and winner_recipe.json.
absl::Status WriteWinnerFiles(const RecordWriter& record,
                              const ResultOptions& options) {
  const v1::CampaignSpec& spec = record.header().campaign().spec();
  const std::string weights = absl::StrCat(options.folder, "/", kWinnerFile);
  ASSIGN_OR_RETURN(Winner winner, BestMember(record.header()));
  if (record.best_entry().has_value()) {
    const v1::Proposal& proposal = record.best_entry()->proposal();
    winner.parents = {proposal.parent_a(), proposal.parent_b()};
  }
  if (KeepsWeights(spec)) {
    RETURN_IF_ERROR(FindAncestors(record, winner));
  }
  if (options.weights && IsLanguageModel(spec.model())) {
    ThreadTeam team(options.threads);
    ASSIGN_OR_RETURN(const CampaignSeeds seeds,
                     OpenLocalSeeds(spec, options.models_root, team));
    RETURN_IF_ERROR(
        WriteWinnerFolder(absl::StrCat(options.folder, "/", kWinnerFolder),
                          winner, record.header().campaign(), seeds, team));
  } else if (options.weights) {
    ThreadTeam team(options.threads);
    ASSIGN_OR_RETURN(const ParameterVector made,
                     MakeWinner(winner, spec, options.models_root, team));
    RETURN_IF_ERROR(WriteWinner(weights, winner, made));
  } else {
    // One of an earlier call is not the winner any more.
    std::error_code ignored;
    std::filesystem::remove(weights, ignored);
    std::filesystem::remove_all(
        absl::StrCat(options.folder, "/", kWinnerFolder), ignored);
  }
  ASSIGN_OR_RETURN(const std::string recipe, WinnerRecipeJson(winner, spec));
  return WriteFileAtomically(
      absl::StrCat(options.folder, "/", kWinnerRecipeFile), recipe);
}

std::vector<std::string> ResultFiles(const std::string& folder, bool there) {
  std::vector<std::string> files;
  for (const char* name : kResultFiles) {
    std::error_code ignored;
    // Of a language model, the weights are a folder.
    const std::string other =
        name == kResultFiles[0] ? kWinnerFolder : std::string(name);
    const bool is_file =
        std::filesystem::exists(absl::StrCat(folder, "/", name), ignored);
    const bool is_folder =
        std::filesystem::exists(absl::StrCat(folder, "/", other), ignored);
    if ((is_file || is_folder) != there) continue;
    files.push_back(is_file || !there ? name : other);
  }
  return files;
}

}  // namespace

absl::StatusOr<WrittenResults> WriteResults(ExportSource source,
                                            const ResultOptions& options) {
  const auto path = [&](const char* name) {
    return absl::StrCat(options.folder, "/", name);
  };
  ASSIGN_OR_RETURN(RecordWriter record,
                   RecordWriter::Create(path(kReplayFolder)));
  RETURN_IF_ERROR(source(
      [&](v1::ExportCampaignResponse& part) { return record.Add(part); }));
  std::error_code ignored;
  std::filesystem::remove(path(kWinnerOutputsFile), ignored);
  RETURN_IF_ERROR(WriteWinnerFiles(record, options));
  RETURN_IF_ERROR(record.Commit());
  WrittenResults written{
      .summary = MakeSummary(record.header(), options.wall_seconds)};
  RETURN_IF_ERROR(
      WriteFileAtomically(path(kCurveCsvFile), CurveCsv(written.summary)));
  RETURN_IF_ERROR(
      WriteFileAtomically(path(kCurveSvgFile), CurveSvg(written.summary)));
  RETURN_IF_ERROR(
      WriteFileAtomically(path(kSummaryFile), SummaryToJson(written.summary)));
  written.files = ResultFilesIn(options.folder);
  return written;
}

absl::Status CheckExportFolder(const std::string& folder,
                               const std::string& uid) {
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return absl::OkStatus();
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": expected a folder; it is a file"));
  }
  if (std::filesystem::is_empty(folder, error)) return absl::OkStatus();
  const auto text = ReadFile(absl::StrCat(folder, "/", kSummaryFile));
  const auto summary = text.ok() ? SummaryFromJson(*text)
                                 : absl::StatusOr<Summary>(text.status());
  if (summary.ok() && summary->uid == uid) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      folder,
      ": is not empty and holds no export of this campaign; choose another "
      "--output"));
}

std::vector<std::string> ResultFilesIn(const std::string& folder) {
  std::vector<std::string> files = ResultFiles(folder, /*there=*/true);
  std::error_code ignored;
  if (std::filesystem::exists(absl::StrCat(folder, "/", kWinnerOutputsFile),
                              ignored)) {
    files.push_back(kWinnerOutputsFile);
  }
  return files;
}

std::vector<std::string> ResultFilesMissingIn(const std::string& folder) {
  return ResultFiles(folder, /*there=*/false);
}

}  // namespace merganser
