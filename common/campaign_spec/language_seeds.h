// Seeds that are language models: which of them go together, and what their
// children take from which.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/checkpoint/checkpoint.h"
#include "common/checkpoint/language_model_config.h"
#include "common/storage/tensor_source.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Threads: immutable; safe to share.
struct LanguageSeeds {
  // In the order of the campaign's seeds; behind them the base, if it has one.
  std::vector<std::shared_ptr<const Checkpoint>> checkpoints;
  // The seed whose tokenizer, configs and chat template serve the children.
  int tokenizer = 0;
  // Of the parameter vector: vocabulary_size counts the merged rows.
  LanguageModelConfig config;

  const Checkpoint& tokenizer_seed() const { return *checkpoints[tokenizer]; }
  // Tokens of a prompt and its continuation together.
  int64_t maximum_length() const { return tokenizer_seed().config().positions; }
  // Rows of the embedding and the head, behind those that are merged, which are
  // kept from tokenizer_seed().
  int64_t kept_rows() const {
    return tokenizer_seed().config().vocabulary_size - config.vocabulary_size;
  }
  // The tensors of seed `index` as they are merged: with the merged rows alone.
  std::shared_ptr<const TensorSource> Source(int index) const;
};

// What messages call the checkpoint with this number: "seeds[1]", or
// "model.base" behind the seeds.
std::string SeedField(const v1::CampaignSpec& spec, int index);

// Checks checkpoints, which are those of the spec's seeds and base, against one
// another: one architecture in all that matters to a forward pass, one
// vocabulary as model.vocabulary asks for, tokenizers that agree on nearly all
// merged tokens. Errors: InvalidArgument that begins with the field, "seeds[1]:
// ".
absl::StatusOr<LanguageSeeds> CheckLanguageSeeds(
    const v1::CampaignSpec& spec,
    std::vector<std::shared_ptr<const Checkpoint>> checkpoints);

// What a child takes from the folder of its tokenizer's seed beside weights:
// SHA-256 over names and contents of config.json, generation_config.json,
// tokenizer.json, tokenizer_config.json and chat_template.jinja, those that are
// there.
// Errors: what reading says.
absl::StatusOr<Digest> CompanionDigest(const Checkpoint& checkpoint);

}  // namespace merganser
