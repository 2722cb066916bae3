// Vectors of 16 floats: AVX-512 F, BW, VL, DQ.
#pragma once
#include <immintrin.h>

#if !defined(RECURRA_ISA)
#define RECURRA_ISA avx512
#endif
#define RECURRA_WIDTH 16
#define RECURRA_PARTIAL 1  // has load_n and store_n of its own
#define RECURRA_ROWS 6

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
static inline vf fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
static inline vf sqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
// A NaN in `a` stays, as with comparisons: where one operand is NaN these return the second.
static inline vf at_most(vf a, vf limit) { return (vf)_mm512_min_ps((__m512)limit, (__m512)a); }
static inline vf at_least(vf a, vf limit) { return (vf)_mm512_max_ps((__m512)limit, (__m512)a); }
// The first n floats, 0 <= n <= 16.
static inline vf load_n(const float* p, int64_t n) {
  return (vf)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
static inline void store_n(float* p, vf v, int64_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)v);
}
}  // namespace recurra::RECURRA_ISA
