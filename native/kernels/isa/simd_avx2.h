// Vectors of 8 floats: AVX2 and FMA.
#pragma once
#include <immintrin.h>

#define RECURRA_ISA avx2
#define RECURRA_WIDTH 8
#define RECURRA_ROWS 3

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(32)));
typedef int32_t vi __attribute__((vector_size(32)));
static inline vf fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
static inline vf sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
// A NaN in `a` stays, as with comparisons: where one operand is NaN these return the second.
static inline vf at_most(vf a, vf limit) { return (vf)_mm256_min_ps((__m256)limit, (__m256)a); }
static inline vf at_least(vf a, vf limit) { return (vf)_mm256_max_ps((__m256)limit, (__m256)a); }
}  // namespace recurra::RECURRA_ISA
