// exp, expm1, log, sigmoid, tanh as polynomials. Coefficients: weighted minimax fits made for this project.
// Measured over a sample of all float32 arguments (native/tests): exp, sigmoid, tanh, log within 2.5 units in the last
// place.
#pragma once

namespace recurra::RECURRA_ISA {

// e^x = 2^n (1 + fraction), with |x - n ln2| <= ln2 / 2.
struct Exp {
  vi exponent;  // n + 127 in the low bits: as a float has it
  vf fraction;  // expm1(x - n ln2)
};

// Of x, or with Sign -1 of -x: a product with the sign in its constant costs nothing.
template <int Sign = 1>
static inline Exp split_exp(vf x) {
  const vf magic = set1(12582912.0f + 127.0f);  // adding it rounds to an integer, held in the low bits
  vf shifted = fma(x, set1(Sign * 1.44269504f), magic);
  vf n = shifted - magic;
  vf r = fma(n, set1(-0.693359375f), Sign > 0 ? x : -x);
  r = fma(n, set1(2.12194440e-4f), r);
  vf q = set1(1.394757130e-03f);
  q = fma(q, r, set1(8.367234247e-03f));
  q = fma(q, r, set1(4.166626704e-02f));
  q = fma(q, r, set1(1.666653815e-01f));
  q = fma(q, r, set1(5.000000066e-01f));
  return {bits(shifted), fma(q * r, r, r)};
}

// 2^n for -126 <= n <= 127, 0 for -127 and infinity for 128. The shift drops all but the low bits.
static inline vf power_of_two(vi exponent) { return from_bits(exponent << 23); }

// 2^n as two factors, for numbers outside the normal range too: -252 <= n <= 254.
struct Powers {
  vf inside, rest;
};

static inline Powers powers_of_two(vi shifted) {
  const vi exponent = shifted - bits(set1(12582912.0f));
  const vi low = exponent < 1 ? iset1(1) : exponent;
  const vi inside = low > 254 ? iset1(254) : low;
  return {power_of_two(inside), power_of_two(exponent - inside + 127)};
}

static inline vf exp(vf x) {
  const Exp e = split_exp(at_least(at_most(x, set1(89.0f)), set1(-104.0f)));
  const Powers p = powers_of_two(e.exponent);
  return fma(p.inside, e.fraction, p.inside) * p.rest;
}

static inline vf expm1(vf x) {
  const Exp e = split_exp(at_least(at_most(x, set1(89.0f)), set1(-30.0f)));
  const Powers p = powers_of_two(e.exponent);
  return fma(p.inside, e.fraction, p.inside - 1.0f) * p.rest;
}

static inline vf sigmoid(vf x) {
  // Where x < -88.4, n is 128, whose power of two is infinity: the result is 0, and no normal number would have been.
  // Where x > 87, 1 + e^-87 is 1.
  const Exp e = split_exp<-1>(at_most(at_least(x, set1(-89.0f)), set1(87.0f)));
  const vf power = power_of_two(e.exponent);
  return 1.0f / (1.0f + fma(power, e.fraction, power));
}

static inline vf tanh(vf x) {
  // tanh(|x|) = m / (m + 2), m = expm1(2 |x|): exact in form near 0, where a difference would cancel.
  const vf a = at_most(abs(x), set1(10.0f));
  const Exp e = split_exp(a + a);
  const vf power = power_of_two(e.exponent);
  const vf m = fma(power, e.fraction, power - 1.0f);
  const vf y = m / (m + 2.0f);
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
