// Parameter updates; the formulas stand in engines/base.py (UpdateRule).
#pragma once

namespace recurra::RECURRA_ISA {

static void scale(float* x, float factor, int64_t n) {
  map(n, [&](int64_t i, int64_t m) { store_at(x, i, load_at(x, i, m) * factor, m); });
}

static void clip(float* x, float limit, int64_t n) {
  map(n,
      [&](int64_t i, int64_t m) { store_at(x, i, at_least(at_most(load_at(x, i, m), set1(limit)), set1(-limit)), m); });
}

static void axpy(float factor, const float* x, float* y, int64_t n) {
  map(n, [&](int64_t i, int64_t m) { store_at(y, i, fma(set1(factor), load_at(x, i, m), load_at(y, i, m)), m); });
}

static void sgd(const SgdStep& s, float* p, const float* g, float* momentum, int64_t n) {
  const vf lr = set1(s.learning_rate), mu = set1(s.momentum);
  map(n, [&](int64_t i, int64_t w) {
    vf grad = load_at(g, i, w), value = load_at(p, i, w);
    if (!momentum) {
      store_at(p, i, fma(-lr, grad, value), w);
      return;
    }
    vf m = fma(mu, load_at(momentum, i, w), s.scaled ? -lr * grad : grad);
    store_at(momentum, i, m, w);
    if (s.scaled) value += s.nesterov ? fma(mu, m, -lr * grad) : m;
    else value = fma(-lr, s.nesterov ? fma(mu, m, grad) : m, value);
    store_at(p, i, value, w);
  });
}

static void rmsprop(const RmspropStep& s, float* p, const float* g, float* velocity, float* momentum, float* average,
                    int64_t n) {
  const vf rho = set1(s.rho), keep = set1(s.keep);
  map(n, [&](int64_t i, int64_t w) {
    vf grad = load_at(g, i, w);
    vf v = fma(rho, load_at(velocity, i, w), keep * grad * grad);
    store_at(velocity, i, v, w);
    vf under = v + s.epsilon;
    if (average) {
      vf a = fma(rho, load_at(average, i, w), keep * grad);
      store_at(average, i, a, w);
      under = fma(-a, a, v) + s.epsilon;
    }
    vf d = s.learning_rate * grad / sqrt(under);
    if (momentum) {
      d = fma(set1(s.momentum), load_at(momentum, i, w), d);
      store_at(momentum, i, d, w);
    }
    store_at(p, i, load_at(p, i, w) - d, w);
  });
}

static void adam(const AdamStep& s, float* p, const float* g, float* momentum, float* velocity, float* velocity_max,
                 int64_t n) {
  const vf keep_1 = set1(s.keep_1), keep_2 = set1(s.keep_2);
  map(n, [&](int64_t i, int64_t w) {
    vf grad = load_at(g, i, w), m = load_at(momentum, i, w), v = load_at(velocity, i, w);
    m = fma(grad - m, keep_1, m);
    v = fma(fma(grad, grad, -v), keep_2, v);
    store_at(momentum, i, m, w);
    store_at(velocity, i, v, w);
    if (velocity_max) {
      v = at_least(load_at(velocity_max, i, w), v);
      store_at(velocity_max, i, v, w);
    }
    store_at(p, i, load_at(p, i, w) - s.scale * m / fma(sqrt(v), set1(s.root_scale), set1(s.epsilon)), w);
  });
}

}  // namespace recurra::RECURRA_ISA
