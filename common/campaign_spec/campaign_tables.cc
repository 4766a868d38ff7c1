// The keys of each message of a campaign file.
#include "common/campaign_spec/campaign_schema.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;

constexpr double kNameBytes = 63;
constexpr double kTextBytes = 4096;
constexpr double kTemplateBytes = 65536;
constexpr double kMaximumSigma = 100;

constexpr SchemaField kCampaign[] = {
    {.key = "name",
     .proto_field = "name",
     .required = true,
     .format = TextFormat::kName,
     .maximum = kNameBytes,
     .help = "a name, unique in a coordinator"},
    {.key = "description",
     .proto_field = "description",
     .maximum = kTextBytes,
     .help = "for people"},
    {.key = "model",
     .proto_field = "model",
     .required = true,
     .help = "what the seeds are"},
    {.key = "seeds",
     .proto_field = "seeds",
     .required = true,
     .minimum_entries = 1,
     .maximum_entries = 64,
     .help = "the models to merge, all of one shape"},
    {.key = "tasks",
     .proto_field = "tasks",
     .required = true,
     .minimum_entries = 1,
     .maximum_entries = 64,
     .help = "what candidates are tested on"},
    {.key = "search",
     .proto_field = "search",
     .required = true,
     .help = "how children are bred and kept"},
    {.key = "schedule",
     .proto_field = "schedule",
     .required = true,
     .help = "the order in which results count"},
    {.key = "budget",
     .proto_field = "budget",
     .required = true,
     .help = "when the campaign ends"},
    {.key = "random_seed",
     .proto_field = "random_seed",
     .default_value = "0",
     .minimum = 0,
     .help = "key of every random draw"},
    {.key = "device_class",
     .proto_field = "device_class",
     .maximum = 256,
     .help = "class of the workers that may serve it; empty: the class with "
             "most capacity; any: all, without the promise of equal bits"},
};

constexpr SchemaField kModel[] = {
    {.key = "family",
     .proto_field = "family",
     .required = true,
     .choices = "mlp language_model",
     .help = "mlp: fully connected layers with ReLU between them; "
             "language_model: Hugging Face folders of the Llama family"},
    {.key = "weights_dtype",
     .proto_field = "weights_dtype",
     .choices = "float32 bfloat16 float16",
     .help = "what a child's weights are rounded to; the seeds' own if unset"},
    {.key = "layers",
     .proto_field = "layers",
     .minimum_entries = 2,
     .maximum_entries = 64,
     .minimum = 1,
     .maximum = 1048576,
     .help = "features, hidden units of each layer, classes; required with "
             "random seeds, and for them only"},
    {.key = "init_sigma",
     .proto_field = "init_sigma",
     .minimum = 0,
     .maximum = kMaximumSigma,
     .help = "standard deviation of random seeds' parameters; above 0 with "
             "them"},
    {.key = "compute_dtype",
     .proto_field = "compute_dtype",
     .choices = "float32 bfloat16 float16",
     .help = "language models: what forward passes are computed in; float32 if "
             "unset"},
    {.key = "vocabulary",
     .proto_field = "vocabulary",
     .choices = "same common",
     .help = "language models: same (if unset): all seeds have as many rows in "
             "their embeddings; common: the rows that all have are merged, "
             "further ones kept from the seed tokenizer"},
    {.key = "tokenizer",
     .proto_field = "tokenizer",
     .maximum = kNameBytes,
     .help = "language models: the seed whose tokenizer, generation config and "
             "chat template serve the children; the first one if unset"},
    {.key = "base",
     .proto_field = "base",
     .help = "the model that the seeds are differences from; required with "
             "search.origin base, and for it only"},
    {.key = "chromosomes",
     .proto_field = "chromosomes",
     .minimum_entries = 1,
     .maximum_entries = 64,
     .help = "groups of tensors, each with its own split, mix and angle; a "
             "tensor is in the first one that has a pattern for it"},
};

constexpr SchemaField kChromosome[] = {
    {.key = "name",
     .proto_field = "name",
     .required = true,
     .format = TextFormat::kName,
     .maximum = kNameBytes,
     .help = "a name, unique among the chromosomes"},
    {.key = "tensors",
     .proto_field = "tensors",
     .required = true,
     .minimum_entries = 1,
     .maximum_entries = 256,
     .maximum = 256,
     .help = "patterns of tensor names: * any text, ? any character, [ab] one "
             "of some"},
};

constexpr SchemaField kSeed[] = {
    {.key = "name",
     .proto_field = "name",
     .required = true,
     .format = TextFormat::kName,
     .maximum = kNameBytes,
     .help = "a name, unique among the seeds"},
    {.key = "path",
     .proto_field = "path",
     .format = TextFormat::kFile,
     .maximum = kTextBytes,
     .help = "a safetensors file, or of a language model its folder, relative "
             "to the campaign file; required unless random or hf"},
    {.key = "hf",
     .proto_field = "hf",
     .maximum = 512,
     .help = "language models, instead of path: org/name or org/name@revision "
             "in the local Hugging Face cache"},
    {.key = "random",
     .proto_field = "random",
     .default_value = "false",
     .help = "normal noise instead of a file; all seeds or none"},
    {.key = "licence",
     .proto_field = "licence",
     .maximum = 256,
     .help = "SPDX identifier"},
};

constexpr SchemaField kTask[] = {
    {.key = "name",
     .proto_field = "name",
     .required = true,
     .format = TextFormat::kName,
     .maximum = kNameBytes,
     .help = "a name, unique among the tasks"},
    {.key = "kind",
     .proto_field = "kind",
     .required = true,
     .choices =
         "classification exact_match generation multiple_choice perplexity",
     .help = "solved: classification, the largest logit is the label's; "
             "exact_match, greedy decoding writes the answer and ends; "
             "generation, what extract finds is right; multiple_choice, the "
             "right choice is the likeliest; perplexity scores exp(-mean "
             "negative log-likelihood)"},
    {.key = "weight",
     .proto_field = "weight",
     .default_value = "1",
     .minimum = 1,
     .maximum = 1000,
     .help = "worth of each of its datapoints"},
    {.key = "chunk_size",
     .proto_field = "chunk_size",
     .default_value = "0",
     .minimum = 0,
     .maximum = 1048576,
     .help =
         "datapoints evaluated as one batch; 0: 128, of language models 32, "
         "or all if fewer"},
    {.key = "search",
     .proto_field = "search",
     .required = true,
     .help = "the datapoints that candidates compete for"},
    {.key = "holdout",
     .proto_field = "holdout",
     .help = "datapoints for reporting only"},
    {.key = "prompt",
     .proto_field = "prompt",
     .maximum = kTemplateBytes,
     .help = "language models: what the model is given, {field} for a field of "
             "the datapoint, {{ }} for braces; unset: {prompt}, {question} or "
             "{text}, as the kind"},
    {.key = "answer",
     .proto_field = "answer",
     .maximum = kTemplateBytes,
     .help = "the right answer, likewise; unset: {answer}, or, of "
             "multiple_choice, the field answer_index"},
    {.key = "chat",
     .proto_field = "chat",
     .help = "the prompt is the user's message in the tokenizer's chat "
             "template"},
    {.key = "system",
     .proto_field = "system",
     .maximum = kTemplateBytes,
     .help = "the system's message, with chat"},
    {.key = "few_shot",
     .proto_field = "few_shot",
     .help = "examples in front of each prompt"},
    {.key = "max_new_tokens",
     .proto_field = "max_new_tokens",
     .minimum = 0,
     .maximum = 65536,
     .help = "generation, exact_match: tokens at most; 0: 256"},
    {.key = "stop",
     .proto_field = "stop",
     .minimum_entries = 1,
     .maximum_entries = 16,
     .maximum = 256,
     .help = "generation, exact_match: texts that end the continuation"},
    {.key = "extract",
     .proto_field = "extract",
     .choices = "exact last_number pattern",
     .help = "generation: what of the text is the answer; unset: exact"},
    {.key = "pattern",
     .proto_field = "pattern",
     .maximum = kTextBytes,
     .help = "generation, extract pattern: a regular expression in RE2's "
             "syntax; its first group, or all of its first match"},
    {.key = "normalise",
     .proto_field = "normalise",
     .choices = "sum length",
     .help = "multiple_choice: log-likelihoods as they are, or divided by the "
             "choice's characters; unset: sum"},
    {.key = "window",
     .proto_field = "window",
     .minimum = 0,
     .maximum = 1048576,
     .help = "perplexity: tokens predicted at once; 0: as many as the model "
             "takes"},
    {.key = "keep_outputs",
     .proto_field = "keep_outputs",
     .help = "language models: what the winner wrote on the task is written "
             "beside its weights"},
};

constexpr SchemaField kFewShot[] = {
    {.key = "examples",
     .proto_field = "examples",
     .required = true,
     .help = "a JSONL file with the fields of the task's own datapoints"},
    {.key = "count",
     .proto_field = "count",
     .minimum = 0,
     .maximum = 64,
     .help = "the first so many of them; 0: all, at most 64"},
};

constexpr SchemaField kDataset[] = {
    {.key = "file",
     .proto_field = "file",
     .required = true,
     .format = TextFormat::kFile,
     .maximum = kTextBytes,
     .help =
         "a CSV file, plain or gzip: numbers, the label last, no header; of "
         "language models JSONL; relative to the campaign file"},
    {.key = "rows",
     .proto_field = "first_row",
     .second_proto_field = "end_row",
     .default_value = "[0, 0]",
     .minimum = 0,
     .help = "first row, from 0, and the row behind the last; 0: to the end"},
    {.key = "scale",
     .proto_field = "scale",
     .default_value = "1",
     .help = "multiplies every feature; not 0"},
};

constexpr SchemaField kSearch[] = {
    {.key = "method",
     .proto_field = "method",
     .required = true,
     .default_value = "m2n2",
     .choices = "m2n2 ga",
     .help = "ga: alpha 0 and no attraction, whatever they are set to"},
    {.key = "population",
     .proto_field = "population",
     .default_value = "20",
     .minimum = 2,
     .maximum = 1024,
     .help = "slots of the archive"},
    {.key = "alpha",
     .proto_field = "alpha",
     .default_value = "1",
     .minimum = 0,
     .maximum = 4,
     .help = "competition: 0 none, 1 each datapoint's worth is shared out"},
    {.key = "attraction",
     .proto_field = "attraction",
     .default_value = "true",
     .help = "parent B by what it solves and parent A does not"},
    {.key = "split_point",
     .proto_field = "split_point",
     .default_value = "true",
     .help = "another mix on either side of a random point"},
    {.key = "crossover",
     .proto_field = "crossover",
     .default_value = "true",
     .help = "off: the child is parent A"},
    {.key = "mix",
     .proto_field = "mix_low",
     .second_proto_field = "mix_high",
     .default_value = "[0, 1]",
     .minimum = -10,
     .maximum = 10,
     .help = "the share of parent B is uniform on [low, high)"},
    {.key = "early_rejection",
     .proto_field = "early_rejection",
     .default_value = "true",
     .help = "stop evaluating children that cannot enter the archive any more; "
             "changes no outcome"},
    {.key = "mutation_sigma",
     .proto_field = "mutation_sigma",
     .default_value = "0",
     .minimum = 0,
     .maximum = kMaximumSigma,
     .help = "standard deviation of the noise added to each parameter of each "
             "child; above 0 with random seeds only"},
    {.key = "origin",
     .proto_field = "origin",
     .choices = "zero base",
     .help = "base: SLERP and its angle act on differences from model.base; "
             "zero, or unset: on the weights"},
    {.key = "coefficient_mutation",
     .proto_field = "coefficient_mutation",
     .default_value = "0",
     .minimum = 0,
     .maximum = 10,
     .help = "standard deviation of the noise added to a child's coefficient "
             "of each seed in each layer; not with random seeds"},
};

constexpr SchemaField kSchedule[] = {
    {.key = "mode",
     .proto_field = "mode",
     .required = true,
     .default_value = "ordered",
     .choices = "ordered async",
     .help = "ordered: results count in the order of their children; async: as "
             "they come"},
    {.key = "window",
     .proto_field = "window",
     .default_value = "32",
     .minimum = 1,
     .maximum = 4096,
     .help = "children under way at a time; ordered: child n is drawn after "
             "results 0 to n - window"},
    {.key = "shards",
     .proto_field = "shards",
     .default_value = "1",
     .minimum = 1,
     .maximum = 1024,
     .help =
         "jobs that share the chunks of one child; more than 1 lets several "
         "workers evaluate it at once"},
};

constexpr SchemaField kBudget[] = {
    {.key = "evaluations",
     .proto_field = "evaluations",
     .required = true,
     .minimum = 0,
     .maximum = 1e9,
     .help = "the number of children to evaluate"},
};

}  // namespace

std::span<const SchemaField> SchemaOf(const Descriptor& message) {
  if (&message == v1::CampaignSpec::descriptor()) return kCampaign;
  if (&message == v1::ModelSpec::descriptor()) return kModel;
  if (&message == v1::ChromosomeSpec::descriptor()) return kChromosome;
  if (&message == v1::SeedSpec::descriptor()) return kSeed;
  if (&message == v1::TaskSpec::descriptor()) return kTask;
  if (&message == v1::FewShotSpec::descriptor()) return kFewShot;
  if (&message == v1::DatasetSpec::descriptor()) return kDataset;
  if (&message == v1::SearchSpec::descriptor()) return kSearch;
  if (&message == v1::ScheduleSpec::descriptor()) return kSchedule;
  if (&message == v1::BudgetSpec::descriptor()) return kBudget;
  return {};
}

}  // namespace merganser
