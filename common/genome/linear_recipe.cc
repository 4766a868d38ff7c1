#include "common/genome/linear_recipe.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/exact_math.h"
#include "common/genome/noise.h"

namespace merganser {
namespace {

constexpr double kSmallestSine = 1e-6;
constexpr double kSmallestSineOfOpposites = 1e-3;

// A chromosome's segments, visited in ascending order.
class SegmentCursor {
 public:
  SegmentCursor(const ChromosomeRecipe& recipe, int seeds)
      : recipe_(recipe), seeds_(seeds) {}

  // The next start after `position`, at most `length`. Also makes
  // Coefficients() those at `position`. `position` never goes back.
  int64_t MoveTo(int64_t position, int64_t length) {
    const std::vector<int64_t>& starts = recipe_.starts;
    while (segment_ + 1 < starts.size() && starts[segment_ + 1] <= position) {
      ++segment_;
    }
    return segment_ + 1 < starts.size() ? starts[segment_ + 1] : length;
  }

  const double* Coefficients() const {
    return recipe_.coefficients.data() + segment_ * seeds_;
  }

 private:
  const ChromosomeRecipe& recipe_;
  size_t seeds_;
  size_t segment_ = 0;
};

// Appends a segment, unless it only goes on with the one before it.
void AppendSegment(int64_t start, const std::vector<double>& coefficients,
                   ChromosomeRecipe& recipe) {
  const size_t seeds = coefficients.size();
  const size_t size = recipe.coefficients.size();
  if (size > 0 && std::memcmp(coefficients.data(),
                              recipe.coefficients.data() + size - seeds,
                              seeds * sizeof(double)) == 0) {
    return;
  }
  recipe.starts.push_back(start);
  recipe.coefficients.insert(recipe.coefficients.end(), coefficients.begin(),
                             coefficients.end());
}

ChromosomeRecipe CrossChromosome(const ChromosomeRecipe& a,
                                 const ChromosomeRecipe& b, int seeds,
                                 const ChromosomeCrossover& crossover,
                                 Origin origin) {
  assert(crossover.split >= 0 && crossover.split <= crossover.length);
  ChromosomeRecipe child;
  SegmentCursor cursor_a(a, seeds);
  SegmentCursor cursor_b(b, seeds);
  std::vector<double> coefficients(seeds);
  int64_t position = 0;
  while (position < crossover.length) {
    const bool is_before = position < crossover.split;
    const SlerpCoefficients& side =
        is_before ? crossover.before : crossover.after;
    const int64_t end_a = cursor_a.MoveTo(position, crossover.length);
    const int64_t end_b = cursor_b.MoveTo(position, crossover.length);
    for (int k = 0; k < seeds; ++k) {
      coefficients[k] = side.a * cursor_a.Coefficients()[k] +
                        side.b * cursor_b.Coefficients()[k];
    }
    if (origin == Origin::kBase) SetBaseCoefficient(coefficients);
    AppendSegment(position, coefficients, child);
    position = std::min(end_a, end_b);
    if (is_before) position = std::min(position, crossover.split);
  }
  return child;
}

ChromosomeRecipe MutateChromosome(const ChromosomeRecipe& recipe, size_t seeds,
                                  const ChromosomeLayout& layout,
                                  uint32_t chromosome,
                                  const CoefficientMutation& mutation,
                                  Origin origin) {
  const size_t mutable_seeds = origin == Origin::kBase ? seeds - 1 : seeds;
  ChromosomeRecipe child;
  SegmentCursor cursor(recipe, static_cast<int>(seeds));
  for (size_t group = 0; group < layout.group_starts.size(); ++group) {
    const int64_t group_end = group + 1 < layout.group_starts.size()
                                  ? layout.group_starts[group + 1]
                                  : layout.length;
    std::vector<double> noise;
    for (size_t k = 0; k < mutable_seeds; ++k) {
      noise.push_back(
          mutation.sigma *
          CoefficientNoise({mutation.campaign_seed, mutation.sequence_number},
                           {.chromosome = chromosome,
                            .group = static_cast<uint32_t>(group),
                            .seed = static_cast<uint32_t>(k)}));
    }
    for (int64_t position = layout.group_starts[group]; position < group_end;) {
      const int64_t end = cursor.MoveTo(position, layout.length);
      const double* const old = cursor.Coefficients();
      std::vector<double> coefficients(old, old + seeds);
      for (size_t k = 0; k < mutable_seeds; ++k) coefficients[k] += noise[k];
      if (origin == Origin::kBase) SetBaseCoefficient(coefficients);
      AppendSegment(position, coefficients, child);
      position = std::min(end, group_end);
    }
  }
  return child;
}

absl::Status FieldError(const std::string& field, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", message));
}

absl::Status ValidateStarts(const ChromosomeRecipe& recipe,
                            const std::string& field,
                            const ChromosomeLayout& layout) {
  if (recipe.starts.empty() || recipe.starts[0] != 0) {
    return FieldError(field, "expected a first segment that starts at 0");
  }
  for (size_t s = 1; s < recipe.starts.size(); ++s) {
    const int64_t start = recipe.starts[s];
    if (start <= recipe.starts[s - 1] || start >= layout.length ||
        !layout.IsStart(start)) {
      return FieldError(
          absl::StrCat(field, "[", s, "]"),
          absl::StrCat("is ", start, "; expected the start of a block of ",
                       layout.block, " elements, after ", recipe.starts[s - 1],
                       " and below ", layout.length));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateCoefficients(const ChromosomeRecipe& recipe,
                                  const std::string& field, size_t seeds) {
  const std::vector<double>& values = recipe.coefficients;
  if (values.size() != recipe.starts.size() * seeds) {
    return FieldError(
        field, absl::StrCat("has ", values.size(), " numbers; expected ",
                            recipe.starts.size(), " segments of ", seeds));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string element = absl::StrCat(field, "[", i / seeds, "]");
    if (!std::isfinite(static_cast<float>(values[i]))) {
      return FieldError(element,
                        absl::StrCat("is ", values[i], " for seed ", i % seeds,
                                     "; expected a finite float"));
    }
  }
  for (size_t s = 1; s < recipe.starts.size(); ++s) {
    if (std::memcmp(&values[(s - 1) * seeds], &values[s * seeds],
                    seeds * sizeof(double)) == 0) {
      return FieldError(absl::StrCat(field, "[", s, "]"),
                        "repeats the segment before it; expected one segment");
    }
  }
  return absl::OkStatus();
}

}  // namespace

LinearRecipe SeedRecipe(int seed, int seeds, int chromosomes) {
  assert(0 <= seed && seed < seeds);
  ChromosomeRecipe recipe{.starts = {0},
                          .coefficients = std::vector<double>(seeds, 0.0)};
  recipe.coefficients[seed] = 1.0;
  return {seeds, std::vector<ChromosomeRecipe>(chromosomes, recipe)};
}

SlerpAngle::SlerpAngle(double aa, double bb, double ab) {
  const double norms = std::sqrt(aa) * std::sqrt(bb);
  if (!(norms > 0)) return;
  const double cosine = std::clamp(ab / norms, -1.0, 1.0);
  omega_ = ArcCosine(cosine);
  const double sine = Sine(omega_);
  if (sine > (cosine < 0 ? kSmallestSineOfOpposites : kSmallestSine)) {
    sine_ = sine;
  }
}

SlerpCoefficients SlerpAngle::At(double w) const {
  if (sine_ == 0) return {1 - w, w};
  return {Sine((1 - w) * omega_) / sine_, Sine(w * omega_) / sine_};
}

SlerpCoefficients Slerp(double aa, double bb, double ab, double w) {
  return SlerpAngle(aa, bb, ab).At(w);
}

void SetBaseCoefficient(std::span<double> coefficients) {
  double sum = 0;
  for (const double coefficient : coefficients.first(coefficients.size() - 1)) {
    sum += coefficient;
  }
  coefficients.back() = 1 - sum;
}

LinearRecipe Cross(const LinearRecipe& a, const LinearRecipe& b,
                   std::span<const ChromosomeCrossover> crossovers,
                   Origin origin) {
  assert(a.seeds == b.seeds && a.chromosomes.size() == b.chromosomes.size() &&
         a.chromosomes.size() == crossovers.size());
  LinearRecipe child{.seeds = a.seeds, .chromosomes = {}};
  for (size_t c = 0; c < crossovers.size(); ++c) {
    child.chromosomes.push_back(CrossChromosome(
        a.chromosomes[c], b.chromosomes[c], a.seeds, crossovers[c], origin));
  }
  return child;
}

LinearRecipe Mutate(const LinearRecipe& recipe,
                    std::span<const ChromosomeLayout> chromosomes,
                    const CoefficientMutation& mutation, Origin origin) {
  assert(recipe.chromosomes.size() == chromosomes.size());
  if (mutation.sigma == 0) return recipe;
  LinearRecipe child{.seeds = recipe.seeds, .chromosomes = {}};
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    child.chromosomes.push_back(
        MutateChromosome(recipe.chromosomes[c], recipe.seeds, chromosomes[c],
                         static_cast<uint32_t>(c), mutation, origin));
  }
  return child;
}

absl::Status Validate(const LinearRecipe& recipe, int seeds,
                      std::span<const ChromosomeLayout> chromosomes) {
  if (seeds < 1 || recipe.seeds != seeds) {
    return FieldError("seeds",
                      absl::StrCat("is ", recipe.seeds, "; expected ", seeds));
  }
  if (recipe.chromosomes.size() != chromosomes.size()) {
    return FieldError("chromosomes",
                      absl::StrCat("has ", recipe.chromosomes.size(),
                                   "; expected ", chromosomes.size()));
  }
  for (size_t c = 0; c < chromosomes.size(); ++c) {
    const std::string field = absl::StrCat("chromosomes[", c, "]");
    const ChromosomeRecipe& chromosome = recipe.chromosomes[c];
    RETURN_IF_ERROR(ValidateStarts(chromosome, absl::StrCat(field, ".starts"),
                                   chromosomes[c]));
    RETURN_IF_ERROR(ValidateCoefficients(
        chromosome, absl::StrCat(field, ".coefficients"), seeds));
  }
  return absl::OkStatus();
}

Digest GenomeDigest(const LinearRecipe& recipe,
                    std::span<const Digest> seed_digests) {
  DigestBuilder builder;
  builder.String("merganser/genome/linear/1").U64(seed_digests.size());
  for (const Digest& digest : seed_digests) builder.Nested(digest);
  builder.U64(recipe.seeds).U64(recipe.chromosomes.size());
  for (const ChromosomeRecipe& chromosome : recipe.chromosomes) {
    builder.U64(chromosome.starts.size())
        .I64s(chromosome.starts)
        .F64s(chromosome.coefficients);
  }
  return builder.Finish();
}

}  // namespace merganser
