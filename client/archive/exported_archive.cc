#include "client/archive/exported_archive.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/evolution/scores.h"

namespace merganser {

absl::StatusOr<std::vector<uint32_t>> UnpackExported(
    const ArchiveOptions& options, const std::string& packed,
    const std::string& where) {
  auto scores = UnpackScores(options.kind, options.datapoints, packed);
  if (scores.ok()) return scores;
  return absl::DataLossError(
      absl::StrCat(where, ": scores: ", scores.status().message()));
}

absl::StatusOr<Archive> ArchiveOfExport(const ScheduleOptions& options,
                                        const v1::ExportHeader& header) {
  ASSIGN_OR_RETURN(Archive archive, Archive::Create(options.archive));
  if (header.slots_size() > archive.population()) {
    return absl::DataLossError(absl::StrCat("slots: expected at most ",
                                            archive.population(), "; found ",
                                            header.slots_size()));
  }
  std::map<int, std::optional<Member>> members;
  for (int i = 0; i < header.slots_size(); ++i) {
    const v1::ArchiveSlot& slot = header.slots(i);
    if (!slot.has_candidate()) continue;
    const std::string where = absl::StrCat("slots[", i, "]");
    const auto genome = Digest::FromBytes(slot.genome_digest());
    if (!genome.ok()) {
      return absl::DataLossError(
          absl::StrCat(where, ": genome_digest: expected 32 bytes"));
    }
    ASSIGN_OR_RETURN(std::vector<uint32_t> scores,
                     UnpackExported(options.archive, slot.scores(), where));
    members[i] = Member{slot.candidate(), *genome, std::move(scores)};
  }
  RETURN_IF_ERROR(archive.Restore(std::move(members)));
  return archive;
}

std::vector<int64_t> TaskEnds(const v1::CampaignSpec& spec) {
  std::vector<int64_t> ends;
  int64_t end = 0;
  for (const v1::TaskSpec& task : spec.tasks()) {
    end += task.search().rows();
    ends.push_back(end);
  }
  return ends;
}

}  // namespace merganser
