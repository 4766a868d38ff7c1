// The algebra of linear recipes: how a candidate without mutation is made of
// the campaign's seeds (DESIGN.md section 4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/genome/parameter_layout.h"

namespace merganser {

// One chromosome, cut into segments with the same coefficients throughout.
struct ChromosomeRecipe {
  // First element of each segment: starts[0] == 0, strictly ascending.
  std::vector<int64_t> starts;
  // [segments][seeds], row-major.
  std::vector<double> coefficients;

  friend bool operator==(const ChromosomeRecipe&,
                         const ChromosomeRecipe&) = default;
};

// W[i] = sum_k coefficient[segment(i)][k] * S_k[i]. In canonical form no two
// adjacent segments have the same bits as coefficients; every function here
// gives canonical recipes, so that equal recipes have equal digests.
struct LinearRecipe {
  int seeds = 0;  // K
  std::vector<ChromosomeRecipe> chromosomes;

  friend bool operator==(const LinearRecipe&, const LinearRecipe&) = default;
};

// What SLERP, its angle and the split act on.
enum class Origin {
  kZero,  // the weights as they are
  // Their differences from a base model, which is the last of a recipe's seeds,
  // though no candidate. Its coefficient is what makes them all add up to one.
  kBase,
};

// The last of some coefficients, the base's: 1 - (((0 + c_0) + c_1) + …), every
// operation rounded to double.
void SetBaseCoefficient(std::span<double> coefficients);

// The recipe of a seed itself; 0 <= seed < seeds.
LinearRecipe SeedRecipe(int seed, int seeds, int chromosomes);

// child = a * A + b * B.
struct SlerpCoefficients {
  double a = 1;
  double b = 0;

  friend bool operator==(const SlerpCoefficients&,
                         const SlerpCoefficients&) = default;
};

// SLERPs of two vectors of which the inner products <A,A>, <B,B> and <A,B> are
// given. omega is the angle between A and B, its cosine clamped to [-1, 1].
// Linear (1-w, w) unless sin omega > 1e-6, or 1e-3 when the cosine is negative;
// linear for a zero vector, or one that is not finite.
//
// Source: DESIGN.md 3.3; arXiv 2508.16204, equation 2.
class SlerpAngle {
 public:
  SlerpAngle(double aa, double bb, double ab);

  // w weighs B, so that w = 0 is A.
  SlerpCoefficients At(double w) const;

 private:
  double omega_ = 0;
  double sine_ = 0;  // of omega; 0: linear
};

// One of them.
SlerpCoefficients Slerp(double aa, double bb, double ab, double w);

// How one chromosome is crossed: elements before `split` take `before`, the
// others `after`.
struct ChromosomeCrossover {
  int64_t split = 0;   // 0 … length; length: there is no split, all is before
  int64_t length = 0;  // D_c
  SlerpCoefficients before;  // Slerp(w)
  SlerpCoefficients after;   // Slerp(1 - w)

  friend bool operator==(const ChromosomeCrossover&,
                         const ChromosomeCrossover&) = default;
};

// The child of two recipes over the same seeds and chromosomes, one crossover
// per chromosome: coefficient = a * A's + b * B's, each operation rounded to
// double, in the segments of the union of both parents' boundaries and the
// split. With the origin at the base the last one follows by
// SetBaseCoefficient(), so that child = base + a * (A - base) + b * (B - base).
LinearRecipe Cross(const LinearRecipe& a, const LinearRecipe& b,
                   std::span<const ChromosomeCrossover> crossovers,
                   Origin origin = Origin::kZero);

// Noise on the coefficients of one child.
struct CoefficientMutation {
  uint64_t campaign_seed = 0;
  int64_t sequence_number = 0;
  double sigma = 0;  // at least 0; 0: the recipe stays as it is
};

// Adds sigma * z to the coefficient of each seed in each layer group of the
// chromosomes, of which the recipe is valid; a segment that lies in several
// groups is cut where they meet. z = CoefficientNoise() of the chromosome, the
// group in it and the seed; both operations are rounded to double. With the
// origin at the base its coefficient is set by SetBaseCoefficient() instead.
LinearRecipe Mutate(const LinearRecipe& recipe,
                    std::span<const ChromosomeLayout> chromosomes,
                    const CoefficientMutation& mutation, Origin origin);

// For recipes that come from outside.
// Errors: InvalidArgument naming the field unless the recipe is canonical, fits
// the chromosomes, starts its segments on block boundaries and has coefficients
// that are finite as floats.
absl::Status Validate(const LinearRecipe& recipe, int seeds,
                      std::span<const ChromosomeLayout> chromosomes);

// The name of a candidate's genome: SHA-256 over the seeds' digests (one per
// seed, in their order) and the recipe.
Digest GenomeDigest(const LinearRecipe& recipe,
                    std::span<const Digest> seed_digests);

// JSON {"format": "merganser-recipe/1", "seeds": K, "chromosomes": [{"starts":
// [...], "coefficients": [[K numbers], ...]}, ...]}. Numbers come back as the
// same bits.
std::string RecipeToJson(const LinearRecipe& recipe);
// Errors: InvalidArgument naming the field. Checks the form alone; Validate()
// checks that it fits.
absl::StatusOr<LinearRecipe> RecipeFromJson(const std::string& json);

}  // namespace merganser
