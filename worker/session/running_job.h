// A job on its way through the executor.
#pragma once

#include <atomic>
#include <memory>

#include "absl/time/time.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/session/archive_mirror.h"
#include "worker/tasks/chunk_plan.h"
#include "worker/tasks/evaluator.h"
#include "worker/weights/candidate_weights.h"

namespace merganser {

// What a worker needs to serve one campaign.
struct ServedCampaign {
  std::shared_ptr<CampaignEvaluator> evaluator;
  // Null: children are evaluated to the end.
  std::shared_ptr<const ArchiveMirror> archive;
  // Null: candidates are made by recipes.
  std::shared_ptr<CandidateWeights> weights;
};

struct RunningJob {
  v1::Job job;
  absl::Time since;  // when it arrived
  std::shared_ptr<CampaignEvaluator> evaluator;
  std::shared_ptr<CandidateWeights> weights;  // null: by recipes
  std::shared_ptr<const ChunkOrder> order;    // null: file order
  // Of a child; null: it is evaluated to the end.
  std::shared_ptr<const ArchiveMirror> archive;
  std::atomic<bool> stop = false;  // set: the executor gives it up
  // Set by the executor: it failed for a reason that may pass, and not through
  // any fault of its own.
  bool hand_back = false;
  bool dropped = false;  // nobody wants to hear of it
};

}  // namespace merganser
