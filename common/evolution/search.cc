#include "common/evolution/search.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/evolution/selection.h"

namespace merganser {
namespace {

constexpr char kM2n2[] = "m2n2";
constexpr char kGeneticAlgorithm[] = "ga";
constexpr double kMaximumMix = 100;

// Uniform on [low, high), from `unit`, uniform on [0, 1).
double MixBetween(double low, double high, double unit) {
  const double mix = low + (high - low) * unit;
  // The sum may round up to `high`.
  return mix < high || low == high ? mix : std::nextafter(high, low);
}

absl::Status ValidateBlocks(std::span<const int64_t> blocks_per_chromosome) {
  if (blocks_per_chromosome.empty()) {
    return absl::InvalidArgumentError(
        "blocks_per_chromosome: expected at least one chromosome, got none");
  }
  for (size_t c = 0; c < blocks_per_chromosome.size(); ++c) {
    if (blocks_per_chromosome[c] < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "blocks_per_chromosome of chromosome ", c,
          ": expected at least 1, got ", blocks_per_chromosome[c]));
    }
  }
  return absl::OkStatus();
}

// M2N2 with its ablations; without competition and attraction, a plain GA.
class NicheSearch : public Search {
 public:
  explicit NicheSearch(SearchOptions options) : options_(std::move(options)) {}

  absl::StatusOr<ProposalDraw> Propose(
      const Archive& archive, const DrawStream& draws,
      std::span<const int64_t> blocks_per_chromosome) const override {
    RETURN_IF_ERROR(ValidateAlpha(archive));
    RETURN_IF_ERROR(ValidateBlocks(blocks_per_chromosome));
    SelectionOptions selection;
    selection.attraction = options_.attraction && !is_plain();
    ASSIGN_OR_RETURN(const Parents parents,
                     DrawParents(archive, selection, draws));
    ProposalDraw draw;
    draw.crossover = options_.crossover;
    draw.slot_a = parents.slot_a;
    draw.slot_b = options_.crossover ? parents.slot_b : parents.slot_a;
    for (size_t c = 0; c < blocks_per_chromosome.size(); ++c) {
      AddChromosome(draws, static_cast<uint32_t>(c), blocks_per_chromosome[c],
                    draw);
    }
    return draw;
  }

  absl::StatusOr<Replacement> Apply(Archive& archive,
                                    Member candidate) const override {
    RETURN_IF_ERROR(ValidateAlpha(archive));
    return archive.Add(std::move(candidate));
  }

 private:
  bool is_plain() const { return options_.method == kGeneticAlgorithm; }

  absl::Status ValidateAlpha(const Archive& archive) const {
    const double alpha = archive.options().alpha;
    if (EffectiveAlpha(options_, alpha) == alpha) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("search method ", options_.method,
                     ": expected an archive with alpha 0, got ", alpha));
  }

  void AddChromosome(const DrawStream& draws, uint32_t c, int64_t blocks,
                     ProposalDraw& draw) const {
    int64_t split = blocks;
    double mix = 0;
    if (options_.crossover) {
      mix = MixBetween(options_.mix_low, options_.mix_high,
                       draws.Unit(DrawPurpose::kMix, c));
      if (options_.split_point) {
        split = static_cast<int64_t>(draws.Below(static_cast<uint64_t>(blocks),
                                                 DrawPurpose::kSplitPoint, c));
      }
    }
    draw.split_blocks.push_back(split);
    draw.mixes.push_back(mix);
  }

  SearchOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Search>> CreateSearch(
    const SearchOptions& options) {
  if (options.method != kM2n2 && options.method != kGeneticAlgorithm) {
    return absl::InvalidArgumentError(
        absl::StrCat("search.method: expected \"", kM2n2, "\" or \"",
                     kGeneticAlgorithm, "\", got \"", options.method, "\""));
  }
  // Written so that NaN is refused.
  if (!(options.mix_low >= -kMaximumMix && options.mix_high <= kMaximumMix &&
        options.mix_low <= options.mix_high)) {
    return absl::InvalidArgumentError(
        absl::StrCat("search.mix: expected two numbers in order, within -",
                     kMaximumMix, " to ", kMaximumMix, ", got ",
                     options.mix_low, " and ", options.mix_high));
  }
  return std::unique_ptr<Search>(std::make_unique<NicheSearch>(options));
}

double EffectiveAlpha(const SearchOptions& options, double alpha) {
  return options.method == kGeneticAlgorithm ? 0 : alpha;
}

}  // namespace merganser
