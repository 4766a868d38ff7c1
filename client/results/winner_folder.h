// The winner of a campaign of language models: a Hugging Face folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/results/winner.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "common/genome/thread_team.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

inline constexpr char kWinnerFolder[] = "winner";

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
