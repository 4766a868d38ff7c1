#include "client/merge/merge_job.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/merge/kept_rows.h"
#include "client/merge/merge_sources.h"
#include "client/merge/mergekit_plan.h"
#include "client/merge/recipe_file.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/derived_files.h"
#include "common/checkpoint/hub_cache.h"
#include "common/checkpoint/leading_rows.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaximumFileBytes = int64_t{1} << 28;
constexpr char kFormat[] = "merganser-merge/1";
constexpr char kRecipeCopy[] = "merganser_recipe.json";
// As mergekit names it.
constexpr char kMergekitCopy[] = "mergekit_config.yml";

// All that a merge needs, once its file is understood.
struct Prepared {
  MergePlan plan;
  std::vector<std::string> names;  // of the models
  std::vector<std::string> paths;
  std::vector<OpenedModel> models;
  std::optional<DType> dtype;
  int64_t merged_rows = 0;  // of embeddings; 0: all
  std::string text;         // of the file
  const char* copy = "";    // the name of its copy in the output
};

absl::Status BadInput(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::InvalidArgumentError(status.message());
}

// A recipe is a JSON object; YAML of mergekit never begins with a brace.
bool IsJson(const std::string& text) {
  return absl::StripLeadingAsciiWhitespace(text).substr(0, 1) == "{";
}

absl::Status OpenModels(const std::string& root, Prepared& prepared) {
  for (std::string& path : prepared.paths) {
    path = BelowRoot(root, path);
    ASSIGN_OR_RETURN(prepared.models.emplace_back(), OpenModel(path));
  }
  return absl::OkStatus();
}

// Models that a configuration names as mergekit does: folders, or names in the
// Hugging Face cache.
absl::Status FindMergekitModels(const MergekitFile& file,
                                const std::string& root, Prepared& prepared) {
  for (size_t i = 0; i < file.models.size(); ++i) {
    const std::string& name = file.models[i];
    std::error_code ignored;
    prepared.names.push_back(name);
    prepared.paths.push_back(name);
    const bool is_there =
        std::filesystem::exists(BelowRoot(root, name), ignored);
    const auto hub = ParseHubName(name);
    if (is_there || !hub.ok()) continue;
    const auto found = FindInHubCache(*hub, HubCacheFolder());
    if (!found.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.model_origins[i], ": ", name,
                       ": is no folder, and ", found.status().message()));
    }
    prepared.paths.back() = std::filesystem::absolute(found->folder);
  }
  return absl::OkStatus();
}

// Puts the paths of --seed into the recipe's seeds.
absl::Status OverrideSeeds(const std::vector<std::string>& overrides,
                           RecipeFile& recipe) {
  std::vector<std::string> names;
  for (const RecipeSeed& seed : recipe.seeds) names.push_back(seed.name);
  for (const std::string& text : overrides) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto found = std::find(names.begin(), names.end(), name);
    if (equals == std::string::npos || found == names.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--seed ", text, ": expected NAME=PATH, the name one of ",
          absl::StrJoin(names, ", ")));
    }
    RecipeSeed& seed = recipe.seeds[found - names.begin()];
    seed.path = text.substr(equals + 1);
    seed.hf.clear();
  }
  for (const RecipeSeed& seed : recipe.seeds) {
    if (!seed.path.empty() || !seed.hf.empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "seed ", seed.name, ": its path is not known; give --seed ", seed.name,
        "=PATH"));
  }
  return absl::OkStatus();
}

// Sizes that differ follow from architectures that do.
absl::Status CheckSameModel(const Prepared& prepared, size_t k) {
  const absl::Status same =
      CheckSameLayout(prepared.models[0].layout, prepared.paths[0],
                      prepared.models[k].layout, prepared.paths[k]);
  const Checkpoint* const first = prepared.models[0].checkpoint.get();
  const Checkpoint* const other = prepared.models[k].checkpoint.get();
  if (same.ok() || first == nullptr || other == nullptr ||
      first->config().architecture == other->config().architecture) {
    return same;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(prepared.paths[k], ": is a ", other->config().architecture,
                   ", ", prepared.paths[0], " a ", first->config().architecture,
                   "; expected one architecture"));
}

absl::Status CheckSeeds(const RecipeFile& recipe, const Prepared& prepared,
                        bool digests, int threads) {
  ThreadTeam team(threads);
  for (size_t k = 0; k < recipe.seeds.size(); ++k) {
    RETURN_IF_ERROR(CheckSameModel(prepared, k));
    const std::optional<Digest>& expected = recipe.seeds[k].digest;
    if (!digests || !expected.has_value()) continue;
    const Digest found = DigestOf(prepared.models[k], team);
    if (found == *expected) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        prepared.paths[k], ": is not the seed ", recipe.seeds[k].name,
        " of the recipe: expected the digest ", expected->ToHex(), "; got ",
        found.ToHex(), " (--any-seeds does not compare them)"));
  }
  return absl::OkStatus();
}

// The tensors by chromosome, as a page names them.
absl::StatusOr<std::vector<TensorGroup>> GroupsOf(
    const RecipeFile& recipe, const ParameterLayout& parameters) {
  std::vector<TensorGroup> groups;
  for (const std::vector<std::string>& names : recipe.chromosomes) {
    TensorGroup& group = groups.emplace_back();
    for (const std::string& name : names) {
      const auto found = std::find_if(
          parameters.tensors.begin(), parameters.tensors.end(),
          [&](const TensorSlice& slice) { return slice.name == name; });
      if (found == parameters.tensors.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "chromosomes: ", name, ": the models have no such tensor"));
      }
      group.tensors.push_back(
          static_cast<int>(found - parameters.tensors.begin()));
    }
  }
  return groups;
}

// Boundaries of a recipe may lie anywhere: the grid is the search's.
absl::StatusOr<GenomeLayout> WithoutGrid(const RecipeFile& recipe,
                                         const ParameterLayout& parameters) {
  GenomeLayout layout = SingleChromosome(parameters);
  if (!recipe.chromosomes.empty()) {
    ASSIGN_OR_RETURN(const std::vector<TensorGroup> groups,
                     GroupsOf(recipe, parameters));
    ASSIGN_OR_RETURN(layout, GroupTensors(parameters, groups));
  }
  for (ChromosomeLayout& chromosome : layout.chromosomes) {
    chromosome.block = 1;
    chromosome.blocks = chromosome.length;
    chromosome.restarts.clear();
  }
  return layout;
}

// Leaves out the rows of embeddings that are not merged.
absl::Status CutVocabulary(const RecipeFile& recipe, Prepared& prepared) {
  prepared.merged_rows = recipe.vocabulary;
  if (recipe.vocabulary == 0) return absl::OkStatus();
  for (size_t k = 0; k < prepared.models.size(); ++k) {
    OpenedModel& model = prepared.models[k];
    if (model.checkpoint == nullptr ||
        model.checkpoint->config().vocabulary_size < recipe.vocabulary) {
      return absl::InvalidArgumentError(absl::StrCat(
          prepared.paths[k], ": expected a model with at least ",
          recipe.vocabulary, " tokens, of which the recipe merges the rows"));
    }
    LanguageModelConfig config = model.checkpoint->config();
    config.vocabulary_size = recipe.vocabulary;
    model.layout = LanguageModelLayout(config);
    model.tensors = LeadingRows(model.checkpoint, recipe.vocabulary);
  }
  return absl::OkStatus();
}

// Where the recipe's seeds lie on this machine.
absl::Status FindSeeds(const RecipeFile& recipe, Prepared& prepared) {
  for (const RecipeSeed& seed : recipe.seeds) {
    prepared.names.push_back(seed.name);
    prepared.paths.push_back(seed.path);
    if (!seed.path.empty()) continue;
    ASSIGN_OR_RETURN(
        prepared.paths.back(),
        FolderInHubCache(seed.hf, absl::StrCat("seed ", seed.name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareRecipe(const MergeRequest& request,
                                       Prepared prepared) {
  prepared.copy = kRecipeCopy;
  ASSIGN_OR_RETURN(RecipeFile recipe,
                   ParseRecipeFile(prepared.text, request.file));
  RETURN_IF_ERROR(OverrideSeeds(request.seeds, recipe));
  RETURN_IF_ERROR(FindSeeds(recipe, prepared));
  if (!recipe.weights_dtype.empty()) {
    prepared.dtype = DTypeFromTorchName(recipe.weights_dtype);
    if (!prepared.dtype.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(request.file,
                       ": weights_dtype: expected float32, bfloat16 or "
                       "float16; got \"",
                       recipe.weights_dtype, "\""));
    }
  }
  RETURN_IF_ERROR(OpenModels(request.models_root, prepared));
  RETURN_IF_ERROR(CutVocabulary(recipe, prepared));
  RETURN_IF_ERROR(
      CheckSeeds(recipe, prepared, !request.any_seeds, request.threads));
  const auto layout = WithoutGrid(recipe, prepared.models[0].layout);
  if (!layout.ok()) return Annotate(layout.status(), request.file);
  auto plan = PlanOfRecipe(recipe.recipe, static_cast<int>(recipe.seeds.size()),
                           *layout);
  if (!plan.ok()) return Annotate(plan.status(), request.file);
  prepared.plan = *std::move(plan);
  prepared.plan.donor = recipe.tokenizer;
  const Checkpoint* const first = prepared.models[0].checkpoint.get();
  if (first != nullptr) prepared.plan.layers = first->config().layers;
  return prepared;
}

absl::StatusOr<Prepared> PrepareMergekit(const MergeRequest& request,
                                         Prepared prepared) {
  prepared.copy = kMergekitCopy;
  if (!request.seeds.empty()) {
    return absl::InvalidArgumentError(
        "--seed: is for recipes; a configuration of mergekit names its models "
        "itself");
  }
  ASSIGN_OR_RETURN(const MergekitFile file,
                   ParseMergekitFile(prepared.text, request.file));
  RETURN_IF_ERROR(FindMergekitModels(file, request.models_root, prepared));
  prepared.dtype = file.dtype;
  RETURN_IF_ERROR(OpenModels(request.models_root, prepared));
  std::vector<LanguageModelConfig> configs;
  for (size_t i = 0; i < prepared.models.size(); ++i) {
    const auto& checkpoint = prepared.models[i].checkpoint;
    if (checkpoint == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          prepared.paths[i],
          ": is a file; expected the Hugging Face folder of a model"));
    }
    configs.push_back(checkpoint->config());
  }
  ASSIGN_OR_RETURN(prepared.plan, PlanOfMergekit(file, configs));
  return prepared;
}

absl::StatusOr<Prepared> Prepare(const MergeRequest& request) {
  auto text = ReadFile(request.file, kMaximumFileBytes);
  if (!text.ok()) return BadInput(text.status());
  Prepared prepared{.text = *std::move(text)};
  return IsJson(prepared.text) ? PrepareRecipe(request, std::move(prepared))
                               : PrepareMergekit(request, std::move(prepared));
}

DType CommonDTypeOf(const std::vector<OpenedModel>& models) {
  const DType first = models[0].dtype;
  const bool same = std::all_of(
      models.begin(), models.end(),
      [first](const OpenedModel& model) { return model.dtype == first; });
  return same ? first : DType::kF32;
}

std::string PageOf(const Prepared& prepared, const MergeResult& result) {
  ordered_json models = ordered_json::array();
  for (size_t i = 0; i < prepared.paths.size(); ++i) {
    models.push_back(
        {{"name", prepared.names[i]}, {"path", prepared.paths[i]}});
  }
  const ordered_json page = {{"format", kFormat},
                             {"file", prepared.copy},
                             {"models", models},
                             {"dtype", TorchNameOf(result.dtype)},
                             {"parameters", result.parameters}};
  return page.dump(2) + "\n";
}

absl::Status AddFiles(const Prepared& prepared, const MergeResult& result,
                      CheckpointWriter& writer) {
  const OpenedModel& donor = prepared.models[prepared.plan.donor];
  if (donor.checkpoint != nullptr) {
    RETURN_IF_ERROR(AddDerivedFiles(*donor.checkpoint, result.dtype,
                                    prepared.plan.layers, writer));
  }
  RETURN_IF_ERROR(writer.AddFile(prepared.copy, prepared.text));
  return writer.AddFile(kMergeFile, PageOf(prepared, result));
}

}  // namespace

absl::StatusOr<MergeResult> Merge(
    const MergeRequest& request,
    const std::function<bool(int64_t written, int64_t all)>& progress) {
  const CheckpointWriter::Options options{
      .folder = request.output,
      .marker_file = kMergeFile,
      .max_shard_bytes = request.max_shard_bytes};
  RETURN_IF_ERROR(CheckpointWriter::CheckFolder(options));
  ASSIGN_OR_RETURN(const Prepared prepared, Prepare(request));
  MergeResult result{.output = request.output, .models = prepared.paths};
  result.dtype = request.dtype.value_or(
      prepared.dtype.value_or(CommonDTypeOf(prepared.models)));
  std::vector<TensorOutline> outlines = OutlinesOf(prepared.plan, result.dtype);
  const Checkpoint* const donor =
      prepared.models[prepared.plan.donor].checkpoint.get();
  if (prepared.merged_rows > 0) AddKeptRows(*donor, outlines);
  ASSIGN_OR_RETURN(const auto writer,
                   CheckpointWriter::Create(options, outlines));
  result.bytes = writer->total_bytes();
  result.parameters = result.bytes / DTypeBytes(result.dtype);
  result.shards = writer->shards();
  std::vector<std::shared_ptr<const TensorSource>> sources;
  for (const OpenedModel& model : prepared.models) {
    sources.push_back(model.tensors);
  }
  ThreadTeam team(request.threads);
  RETURN_IF_ERROR(RunMerge(
      prepared.plan, sources, result.dtype, team,
      [&](int64_t written) { return progress(written, result.bytes); },
      *writer));
  if (prepared.merged_rows > 0) {
    RETURN_IF_ERROR(WriteKeptRows(*donor, prepared.merged_rows, result.dtype,
                                  outlines, *writer));
  }
  RETURN_IF_ERROR(AddFiles(prepared, result, *writer));
  RETURN_IF_ERROR(writer->Commit());
  return result;
}

}  // namespace merganser
