#include "worker/session/archive_mirror.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/evolution/scores.h"

namespace merganser {
namespace {

// Two tasks: datapoints 0 … 3 in chunks of 2, datapoints 4 and 5 in one chunk;
// an archive of two slots.
v1::CampaignSpec Spec() {
  v1::CampaignSpec spec;
  for (int i = 0; i < 2; ++i) {
    spec.add_seeds()->set_digest(std::string(32, 's'));
  }
  v1::TensorSpec* tensor = spec.mutable_model()->add_tensors();
  tensor->set_name("w");
  tensor->add_shape(3);
  for (const int64_t rows : {4, 2}) {
    v1::TaskSpec* task = spec.add_tasks();
    task->set_chunk_size(2);
    task->mutable_search()->set_rows(rows);
  }
  spec.mutable_search()->set_method("m2n2");
  spec.mutable_search()->set_population(2);
  spec.mutable_search()->set_alpha(1);
  spec.mutable_search()->set_mix_high(1);
  spec.mutable_search()->set_early_rejection(true);
  spec.mutable_schedule()->set_window(1);
  return spec;
}

const ChunkOrder kOrder = {.version = 0, .tasks = {{3, 2, 1, 0}, {0, 1}}};

v1::ArchiveUpdate Update(
    const std::vector<std::pair<int, std::vector<uint32_t>>>& slots) {
  v1::ArchiveUpdate update;
  for (const auto& [slot, scores] : slots) {
    v1::SlotScores* proto = update.add_slots();
    proto->set_slot(slot);
    proto->set_scores(PackScores(ScoreKind::kBinary, scores));
  }
  return update;
}

v1::ChunkScores Chunk(int task, int chunk, std::vector<uint32_t> scores) {
  v1::ChunkScores proto;
  proto.set_task(task);
  proto.set_chunk(chunk);
  proto.set_scores(PackScores(ScoreKind::kBinary, scores));
  return proto;
}

std::shared_ptr<const ArchiveMirror> Mirror(const v1::ArchiveUpdate& update) {
  const auto empty = ArchiveMirror::Create(Spec());
  EXPECT_TRUE(empty.ok()) << empty.status();
  const auto mirror = (*empty)->Updated(update);
  EXPECT_TRUE(mirror.ok()) << mirror.status();
  return *mirror;
}

// The members share datapoints 0 to 3; 4 and 5 are nobody's.
TEST(ArchiveMirrorTest, RejectsOnceNoCompletionCanEnter) {
  const auto mirror =
      Mirror(Update({{0, {1, 1, 1, 1, 0, 0}}, {1, {1, 1, 1, 1, 0, 0}}}));
  RejectionWatch watch(*mirror, kOrder);
  EXPECT_FALSE(watch.Observe(Chunk(1, 0, {0, 0})));
  // Of datapoints 3 and 2 the child has none, a member half of each: at best
  // 2/3 against 2/3 + 1.
  EXPECT_TRUE(watch.Observe(Chunk(0, 0, {0, 0})));
}

// The layout's order says that the chunk holds datapoints 3 and 2, which no
// member solves.
TEST(ArchiveMirrorTest, ReadsChunksInTheOrderOfTheirLayout) {
  const auto mirror =
      Mirror(Update({{0, {1, 1, 0, 0, 1, 1}}, {1, {1, 1, 0, 0, 1, 1}}}));
  RejectionWatch watch(*mirror, kOrder);
  EXPECT_FALSE(watch.Observe(Chunk(0, 0, {0, 0})));
  EXPECT_TRUE(watch.Observe(Chunk(0, 1, {0, 0})));
}

TEST(ArchiveMirrorTest, RejectsNothingWhileSlotsAreUnknown) {
  const auto mirror = Mirror(Update({{0, {1, 1, 1, 1, 1, 1}}}));
  RejectionWatch watch(*mirror, kOrder);
  for (const auto& [task, chunk] : {std::pair(0, 0), {0, 1}, {1, 0}}) {
    EXPECT_FALSE(watch.Observe(Chunk(task, chunk, {0, 0})));
  }
}

TEST(ArchiveMirrorTest, PassesOverChunksThatThereAreNot) {
  const auto mirror =
      Mirror(Update({{0, {1, 1, 1, 1, 0, 0}}, {1, {1, 1, 1, 1, 0, 0}}}));
  RejectionWatch watch(*mirror, kOrder);
  EXPECT_FALSE(watch.Observe(Chunk(0, 2, {0, 0})));
  EXPECT_FALSE(watch.Observe(Chunk(0, -1, {0, 0})));
  EXPECT_FALSE(watch.Observe(Chunk(2, 0, {0, 0})));
  EXPECT_FALSE(watch.Observe(Chunk(-1, 0, {0, 0})));
}

TEST(ArchiveMirrorTest, IsAbsentWhereChildrenAreNotRejectedEarly) {
  v1::CampaignSpec spec = Spec();
  spec.mutable_search()->set_early_rejection(false);
  const auto mirror = ArchiveMirror::Create(spec);
  ASSERT_TRUE(mirror.ok());
  EXPECT_EQ(*mirror, nullptr);
}

TEST(ArchiveMirrorTest, RefusesUpdatesThatDoNotFit) {
  const auto mirror = *ArchiveMirror::Create(Spec());
  EXPECT_FALSE(mirror->Updated(Update({{2, {1, 1, 1, 1, 0, 0}}})).ok());
  EXPECT_FALSE(mirror->Updated(Update({{-1, {1, 1, 1, 1, 0, 0}}})).ok());
  EXPECT_FALSE(
      mirror->Updated(Update({{0, {1, 1, 1, 1, 0, 0, 1, 1, 1}}})).ok());
}

}  // namespace
}  // namespace merganser
