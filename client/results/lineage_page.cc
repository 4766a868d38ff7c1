#include "client/results/lineage_page.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr char kFormat[] = "merganser-lineage/1";

ordered_json SeedsJson(const v1::CampaignSpec& spec) {
  ordered_json seeds = ordered_json::array();
  for (int k = 0; k < spec.seeds_size(); ++k) {
    const auto digest = Digest::FromBytes(spec.seeds(k).digest());
    seeds.push_back({{"candidate", k - spec.seeds_size()},
                     {"name", spec.seeds(k).name()},
                     {"random", true},
                     {"digest", digest.ok() ? digest->ToHex() : ""}});
  }
  return seeds;
}

ordered_json TensorsJson(const v1::ModelSpec& model) {
  ordered_json tensors = ordered_json::array();
  for (const v1::TensorSpec& tensor : model.tensors()) {
    tensors.push_back({{"name", tensor.name()},
                       {"shape", std::vector<int64_t>(tensor.shape().begin(),
                                                      tensor.shape().end())}});
  }
  return tensors;
}

ordered_json ChromosomesJson(const Proposal& proposal) {
  ordered_json chromosomes = ordered_json::array();
  for (size_t c = 0; c < proposal.coefficients.size(); ++c) {
    const auto& [split, length, before, after] = proposal.coefficients[c];
    chromosomes.push_back({{"split_block", proposal.split_blocks[c]},
                           {"split", split},
                           {"mix", proposal.mixes[c]},
                           {"before_a", before.a},
                           {"before_b", before.b},
                           {"after_a", after.a},
                           {"after_b", after.b}});
  }
  return chromosomes;
}

ordered_json AncestorsJson(const Winner& winner) {
  ordered_json ancestors = ordered_json::array();
  for (const auto& [proposal, weights] : winner.ancestors) {
    ancestors.push_back(
        {{"candidate", proposal.candidate},
         {"parents", ordered_json({proposal.parent_a, proposal.parent_b})},
         {"crossover", proposal.crossover},
         {"chromosomes", ChromosomesJson(proposal)},
         {"digest", weights.ToHex()}});
  }
  return ancestors;
}

}  // namespace

absl::StatusOr<std::string> LineagePage(const Winner& winner,
                                        const v1::CampaignSpec& spec) {
  const v1::ModelSpec& model = spec.model();
  ASSIGN_OR_RETURN(const DType dtype, WeightsDTypeOf(spec));
  const ordered_json page = {
      {"format", kFormat},
      {"campaign", winner.campaign},
      {"uid", winner.uid},
      {"candidate", winner.candidate},
      {"parents", winner.parents},
      {"genome_digest", winner.genome.ToHex()},
      {"random_seed", spec.random_seed()},
      {"init_sigma", model.init_sigma()},
      {"mutation_sigma", spec.search().mutation_sigma()},
      {"family", model.family()},
      {"layers",
       std::vector<int64_t>(model.layers().begin(), model.layers().end())},
      {"tensors", TensorsJson(model)},
      {"dtype", DTypeName(dtype)},
      {"seeds", SeedsJson(spec)},
      {"ancestors", AncestorsJson(winner)}};
  return page.dump(2) + "\n";
}

}  // namespace merganser
