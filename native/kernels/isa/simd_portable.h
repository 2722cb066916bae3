// Vectors of 4 floats in standard arithmetic: any machine, no FMA, hence its own bits.
#pragma once
#include <math.h>

#define RECURRA_ISA portable
#define RECURRA_WIDTH 4
#define RECURRA_ROWS 3

namespace recurra::RECURRA_ISA {
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
static inline vf fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf sqrt(vf a) { return vf{::sqrtf(a[0]), ::sqrtf(a[1]), ::sqrtf(a[2]), ::sqrtf(a[3])}; }
// A NaN in `a` stays: comparisons with NaN are false.
static inline vf at_most(vf a, vf limit) { return limit < a ? limit : a; }
static inline vf at_least(vf a, vf limit) { return a < limit ? limit : a; }
}  // namespace recurra::RECURRA_ISA
