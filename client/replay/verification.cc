#include "client/replay/verification.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/progress_line.h"
#include "client/replay/result_check.h"
#include "client/replay/scorer_blobs.h"
#include "client/results/campaign_record.h"
#include "common/base/status_macros.h"
#include "common/base/status_words.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/gram.h"
#include "common/genome/thread_team.h"

namespace merganser {
namespace {

class Verification {
 public:
  Verification(const VerifyOptions& options, RecordReader& record)
      : options_(options), record_(record), team_(options.threads) {}

  absl::StatusOr<VerifyReport> Run() {
    RETURN_IF_ERROR(StartRescorer());
    RETURN_IF_ERROR(ReplayLog());
    RETURN_IF_ERROR(CheckResults());
    if (rescorer_ != nullptr) RETURN_IF_ERROR(FinishRescorer());
    return std::move(report_);
  }

 private:
  const v1::Campaign& campaign() const { return record_.header().campaign(); }

  absl::Status StartRescorer() {
    if (options_.rescore == RescoreChoice::kNone) return absl::OkStatus();
    if (KeepsWeights(campaign().spec())) {
      ASSIGN_OR_RETURN(blobs_, ScorerBlobs::Open(options_.blobs_folder));
    }
    ASSIGN_OR_RETURN(scorer_, options_.start_scorer(campaign().spec()));
    rescorer_ = std::make_unique<Rescorer>(*scorer_, report_.differences);
    if (blobs_ != nullptr) rescorer_->UseBlobs(*blobs_);
    if (options_.rescore == RescoreChoice::kAccepted) {
      rescorer_->OnlyAccepted();
    }
    return absl::OkStatus();
  }

  absl::Status ReplayLog() {
    const int64_t all = campaign().progress().evaluations();
    const auto progress = [&](int64_t results) {
      if (options_.progress) options_.progress(results, all);
    };
    ASSIGN_OR_RETURN(report_.replay, Replay(record_, rescorer_.get(), progress,
                                            team_, report_.differences));
    return absl::OkStatus();
  }

  absl::Status CheckResults() {
    if (!options_.result_folder.has_value()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckPages(*options_.result_folder, report_.replay.winner,
                               record_.header(), report_.differences,
                               report_.missing));
    ASSIGN_OR_RETURN(const ParameterVector winner, MakeWinnerAgain());
    const int64_t before = report_.differences.count();
    const absl::Status weights = CheckWinnerWeights(
        *options_.result_folder, winner, report_.differences);
    if (absl::IsNotFound(weights)) {
      report_.winner = WinnerCheck::kMissing;
      report_.warnings.push_back(absl::StrCat(
          weights.message(), "; the winner's weights are not compared"));
      return absl::OkStatus();
    }
    report_.winner = report_.differences.count() == before
                         ? WinnerCheck::kSame
                         : WinnerCheck::kDiffers;
    return weights;
  }

  absl::StatusOr<ParameterVector> MakeWinnerAgain() {
    const Winner& winner = report_.replay.winner;
    const v1::CampaignSpec& spec = campaign().spec();
    if (KeepsWeights(spec)) {
      return MakeWinner(winner, spec, options_.models_root, team_);
    }
    ASSIGN_OR_RETURN(const CampaignSeeds seeds,
                     OpenLocalSeeds(spec, options_.models_root, team_));
    CompareGram(seeds);
    return MakeWeights(winner.recipe, seeds, team_);
  }

  // The stored sums are the campaign's, so others do not make it wrong.
  void CompareGram(const CampaignSeeds& seeds) {
    if (seeds.MakeGramSums(team_) != *record_.gram()) {
      report_.warnings.push_back(
          "the seeds' Gram sums differ from those computed here; the "
          "campaign's own are used");
    }
  }

  absl::Status FinishRescorer() {
    const v1::BestCandidate& best = campaign().progress().best();
    if (best.has_holdout_accuracy()) {
      RETURN_IF_ERROR(rescorer_->CheckHoldout(
          "the best member", report_.replay.winner, best.holdout_accuracy()));
    }
    RETURN_IF_ERROR(rescorer_->Finish());
    report_.rescored = rescorer_->rescored();
    return absl::OkStatus();
  }

  const VerifyOptions& options_;
  RecordReader& record_;
  ThreadTeam team_;
  VerifyReport report_;
  std::unique_ptr<ScorerBlobs> blobs_;  // null where recipes are kept
  std::unique_ptr<Scorer> scorer_;
  std::unique_ptr<Rescorer> rescorer_;
};

}  // namespace

std::string VerifyReport::LastLine() const {
  if (!differences.empty()) {
    return absl::StrCat(
        "not verified: ", WithThousands(differences.count()),
        differences.count() == 1 ? " difference" : " differences");
  }
  if (!missing.empty()) {
    return absl::StrCat("not verified: the folder of results is incomplete, ",
                        absl::StrJoin(missing, " and "),
                        missing.size() == 1 ? " is" : " are", " missing");
  }
  return absl::StrCat(
      "verified: ", WithThousands(replay.results),
      " results replayed, archive_digest ", replay.archive_digest.ToHex(),
      winner == WinnerCheck::kSame      ? ", winner re-made bit for bit"
      : winner == WinnerCheck::kMissing ? ", winner not compared"
                                        : "",
      rescored > 0
          ? absl::StrCat(", ", WithThousands(rescored), " candidates re-scored")
          : "");
}

absl::StatusOr<VerifyReport> Verify(const VerifyOptions& options) {
  const auto record = RecordReader::Open(options.record_folder);
  auto report = record.ok() ? Verification(options, **record).Run()
                            : absl::StatusOr<VerifyReport>(record.status());
  if (report.ok() || absl::IsUnavailable(report.status())) return report;
  return absl::InvalidArgumentError(StatusWords(report.status()));
}

}  // namespace merganser
