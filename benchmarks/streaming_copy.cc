#include "benchmarks/streaming_copy.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/streaming_copy.cc"
#include <hwy/foreach_target.h>  // compiles this file once per instruction set
// After foreach_target.h:
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace merganser {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void CopyVectors(const uint8_t* HWY_RESTRICT from, int64_t bytes,
                 uint8_t* HWY_RESTRICT to) {
  const hn::CappedTag<uint8_t, 64> raw;
  const auto step = static_cast<int64_t>(hn::Lanes(raw));
  for (int64_t i = 0; i < bytes; i += 4 * step) {
    const auto v0 = hn::LoadU(raw, from + i);
    const auto v1 = hn::LoadU(raw, from + i + step);
    const auto v2 = hn::LoadU(raw, from + i + 2 * step);
    const auto v3 = hn::LoadU(raw, from + i + 3 * step);
    hn::Stream(v0, raw, to + i);
    hn::Stream(v1, raw, to + i + step);
    hn::Stream(v2, raw, to + i + 2 * step);
    hn::Stream(v3, raw, to + i + 3 * step);
  }
  hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace merganser
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace merganser {

HWY_EXPORT(CopyVectors);

void StreamingCopy(const uint8_t* from, int64_t bytes, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(CopyVectors)(from, bytes, to);
}

}  // namespace merganser
#endif  // HWY_ONCE
