// Vectors of 4 floats: aarch64 NEON, which always has FMA.
#pragma once
#include <arm_neon.h>

#define RECURRA_ISA neon
#define RECURRA_WIDTH 4
#define RECURRA_ROWS 6

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
static inline vf fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
static inline vf sqrt(vf a) { return (vf)vsqrtq_f32((float32x4_t)a); }
// A NaN in `a` stays: comparisons with NaN are false.
static inline vf at_most(vf a, vf limit) { return limit < a ? limit : a; }
static inline vf at_least(vf a, vf limit) { return a < limit ? limit : a; }
}  // namespace recurra::RECURRA_ISA
