// A campaign from scratch that is as small as can be, for tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/campaign_spec/campaign_plan.h"
#include "common/genome/offspring_digest.h"
#include "common/genome/random_seed.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/worker_service.pb.h"

namespace merganser {

inline constexpr uint64_t kSmallSeed = 42;  // of the campaign
inline constexpr double kSmallInitSigma = 0.5;
inline constexpr double kSmallMutationSigma = 0.25;

// Two random seeds of an MLP with 3 features, 5 hidden units and 2 classes, so
// with 32 parameters; one task of 8 datapoints in chunks of 4; resolved.
inline v1::CampaignSpec SmallWeightsSpec() {
  v1::CampaignSpec spec;
  spec.set_name("small");
  spec.set_random_seed(kSmallSeed);
  v1::ModelSpec& model = *spec.mutable_model();
  model.set_family("mlp");
  model.set_init_sigma(kSmallInitSigma);
  for (const int64_t width : {3, 5, 2}) model.add_layers(width);
  const std::pair<const char*, std::vector<int64_t>> tensors[] = {
      {"layers.0.weight", {3, 5}},
      {"layers.0.bias", {5}},
      {"layers.1.weight", {5, 2}},
      {"layers.1.bias", {2}}};
  for (const auto& [name, shape] : tensors) {
    v1::TensorSpec& tensor = *model.add_tensors();
    tensor.set_name(name);
    tensor.mutable_shape()->Assign(shape.begin(), shape.end());
  }
  const ParameterLayout layout = *LayoutOfLayers(model);
  for (const int64_t number : {-2, -1}) {
    v1::SeedSpec& seed = *spec.add_seeds();
    seed.set_random(true);
    seed.set_digest(
        RandomSeedDigest(layout, kSmallInitSigma, {kSmallSeed, number})
            .ToBytes());
  }
  v1::TaskSpec& task = *spec.add_tasks();
  task.set_chunk_size(4);
  task.mutable_search()->set_rows(8);
  v1::SearchSpec& search = *spec.mutable_search();
  search.set_method("m2n2");
  search.set_population(2);
  search.set_alpha(1);
  search.set_crossover(true);
  search.set_mix_high(1);
  search.set_early_rejection(true);
  search.set_mutation_sigma(kSmallMutationSigma);
  spec.mutable_schedule()->set_window(1);
  return spec;
}

// The parameter vector of random seed -2 or -1, float32.
inline std::string SmallSeedBytes(int64_t candidate) {
  std::string bytes(32 * sizeof(float), '\0');
  ThreadTeam team(1);
  MakeRandomSeed({kSmallSeed, candidate}, kSmallInitSigma, DType::kF32, team,
                 {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

// A job about a random seed.
inline v1::Job SmallSeedJob(int64_t candidate,
                            v1::JobKind kind = v1::JOB_KIND_SEED) {
  v1::Job job;
  job.mutable_key()->set_kind(kind);
  job.mutable_key()->set_candidate(candidate);
  job.set_genome_digest(
      SmallWeightsSpec().seeds(static_cast<int>(candidate + 2)).digest());
  job.set_layout_version(-1);
  return job;
}

// Names the job's genome by its offspring.
inline void NameOffspring(v1::Job& job) {
  const v1::Offspring& offspring = job.offspring();
  OffspringDefinition definition{
      .parent_a = *Digest::FromBytes(offspring.parent_a().digest()),
      .parent_b = *Digest::FromBytes(offspring.parent_b().digest()),
      .crossover = offspring.crossover(),
      .mutation = {{kSmallSeed, job.key().candidate()}, kSmallMutationSigma}};
  for (const v1::ChromosomeCrossover& drawn : offspring.chromosomes()) {
    definition.draw.split_blocks.push_back(drawn.split_block());
    definition.draw.mixes.push_back(drawn.mix());
  }
  job.set_genome_digest(OffspringDigest(definition).ToBytes());
}

// A job about a child that is split at element 11, with a mix of 0.375.
inline v1::Job SmallOffspringJob(int64_t candidate,
                                 const v1::WeightsRef& parent_a,
                                 const v1::WeightsRef& parent_b,
                                 v1::JobKind kind = v1::JOB_KIND_SEARCH) {
  v1::Job job;
  job.mutable_key()->set_kind(kind);
  job.mutable_key()->set_candidate(candidate);
  job.set_layout_version(-1);
  v1::Offspring& offspring = *job.mutable_offspring();
  *offspring.mutable_parent_a() = parent_a;
  *offspring.mutable_parent_b() = parent_b;
  offspring.set_crossover(true);
  offspring.add_chromosomes()->set_split_block(11);
  offspring.mutable_chromosomes(0)->set_mix(0.375);
  NameOffspring(job);
  return job;
}

}  // namespace merganser
