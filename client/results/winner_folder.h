// The winner of a campaign of language models: a Hugging Face folder.
#pragma once

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "client/results/winner.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/checkpoint/checkpoint_writer.h"
#include "common/genome/thread_team.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

inline constexpr char kWinnerFolder[] = "winner";

// Writes `folder`, whole or not at all, over an earlier one of this kind: the
// weights of a candidate, sharded, with config, tokenizer and generation
// settings of the seed model.tokenizer, and what `add_pages` adds. One pass
// over the seeds, which are the campaign's; memory stays flat. `interrupted`,
// which may be empty, is asked now and then. Errors: Cancelled when
// interrupted; those of CheckpointWriter, RunMerge() and `add_pages`.
absl::Status WriteModelFolder(
    const std::string& folder, const LinearRecipe& recipe,
    const CampaignSeeds& seeds, ThreadTeam& team,
    const std::function<bool()>& interrupted,
    absl::FunctionRef<absl::Status(CheckpointWriter&)> add_pages);

// Writes `folder`, whole or not at all, over an earlier one of this kind:
// sharded safetensors, config, tokenizer and generation settings of the seed
// model.tokenizer, README.md (see ModelCard()), merganser_recipe.json and
// mergekit_config.yml. One pass over the seeds, which are `campaign`'s; memory
// stays flat.
// Errors: those of CheckpointWriter and RunMerge().
absl::Status WriteWinnerFolder(const std::string& folder, const Winner& winner,
                               const v1::Campaign& campaign,
                               const CampaignSeeds& seeds, ThreadTeam& team);

}  // namespace merganser
