// Small vector helpers over the `vf`/`vi` of the instruction set that includes this.
#pragma once
#include <math.h>
#include <string.h>

// For the loops of multiply-adds and what leads to them. Their sums are registers only inside of the caller; left to
// itself the compiler stops inlining where a file has grown, and training takes up to a fifth longer.
#define RECURRA_INLINE __attribute__((always_inline)) static inline

namespace recurra::RECURRA_ISA {

constexpr int64_t W = RECURRA_WIDTH;

static inline vf set1(float x) { return x - vf{}; }
static inline vi iset1(int32_t x) { return x - vi{}; }
static inline vf load(const float* p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, vf v) { memcpy(p, &v, sizeof v); }
#if !defined(RECURRA_PARTIAL)
static inline vf load_n(const float* p, int64_t n) {
  vf v{};
  memcpy(&v, p, static_cast<size_t>(n) * sizeof(float));
  return v;
}
static inline void store_n(float* p, vf v, int64_t n) { memcpy(p, &v, static_cast<size_t>(n) * sizeof(float)); }
#endif
static inline vi bits(vf v) { return (vi)v; }
static inline vf from_bits(vi v) { return (vf)v; }
static inline vf abs(vf a) { return from_bits(bits(a) & iset1(0x7fffffff)); }

// y[i] = f(x[i]...) for whole vectors, the tail through a padded vector, so each element sees the same code.
template <class F>
static inline void map(int64_t n, F f) {
  int64_t i = 0;
  for (; i + W <= n; i += W) f(i, W);
  if (i < n) f(i, n - i);
}
static inline vf load_at(const float* p, int64_t i, int64_t n) { return n == W ? load(p + i) : load_n(p + i, n); }
static inline void store_at(float* p, int64_t i, vf v, int64_t n) {
  if (n == W) store(p + i, v);
  else store_n(p + i, v, n);
}

}  // namespace recurra::RECURRA_ISA
