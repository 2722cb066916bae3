// Vectors of 8 floats: AVX2 and FMA.
#pragma once
#include <immintrin.h>

#define RECURRA_ISA avx2
#define RECURRA_WIDTH 8
#define RECURRA_PARTIAL 1  // has load_n and store_n of its own
#define RECURRA_ROWS 3

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(32)));
typedef int32_t vi __attribute__((vector_size(32)));
static inline vf fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
static inline vf sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
// A NaN in `a` stays, as with comparisons: where one operand is NaN these return the second.
static inline vf at_most(vf a, vf limit) { return (vf)_mm256_min_ps((__m256)limit, (__m256)a); }
static inline vf at_least(vf a, vf limit) { return (vf)_mm256_max_ps((__m256)limit, (__m256)a); }
// The first n floats, 0 <= n <= 8.
static inline vf load_n(const float* p, int64_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (vf)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane));
}
// In pieces: masked stores are slow on some processors.
static inline void store_n(float* p, vf v, int64_t n) {
  if (n >= 8) return _mm256_storeu_ps(p, (__m256)v);
  __m128 part = _mm256_castps256_ps128((__m256)v);
  if (n & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps((__m256)v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, part);
}
}  // namespace recurra::RECURRA_ISA
