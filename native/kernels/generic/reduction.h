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

// The same for f(i, m), the vector of elements i to i + m.
template <class F>
static inline double vector_lane_sum(int64_t n, F f) {
  double lane[kLanes] = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    float part[kLanes] = {};
    map(n - i < kLanes ? n - i : kLanes, [&](int64_t j, int64_t m) { store_at(part, j, f(i + j, m), m); });
    for (int64_t j = 0; j < kLanes; j++) lane[j] += static_cast<double>(part[j]);
  }
  return combine_lanes(lane);
}

static double sum(const float* x, int64_t n) {
  return lane_sum(n, [&](int64_t i) { return static_cast<double>(x[i]); });
}

static double sum_squares(const float* x, int64_t n) {
  return lane_sum(n, [&](int64_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
}

static inline float larger(float a, float b) { return b > a || b != b ? b : a; }

static float max(const float* x, int64_t n) {
  float best = x[0];
  if (n < W) {
    for (int64_t i = 1; i < n; i++) best = larger(best, x[i]);
    return best;
  }
  // The last vector may overlap the one before: the largest stays the largest.
  vf top = load(x);
  for (int64_t i = W; i < n; i += W) {
    const vf v = load(x + (i + W <= n ? i : n - W));
    top = (v > top) | (v != v) ? v : top;
  }
  best = top[0];
  for (int64_t i = 1; i < W; i++) best = larger(best, top[i]);
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

// The logarithms of a row of probabilities. Without clipping ln(y) = x - max(x) + ln(max(y)), since the largest y is
// the one of the largest x.
struct LogSoftmax {
  const float *x, *y;
  vf low, high, top, shift;
  bool clipped;
};

static inline LogSoftmax log_softmax_of(const Crossentropy& c, int64_t row) {
  LogSoftmax logs{c.x + row * c.n, c.y + row * c.n, set1(c.low), set1(c.high), {}, {}, c.low > 0.0f};
  if (!logs.clipped) {
    logs.top = set1(max(logs.x, c.n));
    logs.shift = log(set1(max(logs.y, c.n)));
  }
  return logs;
}

static inline vf log_at(const LogSoftmax& logs, int64_t i, int64_t m) {
  if (logs.clipped) return log(at_most(at_least(load_at(logs.y, i, m), logs.low), logs.high));
  return load_at(logs.x, i, m) - logs.top + logs.shift;
}

static void crossentropy(const Crossentropy& c, int64_t row_first, int64_t row_last) {
  if (c.targets) {
    for (int64_t row = row_first; row < row_last; row++) {
      const LogSoftmax logs = log_softmax_of(c, row);
      const float* t = c.targets + row * c.n;
      c.loss[row] = static_cast<float>(
          -vector_lane_sum(c.n, [&](int64_t i, int64_t m) { return load_at(t, i, m) * log_at(logs, i, m); }));
    }
    return;
  }
  // The logarithms of several rows at once.
  float* loss = c.loss + row_first;
  const int64_t rows = row_last - row_first;
  const bool clipped = c.low > 0.0f;
  for (int64_t i = 0; i < rows; i++) {
    const float* y = c.y + (row_first + i) * c.n;
    loss[i] = clipped ? y[c.classes[row_first + i]] : max(y, c.n);
  }
  const vf low = set1(c.low), high = set1(c.high);
  map(rows, [&](int64_t i, int64_t m) {
    const vf y = load_at(loss, i, m);
    store_at(loss, i, -log(clipped ? at_most(at_least(y, low), high) : y), m);
  });
  if (clipped) return;
  for (int64_t i = 0; i < rows; i++) {
    const float* x = c.x + (row_first + i) * c.n;
    loss[i] += max(x, c.n) - x[c.classes[row_first + i]];
  }
}

// dx = dL (y sum(t) - t), of those t whose y is not clipped
static void crossentropy_backward(const Crossentropy& c, int64_t row_first, int64_t row_last) {
  const vf zero{}, low = set1(c.low), high = set1(c.high);
  for (int64_t row = row_first; row < row_last; row++) {
    const float* y = c.y + row * c.n;
    const float d = c.d_loss[row];
    if (c.dx) {
      float* dx = c.dx + row * c.n;
      if (c.targets) {
        const float* t = c.targets + row * c.n;
        auto passing = [&](int64_t i, int64_t m) {
          const vf v = load_at(y, i, m);
          return (v >= low) & (v <= high) ? load_at(t, i, m) : zero;
        };
        const vf sum = set1(static_cast<float>(vector_lane_sum(c.n, passing)));
        map(c.n, [&](int64_t i, int64_t m) {
          const vf flow = d * (load_at(y, i, m) * sum - passing(i, m));
          store_at(dx, i, c.accumulate ? load_at(dx, i, m) + flow : flow, m);
        });
      } else {
        const int32_t t = c.classes[row];
        const float right = y[t], here = c.accumulate ? dx[t] : 0.0f;
        const float flow = right >= c.low && right <= c.high ? d : 0.0f;
        map(c.n, [&](int64_t i, int64_t m) {
          const vf v = flow * load_at(y, i, m);
          store_at(dx, i, c.accumulate ? load_at(dx, i, m) + v : v, m);
        });
        dx[t] = here + flow * (right - 1.0f);
      }
    }
    if (c.d_targets) {
      float* to = c.d_targets + row * c.n;
      const LogSoftmax logs = log_softmax_of(c, row);
      map(c.n, [&](int64_t i, int64_t m) {
        const vf v = -d * log_at(logs, i, m);
        store_at(to, i, c.accumulate_targets ? load_at(to, i, m) + v : v, m);
      });
    }
  }
}

}  // namespace recurra::RECURRA_ISA
