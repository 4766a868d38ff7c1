#include "common/campaign_spec/language_seeds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/field_checks.h"
#include "common/checkpoint/leading_rows.h"
#include "common/huggingface/tokenizer.h"
#include "common/language_task/language_tools.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

// Fine-tunes rename a few reserved tokens; another tokenizer renames most.
constexpr double kMostOtherTokens = 0.01;

// What of a config decides on a forward pass, but for the vocabulary.
LanguageModelConfig Comparable(LanguageModelConfig config) {
  config.architecture.clear();
  config.vocabulary_size = 0;
  config.positions = 0;
  config.dtype.reset();
  return config;
}

struct NamedSize {
  const char* key;
  int64_t LanguageModelConfig::* value;
};
constexpr NamedSize kSizes[] = {
    {"hidden_size", &LanguageModelConfig::hidden_size},
    {"num_hidden_layers", &LanguageModelConfig::layers},
    {"intermediate_size", &LanguageModelConfig::intermediate_size},
    {"num_attention_heads", &LanguageModelConfig::heads},
    {"num_key_value_heads", &LanguageModelConfig::key_value_heads},
    {"head_dim", &LanguageModelConfig::head_size},
};

// The first key that differs, for a message.
std::string FirstDifference(const LanguageModelConfig& expected,
                            const LanguageModelConfig& found) {
  for (const auto& [key, value] : kSizes) {
    if (expected.*value == found.*value) continue;
    return absl::StrCat(key, " ", found.*value, "; seeds[0] has ",
                        expected.*value);
  }
  if (expected.norm_epsilon != found.norm_epsilon) {
    return absl::StrCat("rms_norm_eps ", found.norm_epsilon, "; seeds[0] has ",
                        expected.norm_epsilon);
  }
  if (expected.rope_theta != found.rope_theta) {
    return absl::StrCat("rope_theta ", found.rope_theta, "; seeds[0] has ",
                        expected.rope_theta);
  }
  if (expected.rope_scaling != found.rope_scaling) {
    return "another rope_scaling than seeds[0]";
  }
  if (expected.sliding_window != found.sliding_window) {
    return "another sliding_window than seeds[0]";
  }
  if (expected.tied_head != found.tied_head) {
    return "another tie_word_embeddings than seeds[0]";
  }
  return "biases where seeds[0] has none, or none where it has them";
}

int TokenizerSeed(const v1::CampaignSpec& spec) {
  for (int i = 0; i < spec.seeds_size(); ++i) {
    if (spec.seeds(i).name() == spec.model().tokenizer()) return i;
  }
  return 0;
}

absl::Status CheckVocabulary(const v1::CampaignSpec& spec, int index,
                             int64_t first, int64_t rows) {
  if (spec.model().vocabulary() == "common" || first == rows)
    return absl::OkStatus();
  return FieldError(
      SeedField(spec, index),
      absl::StrCat("has a vocabulary of ", rows, " rows; seeds[0] has ", first,
                   "; model.vocabulary: common merges the rows that all have"));
}

// Whether the first `tokens` tokens of two tokenizers are the same, nearly.
absl::Status CompareTokenizers(const Tokenizer& expected,
                               const Tokenizer& actual, int64_t tokens) {
  // Rows behind both are padding; a token that one of them lacks is another.
  tokens = std::min(
      tokens, std::max(expected.vocabulary_size(), actual.vocabulary_size()));
  int64_t others = 0;
  for (int64_t id = 0; id < tokens; ++id) {
    const auto token = static_cast<int32_t>(id);
    ASSIGN_OR_RETURN(
        const std::string a,
        expected.Decode({&token, 1}, /*skip_special_tokens=*/false));
    ASSIGN_OR_RETURN(const std::string b,
                     actual.Decode({&token, 1}, /*skip_special_tokens=*/false));
    if (a != b) ++others;
  }
  if (static_cast<double>(others) <=
      kMostOtherTokens * static_cast<double>(tokens)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("has another tokenizer than seeds[0]: ", others, " of ",
                   tokens, " tokens are other texts"));
}

absl::Status CheckTokenizers(const v1::CampaignSpec& spec,
                             const LanguageSeeds& seeds) {
  std::shared_ptr<const Tokenizer> first;
  std::string first_bytes;
  for (size_t i = 0; i < seeds.checkpoints.size(); ++i) {
    const std::string path = seeds.checkpoints[i]->tokenizer_path();
    const std::string field = SeedField(spec, static_cast<int>(i));
    const auto bytes = ReadFile(path);
    // A base writes nothing: what a seed calls its tokens is enough.
    const bool is_base = static_cast<int>(i) >= spec.seeds_size();
    if (is_base && absl::IsNotFound(bytes.status())) continue;
    if (!bytes.ok()) {
      return FieldError(field, std::string(bytes.status().message()));
    }
    if (i > 0 && *bytes == first_bytes) continue;
    auto tokenizer = Tokenizer::Open(path);
    if (!tokenizer.ok()) {
      return FieldError(field, std::string(tokenizer.status().message()));
    }
    RETURN_IF_ERROR(Annotate(
        CheckTokenizerFits(**tokenizer, *seeds.checkpoints[i]), field));
    if (i == 0) {
      first = *std::move(tokenizer);
      first_bytes = *bytes;
      continue;
    }
    RETURN_IF_ERROR(Annotate(
        CompareTokenizers(*first, **tokenizer, seeds.config.vocabulary_size),
        field));
  }
  return absl::OkStatus();
}

}  // namespace

std::string SeedField(const v1::CampaignSpec& spec, int index) {
  return index < spec.seeds_size() ? absl::StrCat("seeds[", index, "]")
                                   : "model.base";
}

std::shared_ptr<const TensorSource> LanguageSeeds::Source(int index) const {
  return LeadingRows(checkpoints[index], config.vocabulary_size);
}

absl::StatusOr<LanguageSeeds> CheckLanguageSeeds(
    const v1::CampaignSpec& spec,
    std::vector<std::shared_ptr<const Checkpoint>> checkpoints) {
  LanguageSeeds seeds{.checkpoints = std::move(checkpoints),
                      .tokenizer = TokenizerSeed(spec)};
  const LanguageModelConfig& first = seeds.checkpoints[0]->config();
  seeds.config = seeds.tokenizer_seed().config();
  for (size_t i = 1; i < seeds.checkpoints.size(); ++i) {
    const LanguageModelConfig& other = seeds.checkpoints[i]->config();
    if (Comparable(first) != Comparable(other)) {
      return FieldError(
          SeedField(spec, static_cast<int>(i)),
          absl::StrCat(
              seeds.checkpoints[i]->path(), "/config.json has ",
              first.architecture == other.architecture
                  ? ""
                  : absl::StrCat("the architecture ", other.architecture,
                                 ", seeds[0] ", first.architecture, "; "),
              FirstDifference(first, other)));
    }
    RETURN_IF_ERROR(CheckVocabulary(spec, static_cast<int>(i),
                                    first.vocabulary_size,
                                    other.vocabulary_size));
    seeds.config.vocabulary_size =
        std::min(seeds.config.vocabulary_size, other.vocabulary_size);
  }
  seeds.config.vocabulary_size =
      std::min(seeds.config.vocabulary_size, first.vocabulary_size);
  RETURN_IF_ERROR(CheckTokenizers(spec, seeds));
  return seeds;
}

absl::StatusOr<Digest> CompanionDigest(const Checkpoint& checkpoint) {
  DigestBuilder digest;
  digest.String("merganser-companions/1");
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json",
        "tokenizer_config.json", "chat_template.jinja"}) {
    const auto bytes = ReadFile(absl::StrCat(checkpoint.path(), "/", name));
    if (absl::IsNotFound(bytes.status())) continue;
    RETURN_IF_ERROR(bytes.status());
    digest.String(name).String(*bytes);
  }
  return digest.Finish();
}

}  // namespace merganser
