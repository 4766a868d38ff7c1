// What a worker knows of a campaign's archive: enough to see that a child
// cannot enter it any more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/archive.h"
#include "common/evolution/rejection_bound.h"
#include "common/schedule/chunk_assembly.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/tasks/chunk_plan.h"

namespace merganser {

// The archive as it stood after some number of results. It may be out of date:
// what it rejects is parked or, where it only saves uploads, not uploaded; the
// coordinator decides.
// Threads: immutable after creation; safe to share.
class ArchiveMirror {
 public:
  // Of an archive of which nothing is known; rejects nothing. Null if the
  // coordinator does not send it.
  // Errors: InvalidArgument for a spec without resolved fields.
  static absl::StatusOr<std::shared_ptr<const ArchiveMirror>> Create(
      const v1::CampaignSpec& spec);

  // A copy that has taken the update in.
  // Errors: InvalidArgument for slots or scores that do not fit the campaign.
  absl::StatusOr<std::shared_ptr<const ArchiveMirror>> Updated(
      const v1::ArchiveUpdate& update) const;

  const Archive& archive() const { return archive_; }
  const RejectionBound& bound() const { return bound_; }
  std::span<const TaskExtent> tasks() const { return tasks_; }
  // Whether children that it rejects are stopped.
  bool parks() const { return parks_; }

 private:
  ArchiveMirror(Archive archive, std::vector<TaskExtent> tasks, bool parks)
      : archive_(std::move(archive)),
        tasks_(std::move(tasks)),
        bound_(archive_),
        parks_(parks) {}

  Archive archive_;
  std::vector<TaskExtent> tasks_;
  RejectionBound bound_;
  bool parks_;
};

// One child as its chunks come in.
// Threads: none; the executor owns it.
class RejectionWatch {
 public:
  // Both are borrowed. `order` is that of the child's layout.
  RejectionWatch(const ArchiveMirror& mirror, const ChunkOrder& order);

  // Takes in the scores of a further chunk. True once no completion of the
  // child could enter the archive. Chunks that the campaign does not have are
  // passed over.
  bool Observe(const v1::ChunkScores& chunk);

 private:
  const ArchiveMirror& mirror_;
  const ChunkOrder& order_;
  RejectionBound::Standing standing_;
  // Kept so that nothing is allocated per chunk.
  std::vector<uint32_t> datapoints_;  // of the chunk, among all tasks'
  std::vector<uint32_t> scores_;      // in the same order
};

}  // namespace merganser
