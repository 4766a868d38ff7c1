// Carries out a plan, in one pass over the models.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "client/merge/merge_plan.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/genome/thread_team.h"
#include "common/storage/tensor_source.h"

namespace merganser {

using MergeSources = std::span<const std::shared_ptr<const TensorSource>>;

// What the writer of a plan's result needs.
std::vector<TensorOutline> OutlinesOf(const MergePlan& plan, DType dtype);

// Called now and then on the thread of RunMerge(), with the bytes written so
// far; returns whether to go on.
using MergeProgress = std::function<bool(int64_t written_bytes)>;

// Writes all tensors of the plan to a writer that was made with
// OutlinesOf(plan, dtype). Sums are those of Materialiser, bit for bit. The
// angle of a spherical interpolation is that of whole tensors, in double;
// linear where the cosine is above 0.9995 or below -0.9995, as mergekit does
// it. Memory: some MiB per thread; pages of the sources are dropped once read.
// Errors: InvalidArgument naming the tensor where a source lacks it, has it in
// another shape, or where the result is NaN or infinite; Cancelled; those of
// the writer.
absl::Status RunMerge(const MergePlan& plan, MergeSources sources, DType dtype,
                      ThreadTeam& team, const MergeProgress& progress,
                      CheckpointWriter& writer);

}  // namespace merganser
