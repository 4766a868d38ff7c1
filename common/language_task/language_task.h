// Per-datapoint scores of a language model on one task.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/evolution/scores.h"
#include "common/language_task/datapoint_texts.h"
#include "common/language_task/language_model.h"
#include "common/language_task/language_task_definition.h"
#include "common/language_task/text_codec.h"
#include "common/storage/jsonl_dataset.h"

namespace merganser {

// What a task needs to know of the models that it is scored on.
struct LanguageTaskTools {
  const TextCodec* codec = nullptr;  // borrowed; outlives the task
  RenderChat render_chat;            // empty: there is no chat template
  std::vector<int32_t> end_tokens;   // of which any ends a continuation
  // What stands in front of a text by itself: the beginning-of-text token, or,
  // where there is none, the end-of-text token; -1: neither.
  int32_t prefix_token = -1;
  int64_t maximum_length = 0;  // LanguageModel::maximum_length()
};

// What is known of a datapoint besides its score.
struct DatapointOutput {
  // What the model wrote, up to where it ended, or the choice that it picked;
  // empty for perplexity.
  std::string text;
  // What it wrote, in tokens, with the one that ended it; empty for the kinds
  // that write nothing.
  std::vector<int32_t> token_ids;
  // Perplexity: natural logarithm, and how many tokens it is the sum of.
  double log_likelihood = 0;
  int64_t tokens = 0;
};

// Of the datapoints of one chunk, in its order.
struct LanguageScores {
  std::vector<uint32_t> scores;  // k = 0 … kScoreUnit stands for k / kScoreUnit
  // A logit was NaN; its datapoint scores 0.
  bool saw_nan = false;
  std::vector<DatapointOutput> outputs;  // empty unless asked for
};

// Threads: immutable after creation; safe to share.
class LanguageTask {
 public:
  virtual ~LanguageTask() = default;

  // Makes tokens of all datapoints. `dataset`, and `examples` unless null, have
  // the fields FieldsOf(definition).
  // Errors: InvalidArgument "file:line: …" for a datapoint that does not fit:
  // one longer than the model takes, an answer of more tokens than
  // max_new_tokens, that has a stop in it, or in which the extractor finds
  // nothing; for a field that does not fit the model, naming it.
  static absl::StatusOr<std::unique_ptr<LanguageTask>> Create(
      const LanguageTaskDefinition& definition, const JsonlDataset& dataset,
      const JsonlDataset* examples, const LanguageTaskTools& tools);

  virtual int64_t datapoints() const = 0;

  // Scores the model's present candidate on the datapoints, each below
  // datapoints(), as one batch: what the model is given depends on them alone,
  // and, where decoding decides, on what it answered.
  // Errors: those of the model and the codec.
  virtual absl::StatusOr<LanguageScores> Score(
      LanguageModel& model, std::span<const uint32_t> datapoints,
      bool wants_outputs) const = 0;
};

// The scores as v1::ChunkScores carries them, in a campaign of scores of that
// kind. Of kBinary, every score is 0 or kScoreUnit.
std::string PackLanguageScores(ScoreKind kind,
                               std::span<const uint32_t> scores);

}  // namespace merganser
