// Vectors of 16 floats: AVX-512 F, BW, VL, DQ.
#pragma once
#include <immintrin.h>

#if !defined(RECURRA_ISA)
#define RECURRA_ISA avx512
#endif
#define RECURRA_WIDTH 16
#define RECURRA_ROWS 6

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
static inline vf fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
static inline vf sqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
// A NaN in `a` stays, as with comparisons: where one operand is NaN these return the second.
static inline vf at_most(vf a, vf limit) { return (vf)_mm512_min_ps((__m512)limit, (__m512)a); }
static inline vf at_least(vf a, vf limit) { return (vf)_mm512_max_ps((__m512)limit, (__m512)a); }
}  // namespace recurra::RECURRA_ISA
