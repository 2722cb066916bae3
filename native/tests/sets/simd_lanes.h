// Vectors of RECURRA_WIDTH floats, lane by lane with a true fused multiply-add: the shape of a set that a machine need
// not have. So the code that AVX-512 or NEON would run is tested where neither is.
#pragma once
#include <math.h>

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(4 * RECURRA_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * RECURRA_WIDTH)));
static inline vf fma(vf a, vf b, vf c) {
  vf y;
  for (int i = 0; i < RECURRA_WIDTH; i++) y[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return y;
}
static inline vf sqrt(vf a) {
  vf y;
  for (int i = 0; i < RECURRA_WIDTH; i++) y[i] = ::sqrtf(a[i]);
  return y;
}
// A NaN in `a` stays: comparisons with NaN are false.
static inline vf at_most(vf a, vf limit) { return limit < a ? limit : a; }
static inline vf at_least(vf a, vf limit) { return a < limit ? limit : a; }
}  // namespace recurra::RECURRA_ISA
