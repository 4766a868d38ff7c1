#include "common/genome/exact_math.h"

#include <mpfr.h>

namespace merganser {
namespace {

constexpr mpfr_prec_t kDoublePrecision = 53;

// MPFR keeps constants per thread; a thread that ends gives them back.
struct CacheOfThread {
  ~CacheOfThread() { mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); }
};

double Rounded(double x, int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)) {
  static thread_local const CacheOfThread cache_of_thread;
  static_cast<void>(cache_of_thread);
  mpfr_t value;
  mpfr_init2(value, kDoublePrecision);
  mpfr_set_d(value, x, MPFR_RNDN);
  function(value, value, MPFR_RNDN);
  const double result = mpfr_get_d(value, MPFR_RNDN);
  mpfr_clear(value);
  return result;
}

}  // namespace

double ArcCosine(double x) { return Rounded(x, mpfr_acos); }
double Sine(double x) { return Rounded(x, mpfr_sin); }

}  // namespace merganser
