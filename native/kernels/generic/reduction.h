// Sums, maxima and softmax. Sums across lanes always use sixteen lanes, combined in one order.
#pragma once

namespace recurra::RECURRA_ISA {

constexpr int64_t kLanes = 16;

static inline double combine_lanes(const double (&lane)[kLanes]) {
  double total[kLanes];
  for (int64_t i = 0; i < kLanes; i++) total[i] = lane[i];
  for (int64_t step = kLanes / 2; step > 0; step /= 2)
    for (int64_t i = 0; i < step; i++) total[i] += total[i + step];
  return total[0];
}

template <class F>
static inline double lane_sum(int64_t n, F f) {
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t j = 0; j < kLanes; j++) lane[j] += f(i + j);
  for (int64_t j = 0; i + j < n; j++) lane[j] += f(i + j);
  return combine_lanes(lane);
}

static double sum(const float* x, int64_t n) {
  return lane_sum(n, [&](int64_t i) { return static_cast<double>(x[i]); });
}

static double sum_squares(const float* x, int64_t n) {
  return lane_sum(n, [&](int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
}

static float max(const float* x, int64_t n) {
  float best = x[0];
  for (int64_t i = 1; i < n; i++) best = x[i] > best || x[i] != x[i] ? x[i] : best;
  return best;
}

static bool all_finite(const float* x, int64_t n) {
  // x * 0 is 0 for finite numbers and NaN otherwise.
  vf bad{};
  map(n, [&](int64_t i, int64_t m) { bad += load_at(x, i, m) * 0.0f; });
  float total = 0.0f;
  for (int64_t i = 0; i < W; i++) total += bad[i];
  return total == 0.0f;
}

static void column_sums(const float* x, int64_t rows, int64_t stride, int64_t n, float* y, bool accumulate) {
  map(n, [&](int64_t i, int64_t m) {
    vf acc = accumulate ? load_at(y, i, m) : vf{};
    for (int64_t row = 0; row < rows; row++) acc += load_at(x + row * stride, i, m);
    store_at(y, i, acc, m);
  });
}

static void softmax(const float* x, float* y, int64_t rows, int64_t n, bool want_log) {
  for (int64_t row = 0; row < rows; row++, x += n, y += n) {
    vf top = set1(max(x, n));
    map(n, [&](int64_t i, int64_t m) { store_at(y, i, exp(load_at(x, i, m) - top), m); });
    double total = sum(y, n);
    if (want_log) {
      vf shift = set1(static_cast<float>(::log(total)));
      map(n, [&](int64_t i, int64_t m) { store_at(y, i, load_at(x, i, m) - top - shift, m); });
    } else {
      vf factor = set1(static_cast<float>(1.0 / total));
      map(n, [&](int64_t i, int64_t m) { store_at(y, i, load_at(y, i, m) * factor, m); });
    }
  }
}

// softmax: dx = y (dy - sum(y dy));  log_softmax: dx = dy - exp(y) sum(dy)
static void softmax_backward(const float* y, const float* dy, float* dx, int64_t rows, int64_t n, bool was_log,
                             bool accumulate) {
  for (int64_t row = 0; row < rows; row++, y += n, dy += n, dx += n) {
    double dot = was_log
                     ? sum(dy, n)
                     : lane_sum(n, [&](int64_t i) { return static_cast<double>(y[i]) * static_cast<double>(dy[i]); });
    vf s = set1(static_cast<float>(dot));
    map(n, [&](int64_t i, int64_t m) {
      vf vy = load_at(y, i, m), vd = load_at(dy, i, m);
      vf d = was_log ? vd - exp(vy) * s : vy * (vd - s);
      store_at(dx, i, accumulate ? load_at(dx, i, m) + d : d, m);
    });
  }
}

}  // namespace recurra::RECURRA_ISA
