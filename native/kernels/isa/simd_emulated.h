// Vectors of 16 floats, each two halves of AVX2: the generic source as AVX-512 and AMX compile it, on machines without
// them. For tests, and never chosen unless RECURRA_ISA names it: it is slower than AVX2 itself.
#pragma once
#include <immintrin.h>
#include <string.h>

#define RECURRA_ISA emulated
#define RECURRA_WIDTH 16
#define RECURRA_ROWS 6
#define RECURRA_TILES RECURRA_TILES_SOFTWARE

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
static inline vf fma(vf a, vf b, vf c) {
  __m256 x[2], y[2], z[2];
  memcpy(x, &a, sizeof x);
  memcpy(y, &b, sizeof y);
  memcpy(z, &c, sizeof z);
  z[0] = _mm256_fmadd_ps(x[0], y[0], z[0]);
  z[1] = _mm256_fmadd_ps(x[1], y[1], z[1]);
  memcpy(&c, z, sizeof c);
  return c;
}
static inline vf sqrt(vf a) {
  __m256 x[2];
  memcpy(x, &a, sizeof x);
  x[0] = _mm256_sqrt_ps(x[0]);
  x[1] = _mm256_sqrt_ps(x[1]);
  memcpy(&a, x, sizeof a);
  return a;
}
// A NaN in `a` stays: comparisons with NaN are false.
static inline vf at_most(vf a, vf limit) { return limit < a ? limit : a; }
static inline vf at_least(vf a, vf limit) { return a < limit ? limit : a; }
}  // namespace recurra::RECURRA_ISA
