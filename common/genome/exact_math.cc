#include "common/genome/exact_math.h"

#include <mpfr.h>

namespace merganser {
namespace {

constexpr mpfr_prec_t kDoublePrecision = 53;

// A number of each thread's own. MPFR keeps constants per thread, too; a thread
// that ends gives them back.
struct NumberOfThread {
  mpfr_t value;
  NumberOfThread() { mpfr_init2(value, kDoublePrecision); }
  ~NumberOfThread() {
    mpfr_clear(value);
    mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE);
  }
  NumberOfThread(const NumberOfThread&) = delete;
  NumberOfThread& operator=(const NumberOfThread&) = delete;
};

double Rounded(double x, int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)) {
  static thread_local NumberOfThread number;
  mpfr_set_d(number.value, x, MPFR_RNDN);
  function(number.value, number.value, MPFR_RNDN);
  return mpfr_get_d(number.value, MPFR_RNDN);
}

}  // namespace

double ArcCosine(double x) { return Rounded(x, mpfr_acos); }
double Sine(double x) { return Rounded(x, mpfr_sin); }

}  // namespace merganser
