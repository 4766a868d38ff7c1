#include "client/replay/archive_check.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/evolution/scores.h"
#include "common/genome_proto/genome_proto.h"

namespace merganser {
namespace {

std::string Hex(const std::string& bytes) {
  return absl::BytesToHexString(bytes);
}

class ArchiveCheck {
 public:
  ArchiveCheck(const OrderedSchedule& schedule, const ReplayOutcome& outcome,
               const v1::ExportHeader& header, DifferenceList& differences)
      : schedule_(schedule),
        outcome_(outcome),
        header_(header),
        progress_(header.campaign().progress()),
        differences_(differences) {}

  void Run() {
    CompareCounts();
    CompareSlots();
    CompareBest();
  }

 private:
  void CompareCounts() {
    differences_.Compare("header", "progress.evaluations", outcome_.results,
                         progress_.evaluations());
    differences_.Compare("header", "progress.accepted", outcome_.accepted,
                         progress_.accepted());
    differences_.Compare("header", "progress.quarantined", outcome_.quarantined,
                         progress_.quarantined());
    differences_.Compare("header", "progress.rejected_early",
                         outcome_.rejected_early, progress_.rejected_early());
    differences_.Compare("header", "progress.archive_digest",
                         outcome_.archive_digest.ToHex(),
                         Hex(progress_.archive_digest()));
    differences_.CompareBits("header", "progress.coverage",
                             schedule_.archive().coverage(),
                             progress_.coverage());
  }

  void CompareSlots() {
    const int population = schedule_.archive().population();
    differences_.Compare("header", "number of slots", population,
                         header_.slots_size());
    for (int i = 0; i < std::min(population, header_.slots_size()); ++i) {
      CompareSlot(absl::StrCat("archive slot ", i), i, header_.slots(i));
    }
  }

  void CompareSlot(const std::string& where, int slot,
                   const v1::ArchiveSlot& found) {
    const std::optional<Member>& member = schedule_.archive().slot(slot);
    if (!member.has_value() || !found.has_candidate()) {
      differences_.Compare(
          where, "candidate",
          member.has_value() ? absl::StrCat(member->sequence_number) : "none",
          found.has_candidate() ? absl::StrCat(found.candidate()) : "none");
      return;
    }
    differences_.Compare(where, "candidate", member->sequence_number,
                         found.candidate());
    differences_.Compare(where, "genome_digest", member->genome.ToHex(),
                         Hex(found.genome_digest()));
    if (schedule_.options().genomes == GenomeKind::kWeights) {
      CompareWeights(where, *member, found);
    } else {
      CompareRecipe(where, slot, found);
    }
    const ScoreKind kind = schedule_.options().archive.kind;
    const std::string scores = PackScores(kind, member->scores);
    if (scores != found.scores()) {
      differences_.Add({where, "scores", "those of the log",
                        DescribeScores(kind, scores, found.scores())});
    }
  }

  void CompareWeights(const std::string& where, const Member& member,
                      const v1::ArchiveSlot& found) {
    differences_.Compare(where, "weights.digest", member.genome.ToHex(),
                         Hex(found.weights().digest()));
    differences_.Compare(where, "weights.size_bytes",
                         outcome_.weights_size_bytes,
                         found.weights().size_bytes());
  }

  void CompareRecipe(const std::string& where, int slot,
                     const v1::ArchiveSlot& found) {
    const LinearRecipe& expected = *schedule_.recipe(slot);
    const auto recipe = RecipeFromProto(found.recipe());
    if (recipe.ok() && *recipe == expected) return;
    differences_.Add({where, "recipe", RecipeToJson(expected),
                      recipe.ok() ? RecipeToJson(*recipe)
                                  : std::string(recipe.status().message())});
  }

  void CompareBest() {
    const std::optional<int> best = schedule_.archive().best_slot();
    differences_.Compare("header", "progress.best", best.has_value() ? 1 : 0,
                         progress_.has_best() ? 1 : 0);
    if (!best.has_value() || !progress_.has_best()) return;
    differences_.Compare("header", "progress.best.candidate",
                         outcome_.winner.candidate,
                         progress_.best().candidate());
    differences_.Compare("header", "progress.best.genome_digest",
                         outcome_.winner.genome.ToHex(),
                         Hex(progress_.best().genome_digest()));
    const ArchiveOptions& options = schedule_.options().archive;
    uint64_t worth = 0;
    for (const uint32_t weight : options.task_weight) worth += weight;
    worth *= FullScore(options.kind);
    differences_.CompareBits(
        "header", "progress.best.search_accuracy",
        static_cast<double>(schedule_.archive().weighted_score(*best)) /
            static_cast<double>(worth),
        progress_.best().search_accuracy());
  }

  const OrderedSchedule& schedule_;
  const ReplayOutcome& outcome_;
  const v1::ExportHeader& header_;
  const v1::Progress& progress_;
  DifferenceList& differences_;
};

}  // namespace

void CompareArchive(const OrderedSchedule& schedule,
                    const ReplayOutcome& outcome,
                    const v1::ExportHeader& header,
                    DifferenceList& differences) {
  ArchiveCheck(schedule, outcome, header, differences).Run();
}

}  // namespace merganser
