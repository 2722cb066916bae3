// One function of one element, and of two.
#pragma once

namespace recurra::RECURRA_ISA {

constexpr float kSeluScale = 1.05070098735548049f;
constexpr float kSeluAlpha = 1.67326324235437728f;

template <class F>
static inline vf each(vf x, F f) {
  vf y;
  for (int i = 0; i < W; i++) y[i] = f(x[i]);
  return y;
}

static inline float gelu_one(float x) {
  double z = x;
  return static_cast<float>(0.5 * z * (1.0 + ::erf(z * 0.70710678118654752)));
}

static inline float gelu_slope_one(float x) {
  double z = x;
  return static_cast<float>(0.5 * (1.0 + ::erf(z * 0.70710678118654752)) +
                            z * 0.39894228040143268 * ::exp(-0.5 * z * z));
}

static inline vf gelu_tanh_inner(vf x) { return 0.797884561f * fma(0.044715f * x * x, x, x); }

static inline vf softplus(vf x) { return at_least(x, set1(0.0f)) + log1p_unit(exp(-abs(x))); }

static inline vf activate(Unary kind, vf x, float p0 = 0, float p1 = 0) {
  const vf zero{};
  switch (kind) {
    case Unary::absolute: return abs(x);
    case Unary::clip: return at_most(at_least(x, set1(p0)), set1(p1));
    case Unary::elu: return x > 0.0f ? x : p0 * expm1(x);
    case Unary::exp: return exp(x);
    case Unary::gelu: return each(x, gelu_one);
    case Unary::gelu_tanh: return 0.5f * x * (1.0f + tanh(gelu_tanh_inner(x)));
    case Unary::hard_sigmoid: return at_most(at_least(fma(x, set1(1.0f / 6.0f), set1(0.5f)), zero), set1(1.0f));
    case Unary::hard_sigmoid_tfjs: return at_most(at_least(fma(x, set1(0.2f), set1(0.5f)), zero), set1(1.0f));
    case Unary::leaky_relu: return x > 0.0f ? x : p0 * x;
    case Unary::linear: return x;
    case Unary::log: return log(x);
    case Unary::mish: return x * tanh(softplus(x));
    case Unary::negative: return -x;
    case Unary::relu: return at_least(x, zero);
    case Unary::relu6: return at_most(at_least(x, zero), set1(6.0f));
    case Unary::selu: return kSeluScale * (x > 0.0f ? x : kSeluAlpha * expm1(x));
    case Unary::sigmoid: return sigmoid(x);
    case Unary::silu: return x * sigmoid(x);
    case Unary::softplus: return softplus(x);
    case Unary::softsign: return x / (1.0f + abs(x));
    case Unary::sqrt: return sqrt(x);
    case Unary::square: return x * x;
    case Unary::tanh: return tanh(x);
  }
  return x;
}

// The slope of an activation, from its result alone: those a recurrent op may use.
static inline vf slope_from_result(Unary kind, vf y, float p0 = 1.0f) {
  const vf zero{}, one = set1(1.0f);
  switch (kind) {
    case Unary::elu: return y > 0.0f ? one : y + p0;
    case Unary::exp: return y;
    case Unary::hard_sigmoid: return (y > 0.0f) & (y < 1.0f) ? set1(1.0f / 6.0f) : zero;
    case Unary::hard_sigmoid_tfjs: return (y > 0.0f) & (y < 1.0f) ? set1(0.2f) : zero;
    case Unary::linear: return one;
    case Unary::relu: return y > 0.0f ? one : zero;
    case Unary::relu6: return (y > 0.0f) & (y < 6.0f) ? one : zero;
    case Unary::selu: return y > 0.0f ? set1(kSeluScale) : y + kSeluScale * kSeluAlpha;
    case Unary::sigmoid: return fma(-y, y, y);
    case Unary::softplus: return -expm1(-y);
    case Unary::softsign: return (1.0f - abs(y)) * (1.0f - abs(y));
    case Unary::tanh: return fma(-y, y, one);
    default: return zero;
  }
}

static inline vf slope(Unary kind, vf x, vf y, float p0, float p1) {
  const vf zero{}, one = set1(1.0f);
  switch (kind) {
    case Unary::absolute: return x > 0.0f ? one : (x < 0.0f ? set1(-1.0f) : zero);
    case Unary::clip: return (x >= p0) & (x <= p1) ? one : zero;
    case Unary::gelu: return each(x, gelu_slope_one);
    case Unary::gelu_tanh: {
      vf t = tanh(gelu_tanh_inner(x));
      vf inner = 0.797884561f * fma(0.134145f * x, x, one);
      return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
    }
    case Unary::leaky_relu: return x > 0.0f ? one : set1(p0);
    case Unary::log: return 1.0f / x;
    case Unary::mish: {
      vf t = tanh(softplus(x)), s = sigmoid(x);
      return t + x * s * (1.0f - t * t);
    }
    case Unary::negative: return set1(-1.0f);
    case Unary::sigmoid: {
      // y (1 - y) would lose the small factor when y is close to 1.
      return y * sigmoid(-x);
    }
    case Unary::silu: {
      vf s = sigmoid(x);
      return s + x * s * sigmoid(-x);
    }
    case Unary::softplus: return sigmoid(x);
    case Unary::sqrt: return 0.5f / y;
    case Unary::square: return 2.0f * x;
    default: return slope_from_result(kind, y, p0);
  }
}

static void unary(Unary kind, float p0, float p1, const float* x, float* y, int64_t n) {
  map(n, [&](int64_t i, int64_t m) { store_at(y, i, activate(kind, load_at(x, i, m), p0, p1), m); });
}

static void unary_backward(Unary kind, float p0, float p1, const float* x, const float* y, const float* dy, float* dx,
                           bool accumulate, int64_t n) {
  map(n, [&](int64_t i, int64_t m) {
    vf d = load_at(dy, i, m) * slope(kind, load_at(x, i, m), load_at(y, i, m), p0, p1);
    store_at(dx, i, accumulate ? load_at(dx, i, m) + d : d, m);
  });
}

template <Binary Kind>
static inline vf combine(vf a, vf b) {
  const vf zero{}, one = set1(1.0f);
  switch (Kind) {
    case Binary::add: return a + b;
    case Binary::subtract: return a - b;
    case Binary::multiply: return a * b;
    case Binary::divide: return a / b;
    case Binary::maximum: return (a != a) | (a >= b) ? a : b;
    case Binary::minimum: return (a != a) | (a <= b) ? a : b;
    case Binary::greater: return a > b ? one : zero;
    case Binary::greater_equal: return a >= b ? one : zero;
    case Binary::equal: return a == b ? one : zero;
  }
  return zero;
}

template <Binary Kind>
static void binary_of(const float* a, int64_t a_step, const float* b, int64_t b_step, float* y, int64_t n) {
  const vf a0 = set1(*a), b0 = set1(*b);
  if (a_step && b_step)
    map(n, [&](int64_t i, int64_t m) { store_at(y, i, combine<Kind>(load_at(a, i, m), load_at(b, i, m)), m); });
  else if (a_step) map(n, [&](int64_t i, int64_t m) { store_at(y, i, combine<Kind>(load_at(a, i, m), b0), m); });
  else if (b_step) map(n, [&](int64_t i, int64_t m) { store_at(y, i, combine<Kind>(a0, load_at(b, i, m)), m); });
  else map(n, [&](int64_t i, int64_t m) { store_at(y, i, combine<Kind>(a0, b0), m); });
}

static void binary(Binary kind, const float* a, int64_t a_step, const float* b, int64_t b_step, float* y, int64_t n) {
  if (n == 0) return;
  switch (kind) {
    case Binary::add: return binary_of<Binary::add>(a, a_step, b, b_step, y, n);
    case Binary::subtract: return binary_of<Binary::subtract>(a, a_step, b, b_step, y, n);
    case Binary::multiply: return binary_of<Binary::multiply>(a, a_step, b, b_step, y, n);
    case Binary::divide: return binary_of<Binary::divide>(a, a_step, b, b_step, y, n);
    case Binary::maximum: return binary_of<Binary::maximum>(a, a_step, b, b_step, y, n);
    case Binary::minimum: return binary_of<Binary::minimum>(a, a_step, b, b_step, y, n);
    case Binary::greater: return binary_of<Binary::greater>(a, a_step, b, b_step, y, n);
    case Binary::greater_equal: return binary_of<Binary::greater_equal>(a, a_step, b, b_step, y, n);
    case Binary::equal: return binary_of<Binary::equal>(a, a_step, b, b_step, y, n);
  }
}

}  // namespace recurra::RECURRA_ISA
