#include "worker/session/archive_mirror.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "common/evolution/scores.h"

namespace merganser {

absl::StatusOr<std::shared_ptr<const ArchiveMirror>> ArchiveMirror::Create(
    const v1::CampaignSpec& spec) {
  if (!spec.search().early_rejection() && !KeepsWeights(spec)) return nullptr;
  ASSIGN_OR_RETURN(ScheduleOptions plan, MakeScheduleOptions(spec));
  if (!SendsArchive(plan)) return nullptr;
  ASSIGN_OR_RETURN(Archive archive, Archive::Create(plan.archive));
  return std::shared_ptr<const ArchiveMirror>(new ArchiveMirror(
      std::move(archive), std::move(plan.tasks), plan.early_rejection));
}

absl::StatusOr<std::shared_ptr<const ArchiveMirror>> ArchiveMirror::Updated(
    const v1::ArchiveUpdate& update) const {
  const ArchiveOptions& options = archive_.options();
  std::map<int, std::optional<Member>> members;
  for (const v1::SlotScores& slot : update.slots()) {
    absl::StatusOr<std::vector<uint32_t>> scores =
        UnpackScores(options.kind, options.datapoints, slot.scores());
    if (!scores.ok()) {
      return Annotate(scores.status(), absl::StrCat("slot ", slot.slot()));
    }
    members[slot.slot()] = Member{.scores = *std::move(scores)};
  }
  Archive archive = archive_;
  RETURN_IF_ERROR(archive.Restore(std::move(members)));
  return std::shared_ptr<const ArchiveMirror>(
      new ArchiveMirror(std::move(archive), tasks_, parks_));
}

RejectionWatch::RejectionWatch(const ArchiveMirror& mirror,
                               const ChunkOrder& order)
    : mirror_(mirror), order_(order) {
  mirror_.bound().Begin(standing_);
}

bool RejectionWatch::Observe(const v1::ChunkScores& chunk) {
  const auto task = static_cast<size_t>(chunk.task());
  if (chunk.task() < 0 || task >= mirror_.tasks().size() ||
      task >= order_.tasks.size()) {
    return false;
  }
  const TaskExtent& extent = mirror_.tasks()[task];
  const std::vector<uint32_t>& order = order_.tasks[task];
  const int64_t begin = int64_t{chunk.chunk()} * extent.chunk_size;
  const int64_t end = std::min<int64_t>(begin + extent.chunk_size,
                                        static_cast<int64_t>(order.size()));
  if (begin < 0 || begin >= end) return false;
  const absl::Status unpacked = UnpackScoresInto(
      mirror_.archive().options().kind, end - begin, chunk.scores(), scores_);
  if (!unpacked.ok()) return false;
  datapoints_.clear();
  for (int64_t i = begin; i < end; ++i) {
    datapoints_.push_back(order[i] + static_cast<uint32_t>(extent.begin));
  }
  mirror_.bound().Observe(mirror_.archive(), datapoints_, scores_, standing_);
  return mirror_.bound().Rejects(standing_);
}

}  // namespace merganser
