#include "worker/tasks/torch_evaluator.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "common/genome/crossover.h"
#include "common/genome/gram.h"
#include "common/genome/materialise.h"
#include "common/genome_proto/genome_proto.h"
#include "common/storage/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/testing/collect_chunks.h"
#include "worker/testing/digits_campaign.h"
#include "worker/weights/campaign_data.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSearchRows = 1437;

// One bit per datapoint in file order, from a job's chunks under an order.
std::vector<bool> Unpack(const std::vector<v1::ChunkScores>& chunks,
                         const std::vector<uint32_t>& order, int chunk_size) {
  std::vector<bool> scores(order.size());
  for (const v1::ChunkScores& chunk : chunks) {
    for (size_t i = 0; i < chunk.scores().size() * 8; ++i) {
      const size_t position =
          static_cast<size_t>(chunk.chunk()) * chunk_size + i;
      if (i >= static_cast<size_t>(chunk_size) || position >= order.size()) {
        break;
      }
      const auto byte = static_cast<uint8_t>(chunk.scores()[i / 8]);
      scores[order[position]] = ((byte >> (7 - i % 8)) & 1) != 0;
    }
  }
  return scores;
}

std::vector<bool> FromHex(const std::string& hex) {
  std::vector<bool> bits;
  for (const char digit : hex) {
    const int value = std::stoi(std::string(1, digit), nullptr, 16);
    for (int bit = 3; bit >= 0; --bit) bits.push_back((value >> bit) & 1);
  }
  bits.resize(kSearchRows);
  return bits;
}

int64_t CountSolved(const std::vector<bool>& scores) {
  return std::count(scores.begin(), scores.end(), true);
}

class TorchEvaluatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto evaluators = CreateTorchEvaluators(
        {.device = "cpu", .threads = 1, .paths = PathRules(DigitsFolder())});
    ASSERT_TRUE(evaluators.ok()) << evaluators.status();
    evaluators_ = evaluators->release();
    const v1::CampaignSpec spec = DigitsSpec();
    for (const v1::SeedSpec& seed : spec.seeds()) {
      const auto file =
          SafetensorsFile::Open(DigitsFolder() + "/" + seed.path());
      digests_.push_back(SeedDigest(**file));
    }
  }
  static void TearDownTestSuite() {
    delete evaluators_;
    digests_.clear();
  }

  void SetUp() override { Use(DigitsSpec()); }

  void Use(const v1::CampaignSpec& spec) {
    auto evaluator = evaluators_->Create(spec);
    ASSERT_TRUE(evaluator.ok()) << evaluator.status();
    evaluator_ = *std::move(evaluator);
  }

  static v1::Job JobOf(const LinearRecipe& recipe, v1::JobKind kind) {
    v1::Job job;
    job.mutable_key()->set_kind(kind);
    *job.mutable_recipe() = RecipeToProto(recipe);
    job.set_genome_digest(GenomeDigest(recipe, digests_).ToBytes());
    job.set_layout_version(kFileOrder);
    return job;
  }
  static v1::Job SeedJob(int seed, v1::JobKind kind = v1::JOB_KIND_SEED) {
    return JobOf(SeedRecipe(seed, 2, 1), kind);
  }

  std::vector<v1::ChunkScores> Evaluate(const v1::Job& job,
                                        const ChunkOrder* order = nullptr) {
    std::vector<v1::ChunkScores> chunks;
    const absl::StatusOr<bool> all =
        evaluator_->Evaluate(job, {}, order, never_, Into(chunks));
    EXPECT_TRUE(all.ok()) << all.status();
    return chunks;
  }

  static EvaluatorFactory* evaluators_;
  static std::vector<Digest> digests_;
  std::unique_ptr<CampaignEvaluator> evaluator_;
  const std::atomic<bool> never_ = false;
};

EvaluatorFactory* TorchEvaluatorTest::evaluators_ = nullptr;
std::vector<Digest> TorchEvaluatorTest::digests_;

TEST_F(TorchEvaluatorTest, SeedsSolveWhatTheReferenceSays) {
  const std::vector<uint32_t> search = FileOrder(0, kSearchRows);
  const std::vector<uint32_t> holdout = FileOrder(0, 360);
  const auto solved = [&](int seed, v1::JobKind kind,
                          const std::vector<uint32_t>& order) {
    return CountSolved(
        Unpack(Evaluate(SeedJob(seed, kind)), order, kSearchRows));
  };
  EXPECT_EQ(solved(0, v1::JOB_KIND_SEED, search), 709);
  EXPECT_EQ(solved(1, v1::JOB_KIND_SEED, search), 692);
  EXPECT_EQ(solved(0, v1::JOB_KIND_HOLDOUT, holdout), 158);
  EXPECT_EQ(solved(1, v1::JOB_KIND_HOLDOUT, holdout), 166);
}

// fp32 may flip a score in a million between two libraries; anything wrong
// flips thousands of these 43,110.
TEST_F(TorchEvaluatorTest, ChildrenSolveWhatTheReferenceSaysUnderAnyLayout) {
  constexpr int kChunkSize = 100;
  v1::CampaignSpec spec = DigitsSpec();
  spec.mutable_tasks(0)->set_chunk_size(kChunkSize);
  Use(spec);
  std::ifstream file(MERGANSER_SOURCE_DIR "/worker/testdata/children.json");
  const auto reference = nlohmann::json::parse(file);
  const GramSums gram = *GramSums::Parse(*evaluator_->Gram());
  std::vector<LinearRecipe> slots(reference["P"].get<size_t>() + 1);
  slots[0] = SeedRecipe(0, 2, 1);
  slots[1] = SeedRecipe(1, 2, 1);
  int64_t flips = 0;
  for (size_t n = 0; n < reference["steps"].size(); ++n) {
    const auto& step = reference["steps"][n];
    const LinearRecipe& a = slots[step["A"].get<size_t>()];
    const LinearRecipe& b = slots[step["B"].get<size_t>()];
    const LinearRecipe child = Cross(
        a, b,
        CrossoverCoefficients(gram, a, b, {{step["split"]}, {step["w"]}}));
    // A layout of its own for each child: n rotates the datapoints.
    ChunkOrder order{.version = static_cast<int64_t>(n),
                     .tasks = {FileOrder(0, kSearchRows)}};
    std::rotate(order.tasks[0].begin(), order.tasks[0].begin() + 37 * n,
                order.tasks[0].end());
    const auto chunks = Evaluate(JobOf(child, v1::JOB_KIND_SEARCH), &order);
    ASSERT_EQ(chunks.size(), 15u);
    const std::vector<bool> scores = Unpack(chunks, order.tasks[0], kChunkSize);
    const std::vector<bool> expected = FromHex(step["child_scores"]);
    for (size_t i = 0; i < scores.size(); ++i)
      flips += scores[i] != expected[i];
    slots[step["dropped_slot_exact"].get<size_t>()] = child;
  }
  EXPECT_LE(flips, 2);
}

TEST_F(TorchEvaluatorTest, AJobMayAskForSomeChunksAlone) {
  v1::CampaignSpec spec = DigitsSpec();
  spec.mutable_tasks(0)->set_chunk_size(500);
  Use(spec);
  const auto all = Evaluate(SeedJob(0));
  ASSERT_EQ(all.size(), 3u);
  v1::Job job = SeedJob(0);
  job.add_chunks()->add_chunks(2);
  const auto some = Evaluate(job);
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].chunk(), 2);
  EXPECT_EQ(some[0].scores(), all[2].scores());
  EXPECT_EQ(some[0].scores().size(), 55u) << "437 scores, without padding";
}

TEST_F(TorchEvaluatorTest, TasksOfDifferentChunkSizesAreScoredInTheirOrder) {
  v1::CampaignSpec spec = DigitsSpec();
  v1::TaskSpec* second = spec.add_tasks();
  *second = spec.tasks(0);
  second->set_chunk_size(1000);
  second->clear_holdout();
  Use(spec);
  const auto search = Evaluate(SeedJob(1));
  ASSERT_EQ(search.size(), 3u);
  const std::vector<uint32_t> order = FileOrder(0, kSearchRows);
  EXPECT_EQ(search[0].task(), 0);
  EXPECT_EQ(CountSolved(Unpack({search[0]}, order, kSearchRows)), 692);
  EXPECT_EQ(search[1].task(), 1);
  EXPECT_EQ(CountSolved(Unpack({search[1], search[2]}, order, 1000)), 692);
  EXPECT_EQ(Evaluate(SeedJob(1, v1::JOB_KIND_HOLDOUT)).size(), 1u);
}

TEST_F(TorchEvaluatorTest, ForgottenLayoutsAreGatheredAgain) {
  std::vector<std::string> first;
  for (int round = 0; round < 2; ++round) {
    for (int64_t version = 0; version < 8; ++version) {
      ChunkOrder order{.version = version,
                       .tasks = {FileOrder(0, kSearchRows)}};
      std::rotate(order.tasks[0].begin(), order.tasks[0].begin() + version,
                  order.tasks[0].end());
      const auto chunks = Evaluate(SeedJob(0, v1::JOB_KIND_SEARCH), &order);
      if (round == 0) {
        first.push_back(chunks[0].scores());
      } else {
        EXPECT_EQ(chunks[0].scores(), first[static_cast<size_t>(version)]);
      }
    }
  }
}

TEST_F(TorchEvaluatorTest, TheGramSumsAreThoseOfTheSeeds) {
  ThreadTeam team(2);
  std::vector<SeedWeights> seeds;
  ParameterLayout layout;
  const v1::CampaignSpec spec = DigitsSpec();
  for (const v1::SeedSpec& seed : spec.seeds()) {
    const auto file =
        *SafetensorsFile::Open(DigitsFolder() + "/" + seed.path());
    layout = *MlpLayout(*file);
    seeds.push_back(*SeedWeights::Create(file, layout, team));
  }
  const std::vector<const SeedWeights*> pointers = {&seeds[0], &seeds[1]};
  const GramSums expected =
      GramSums::Create(SingleChromosome(layout), pointers, team);
  EXPECT_EQ(*evaluator_->Gram(), expected.Serialise());
}

TEST_F(TorchEvaluatorTest, TheProbeDependsOnTheFirstSeedAndItsDataAlone) {
  const Digest probe = *evaluator_->Probe();
  Evaluate(SeedJob(1));
  EXPECT_EQ(*evaluator_->Probe(), probe);
  v1::CampaignSpec other_second = DigitsSpec();
  *other_second.mutable_seeds(1) = other_second.seeds(0);
  Use(other_second);
  EXPECT_EQ(*evaluator_->Probe(), probe);
  v1::CampaignSpec other_first = DigitsSpec();
  *other_first.mutable_seeds(0) = other_first.seeds(1);
  Use(other_first);
  EXPECT_NE(*evaluator_->Probe(), probe);
  v1::CampaignSpec other_data = DigitsSpec();
  other_data.mutable_tasks(0)->mutable_search()->set_scale(0.5);
  Use(other_data);
  EXPECT_NE(*evaluator_->Probe(), probe);
}

// The digits campaign from two random seeds of the same shape.
v1::CampaignSpec FromScratch() {
  v1::CampaignSpec spec = DigitsSpec();
  spec.set_random_seed(11);
  v1::ModelSpec& model = *spec.mutable_model();
  model.set_init_sigma(0.25);
  const auto file =
      *SafetensorsFile::Open(DigitsFolder() + "/" + spec.seeds(0).path());
  const ParameterLayout layout = *MlpLayout(*file);
  for (const TensorSlice& slice : layout.tensors) {
    if (slice.shape.size() == 2) model.add_layers(slice.shape[0]);
  }
  model.add_layers(layout.tensors.back().shape[0]);
  for (v1::SeedSpec& seed : *spec.mutable_seeds()) {
    seed.clear_path();
    seed.set_random(true);
  }
  return spec;
}

TEST_F(TorchEvaluatorTest, WeightsScoreAsTheRecipeThatGivesThem) {
  std::vector<std::string> by_recipe;
  for (const int seed : {0, 1}) {
    by_recipe.push_back(Evaluate(SeedJob(seed))[0].scores());
  }
  EXPECT_NE(by_recipe[0], by_recipe[1]);
  ThreadTeam team(1);
  const auto data =
      *CampaignData::Load(DigitsSpec(), PathRules(DigitsFolder()), team);
  Use(FromScratch());
  for (const int seed : {0, 1}) {
    std::vector<uint8_t> weights(
        static_cast<size_t>(data->layout().parameters.length) * sizeof(float));
    ASSERT_TRUE(Materialiser(team)
                    .Run(SeedRecipe(seed, 2, 1), data->layout(), data->seeds(),
                         DType::kF32, weights)
                    .ok());
    v1::Job job;
    job.mutable_key()->set_kind(v1::JOB_KIND_SEED);
    std::vector<v1::ChunkScores> chunks;
    const auto all =
        evaluator_->Evaluate(job, weights, nullptr, never_, Into(chunks));
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_TRUE(*all);
    EXPECT_EQ(chunks[0].scores(), by_recipe[seed]);
    weights.pop_back();
    EXPECT_EQ(evaluator_->Evaluate(job, weights, nullptr, never_, Into(chunks))
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(TorchEvaluatorTest, TheProbeOfACampaignFromScratchMakesItsFirstSeed) {
  Use(FromScratch());
  const Digest probe = *evaluator_->Probe();
  EXPECT_EQ(*evaluator_->Probe(), probe);
  v1::CampaignSpec other = FromScratch();
  other.set_random_seed(12);
  Use(other);
  EXPECT_NE(*evaluator_->Probe(), probe);
  other = FromScratch();
  other.mutable_model()->set_init_sigma(0.5);
  Use(other);
  EXPECT_NE(*evaluator_->Probe(), probe);
  // Seed -3 comes first of three.
  other = FromScratch();
  *other.add_seeds() = other.seeds(0);
  Use(other);
  EXPECT_NE(*evaluator_->Probe(), probe);
}

TEST_F(TorchEvaluatorTest, SaysWhetherAllChunksWerePassedOn) {
  v1::CampaignSpec spec = DigitsSpec();
  spec.mutable_tasks(0)->set_chunk_size(500);
  Use(spec);
  for (const int wanted : {1, 2, 3}) {
    int passed_on = 0;
    const auto all = evaluator_->Evaluate(
        SeedJob(0), {}, nullptr, never_,
        [&](const v1::ChunkScores&) { return ++passed_on < wanted; });
    EXPECT_EQ(passed_on, wanted);
    EXPECT_EQ(*all, wanted == 3) << "of three";
  }
}

TEST_F(TorchEvaluatorTest, AStoppedJobEnds) {
  const std::atomic<bool> stop = true;
  std::vector<v1::ChunkScores> chunks;
  EXPECT_EQ(evaluator_->Evaluate(SeedJob(0), {}, nullptr, stop, Into(chunks))
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(chunks.empty());
}

TEST_F(TorchEvaluatorTest, AJobThatDoesNotFitIsRefused) {
  std::vector<v1::ChunkScores> chunks;
  v1::Job wrong_digest = SeedJob(0);
  wrong_digest.set_genome_digest(std::string(32, 'x'));
  EXPECT_THAT(
      std::string(
          evaluator_->Evaluate(wrong_digest, {}, nullptr, never_, Into(chunks))
              .status()
              .message()),
      HasSubstr("job.genome_digest"));
  const ChunkOrder short_order{.version = 0, .tasks = {FileOrder(0, 7)}};
  EXPECT_THAT(std::string(evaluator_
                              ->Evaluate(SeedJob(0, v1::JOB_KIND_SEARCH), {},
                                         &short_order, never_, Into(chunks))
                              .status()
                              .message()),
              HasSubstr("layout.tasks[0]"));
}

TEST_F(TorchEvaluatorTest, WeightsAreRoundedToTheDTypeThatTheSpecNames) {
  v1::CampaignSpec spec = DigitsSpec();
  const Digest full = *evaluator_->Probe();
  spec.mutable_model()->set_weights_dtype("bfloat16");
  Use(spec);
  EXPECT_NE(*evaluator_->Probe(), full);
  // Rounded weights still classify about as well.
  const int64_t solved = CountSolved(
      Unpack(Evaluate(SeedJob(0)), FileOrder(0, kSearchRows), kSearchRows));
  EXPECT_NEAR(static_cast<double>(solved), 709, 10);
}

}  // namespace
}  // namespace merganser
