#include "coordinator/campaign/testing/fake_spec.h"

#include <algorithm>
#include <numeric>

namespace merganser {
namespace {

constexpr int64_t kHoldoutRows = 10;

std::vector<uint32_t> Members(const v1::Job& job, const v1::ChunkLayout* layout,
                              int64_t rows) {
  if (layout != nullptr && job.layout_version() >= 0) {
    return {layout->tasks(0).datapoints().begin(),
            layout->tasks(0).datapoints().end()};
  }
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

// Of the only task; a job that names no chunks wants them all.
bool IsWanted(const v1::Job& job, int32_t chunk) {
  if (job.chunks().empty()) return true;
  const auto& wanted = job.chunks(0).chunks();
  return std::find(wanted.begin(), wanted.end(), chunk) != wanted.end();
}

void FillWeights(const FakeCampaign& campaign, const v1::Job& job,
                 v1::JobResult& result) {
  const Digest genome = *Digest::FromBytes(job.genome_digest());
  result.mutable_weights()->set_digest(FakeWeights(genome).ToBytes());
  result.mutable_weights()->set_size_bytes(
      campaign.options.layout.parameters.length * 4);
  *result.mutable_chromosomes() = job.offspring().chromosomes();
  for (v1::ChromosomeCrossover& made : *result.mutable_chromosomes()) {
    made.set_before_a(1 - made.mix());
    made.set_before_b(made.mix());
    made.set_after_a(made.mix());
    made.set_after_b(1 - made.mix());
  }
}

// Base, noise on coefficients and chromosomes.
void AddWhatIsBeyondThePaper(const FakeCampaign& campaign,
                             v1::CampaignSpec& spec) {
  const ScheduleOptions& options = campaign.options;
  if (!options.base_digest.has_value()) return;
  v1::SeedSpec& base = *spec.mutable_model()->mutable_base();
  base.set_name("base");
  base.set_path(campaign.seed_paths.back());
  base.set_digest(options.base_digest->ToBytes());
  spec.mutable_search()->set_origin("base");
  spec.mutable_search()->set_coefficient_mutation(options.coefficient_sigma);
  for (const ChromosomeLayout& chromosome : options.layout.chromosomes) {
    v1::ChromosomeSpec& added = *spec.mutable_model()->add_chromosomes();
    added.set_name(chromosome.name);
    for (const int tensor : chromosome.tensors) {
      added.add_tensors(options.layout.parameters.tensors[tensor].name);
    }
  }
}

}  // namespace

v1::CampaignSpec FakeSpec(const std::string& name, const FakeCampaign& campaign,
                          int64_t evaluations) {
  const ScheduleOptions& options = campaign.options;
  v1::CampaignSpec spec;
  spec.set_name(name);
  spec.mutable_model()->set_family("mlp");
  for (const TensorSlice& slice : options.layout.parameters.tensors) {
    v1::TensorSpec& tensor = *spec.mutable_model()->add_tensors();
    tensor.set_name(slice.name);
    tensor.mutable_shape()->Add(slice.shape.begin(), slice.shape.end());
  }
  for (size_t k = 0; k < options.seed_digests.size(); ++k) {
    v1::SeedSpec& seed = *spec.add_seeds();
    seed.set_name("seed-" + std::to_string(k));
    if (options.genomes == GenomeKind::kWeights) {
      seed.set_random(true);
    } else {
      seed.set_path(campaign.seed_paths[k]);
    }
    seed.set_digest(options.seed_digests[k].ToBytes());
  }
  if (options.genomes == GenomeKind::kWeights) {
    spec.mutable_model()->add_layers(2);
    spec.mutable_model()->add_layers(3);
    spec.mutable_model()->set_init_sigma(kFakeInitSigma);
    spec.mutable_search()->set_mutation_sigma(options.mutation_sigma);
  }
  AddWhatIsBeyondThePaper(campaign, spec);
  v1::TaskSpec& task = *spec.add_tasks();
  task.set_name("task");
  task.set_kind("classification");
  task.set_weight(1);
  task.set_chunk_size(options.tasks[0].chunk_size);
  task.mutable_search()->set_file("/data/search.csv");
  task.mutable_search()->set_scale(1);
  task.mutable_search()->set_digest(std::string(32, 's'));
  task.mutable_search()->set_rows(options.archive.datapoints);
  *task.mutable_holdout() = task.search();
  task.mutable_holdout()->set_rows(kHoldoutRows);
  v1::SearchSpec& search = *spec.mutable_search();
  search.set_method(options.search.method);
  search.set_population(options.archive.population);
  search.set_alpha(options.archive.alpha);
  search.set_attraction(options.search.attraction);
  search.set_split_point(options.search.split_point);
  search.set_crossover(options.search.crossover);
  search.set_mix_low(options.search.mix_low);
  search.set_mix_high(options.search.mix_high);
  search.set_early_rejection(options.early_rejection);
  spec.mutable_schedule()->set_mode(options.async ? "async" : "ordered");
  spec.mutable_schedule()->set_shards(options.shards);
  spec.mutable_schedule()->set_window(options.window);
  spec.mutable_budget()->set_evaluations(evaluations);
  spec.set_random_seed(options.random_seed);
  return spec;
}

storage::v1::SpecRecord FakeRecord(const v1::CampaignSpec& spec) {
  storage::v1::SpecRecord record;
  record.set_uid("uid");
  record.set_request_id("request");
  *record.mutable_spec() = spec;
  return record;
}

v1::JobResult FakeResult(const FakeCampaign& campaign, const v1::Job& job,
                         const v1::ChunkLayout* layout) {
  v1::JobResult result;
  *result.mutable_key() = job.key();
  result.set_genome_digest(job.genome_digest());
  result.set_layout_version(job.layout_version());
  if (job.key().kind() == v1::JOB_KIND_GRAM) {
    result.set_gram(campaign.gram->Serialise());
    return result;
  }
  if (campaign.options.genomes == GenomeKind::kWeights && !job.has_weights()) {
    FillWeights(campaign, job, result);
  }
  if (job.key().kind() == v1::JOB_KIND_MAKE_BLOB) return result;
  const int64_t rows = job.key().kind() == v1::JOB_KIND_HOLDOUT
                           ? kHoldoutRows
                           : campaign.options.archive.datapoints;
  const std::vector<uint32_t> scores =
      FakeScores(*Digest::FromBytes(job.genome_digest()), rows);
  const std::vector<uint32_t> members = Members(job, layout, rows);
  const int64_t size = campaign.options.tasks[0].chunk_size;
  for (int64_t begin = 0; begin < rows; begin += size) {
    const auto number = static_cast<int32_t>(begin / size);
    if (!IsWanted(job, number)) continue;
    std::vector<uint32_t> chunk;
    for (int64_t i = begin; i < std::min(begin + size, rows); ++i) {
      chunk.push_back(scores[members[i]]);
    }
    v1::ChunkScores& proto = *result.add_chunks();
    proto.set_chunk(number);
    proto.set_scores(PackScores(ScoreKind::kBinary, chunk));
  }
  return result;
}

v1::JobResult FakeResult(const FakeCampaign& campaign,
                         const CampaignRunner& runner, const JobKey& key) {
  const v1::Job job = *runner.MakeJob(key);
  const auto layout = runner.MakeLayout(job.layout_version());
  return FakeResult(campaign, job, layout.ok() ? &*layout : nullptr);
}

}  // namespace merganser
