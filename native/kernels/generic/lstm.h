// The LSTM over a range of batch rows, all time steps, forward and backward. No barrier is needed between steps,
// since a row never reads another row.
//
// Forward: a tile of rows x (i, f, g, o of W units) is the product [x_t, h_{t-1}] [W; R] + b, in this order of k;
// the cell update is its epilogue. Backward: the slopes turn the stored gates into dz in place, then
// dh_{t-1} = dz R^T; the weight gradients are products over all steps that the engine makes afterwards.
#pragma once

namespace recurra::RECURRA_ISA {

static void lstm_pack(const float* kernel, const float* recurrent, const float* bias, int64_t features, int64_t units,
                      int64_t panel_first, int64_t panel_last, float* weights, float* packed_bias) {
  const int64_t depth = features + units;
  for (int64_t p = panel_first; p < panel_last; p++) {
    int64_t start = p * kPanel, width = units - start < kPanel ? units - start : kPanel;
    auto copy = [&](const float* row, float* out) {
      for (int64_t gate = 0; gate < 4; gate++) {
        float* to = out + gate * kPanel;
        if (row) memcpy(to, row + gate * units + start, static_cast<size_t>(width) * sizeof(float));
        int64_t from = row ? width : 0;
        memset(to + from, 0, static_cast<size_t>(kPanel - from) * sizeof(float));
      }
    };
    float* out = weights + p * depth * kLstmPanel;
    for (int64_t k = 0; k < features; k++, out += kLstmPanel) copy(kernel + k * 4 * units, out);
    for (int64_t k = 0; k < units; k++, out += kLstmPanel) copy(recurrent + k * 4 * units, out);
    copy(bias, packed_bias + p * kLstmPanel);
  }
}

struct Cell {
  vf i, f, g, o, c, h;
};

template <bool Standard>
static inline Cell cell(const Lstm& s, const vf (&z)[4], vf c_before) {
  Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  Cell y;
  y.i = activate(r, z[0], 1.0f);
  y.f = activate(r, z[1], 1.0f);
  y.g = activate(a, z[2], 1.0f);
  y.o = activate(r, z[3], 1.0f);
  y.c = fma(y.f, c_before, y.i * y.g);
  y.h = y.o * activate(a, y.c, 1.0f);
  return y;
}

template <int R, bool Standard>
static inline void lstm_tile(const Lstm& s, int64_t t, int64_t row, int64_t unit) {
  const int64_t step_x = s.go_backwards ? s.time - 1 - t : t;
  const int64_t slot = s.gates ? t : t & 1, next = s.gates ? t + 1 : (t + 1) & 1;
  const int64_t size = s.batch * s.padded, at = row * s.padded + unit;
  const int64_t panel = unit / kPanel, half = unit % kPanel;
  const float* w = s.weights + panel * (s.features + s.units) * kLstmPanel + half;
  const float* b = s.bias + panel * kLstmPanel + half;
  vf acc[R][4];
  for (int r = 0; r < R; r++)
    for (int gate = 0; gate < 4; gate++) acc[r][gate] = load(b + gate * kPanel);
  auto product = [&](const float* a, int64_t a_row, int64_t k) {
    for (int64_t i = 0; i < k; i++, w += kLstmPanel) {
      vf wv[4];
      for (int gate = 0; gate < 4; gate++) wv[gate] = load(w + gate * kPanel);
      for (int r = 0; r < R; r++) {
        vf av = set1(a[r * a_row + i]);
        for (int gate = 0; gate < 4; gate++) acc[r][gate] = fma(av, wv[gate], acc[r][gate]);
      }
    }
  };
  product(s.x + (row * s.time + step_x) * s.features, s.time * s.features, s.features);
  product(s.h_in + slot * size + row * s.padded, s.padded, s.units);
  const int64_t valid = s.units - unit < W ? s.units - unit : W;
  for (int r = 0; r < R; r++) {
    const int64_t here = at + r * s.padded;
    vf c_before = load(s.c + slot * size + here);
    Cell y = cell<Standard>(s, acc[r], c_before);
    vf output = y.h;
    if (s.mask && s.mask[(row + r) * s.time + step_x] == 0.0f) {
      y.c = c_before;
      y.h = load(s.h + slot * size + here);
      output = s.zero_output_for_mask ? vf{} : y.h;
    }
    if (s.gates) {
      float* gates = s.gates + ((t * s.batch + row + r) * s.padded + panel * kPanel) * 4 + half;
      store(gates, y.i);
      store(gates + kPanel, y.f);
      store(gates + 2 * kPanel, y.g);
      store(gates + 3 * kPanel, y.o);
    }
    store(s.c + next * size + here, y.c);
    store(s.h + next * size + here, y.h);
    if (s.recurrent_mask) {
      vf m = valid > 0 ? load_at(s.recurrent_mask + (row + r) * s.units, unit, valid) : vf{};
      store(s.h_in + next * size + here, y.h * m);
    }
    if (valid > 0) {
      if (s.sequence) store_at(s.sequence + ((row + r) * s.time + t) * s.units, unit, output, valid);
      if (t == s.time - 1) {
        if (s.last_h) store_at(s.last_h + (row + r) * s.units, unit, y.h, valid);
        if (s.last_c) store_at(s.last_c + (row + r) * s.units, unit, y.c, valid);
      }
    }
  }
}

template <bool Standard>
static void lstm_forward_rows(const Lstm& s, int64_t first, int64_t last) {
  for (int64_t t = 0; t < s.time; t++)
    for (int64_t unit = 0; unit < s.padded; unit += W) {
      int64_t row = first;
      for (; row + kRows <= last; row += kRows) lstm_tile<kRows, Standard>(s, t, row, unit);
      switch (last - row) {
#if RECURRA_ROWS > 3
        case 5: lstm_tile<5, Standard>(s, t, row, unit); break;
        case 4: lstm_tile<4, Standard>(s, t, row, unit); break;
        case 3: lstm_tile<3, Standard>(s, t, row, unit); break;
#endif
        case 2: lstm_tile<2, Standard>(s, t, row, unit); break;
        case 1: lstm_tile<1, Standard>(s, t, row, unit); break;
        default: break;
      }
    }
}

static void lstm_forward(const Lstm& s, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; row++) {
    const int64_t at = row * s.padded;
    auto start = [&](float* to, const float* from, const float* factor) {
      memset(to + at, 0, static_cast<size_t>(s.padded) * sizeof(float));
      for (int64_t u = 0; from && u < s.units; u++)
        to[at + u] = from[row * s.units + u] * (factor ? factor[row * s.units + u] : 1.0f);
    };
    start(s.h, s.initial_h, nullptr);
    start(s.c, s.initial_c, nullptr);
    if (s.recurrent_mask) start(s.h_in, s.initial_h, s.recurrent_mask);
  }
  bool standard =
      s.activation == static_cast<int>(Unary::tanh) && s.recurrent_activation == static_cast<int>(Unary::sigmoid);
  if (standard) lstm_forward_rows<true>(s, first, last);
  else lstm_forward_rows<false>(s, first, last);
}

// Zeros in the lanes beyond the last unit: with some activations they hold numbers that would spoil the products.
static inline vf only(vf v, int64_t valid) {
  float lanes[W] = {};
  if (valid > 0) store_n(lanes, v, valid);
  return load(lanes);
}

// dz of one step and W units of one row; what flows on beside the recurrent product stays in `dc` and `dh`.
template <bool Standard>
static inline void lstm_slopes(const Lstm& s, int64_t t, int64_t row, int64_t unit) {
  const Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  const Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  const int64_t step_x = s.go_backwards ? s.time - 1 - t : t;
  const int64_t size = s.batch * s.padded, here = row * s.padded + unit;
  const int64_t panel = unit / kPanel, half = unit % kPanel;
  const int64_t valid = s.units - unit < W ? s.units - unit : W;
  float* gates = s.gates + ((t * s.batch + row) * s.padded + panel * kPanel) * 4 + half;
  vf d_output{};
  if (s.d_sequence && valid > 0) d_output = load_at(s.d_sequence + (row * s.time + t) * s.units, unit, valid);
  vf dh = load(s.dh + here) + load(s.dh + size + here);
  vf dc = load(s.dc + here);
  if (s.mask && s.mask[row * s.time + step_x] == 0.0f) {
    // The step did not count: the states and their gradients pass by it.
    if (!s.zero_output_for_mask) dh += d_output;
    for (int gate = 0; gate < 4; gate++) store(gates + gate * kPanel, vf{});
    store(s.dh + size + here, dh);
    return;
  }
  dh += d_output;
  vf i = load(gates), f = load(gates + kPanel), g = load(gates + 2 * kPanel), o = load(gates + 3 * kPanel);
  vf ac = activate(a, load(s.c + (t + 1) * size + here), 1.0f);
  vf c_before = load(s.c + t * size + here);
  dc = fma(dh * o, slope_from_result(a, ac), dc);
  vf dz[4] = {dc * g * slope_from_result(r, i), dc * c_before * slope_from_result(r, f),
              dc * i * slope_from_result(a, g), dh * ac * slope_from_result(r, o)};
  dc = dc * f;
  if (valid < W) {
    for (int gate = 0; gate < 4; gate++) dz[gate] = only(dz[gate], valid);
    dc = only(dc, valid);
  }
  for (int gate = 0; gate < 4; gate++) store(gates + gate * kPanel, dz[gate]);
  store(s.dc + here, dc);
  store(s.dh + size + here, vf{});
}

template <bool Standard>
static void lstm_backward_rows(const Lstm& s, int64_t first, int64_t last) {
  for (int64_t t = s.time - 1; t >= 0; t--) {
    for (int64_t row = first; row < last; row++)
      for (int64_t unit = 0; unit < s.padded; unit += W) lstm_slopes<Standard>(s, t, row, unit);
    Gemm g{};
    g.m = s.batch;
    g.n = s.units;
    g.k = 4 * s.padded;
    g.a = s.gates + t * s.batch * 4 * s.padded;
    g.a_row = 4 * s.padded;
    g.a_col = 1;
    g.b_packed = s.recurrent_t;
    g.c = s.dh;
    g.c_row = s.padded;
    gemm(g, first, last, 0, pack_panels(s.units));
    if (s.recurrent_mask)
      for (int64_t row = first; row < last; row++)
        map(s.units, [&](int64_t u, int64_t m) {
          float* dh = s.dh + row * s.padded;
          const vf flow = load_at(dh, u, m);
          store_at(dh, u, flow * load_at(s.recurrent_mask + row * s.units, u, m), m);
          if (s.d_recurrent_mask) {
            const vf h_before = load_at(s.h + (t * s.batch + row) * s.padded, u, m);
            float* d = s.d_recurrent_mask + row * s.units;
            store_at(d, u, fma(flow, h_before, load_at(d, u, m)), m);
          }
        });
  }
}

static void lstm_backward(const Lstm& s, int64_t first, int64_t last) {
  const int64_t size = s.batch * s.padded;
  for (int64_t row = first; row < last; row++) {
    const size_t bytes = static_cast<size_t>(s.padded) * sizeof(float);
    memset(s.dh + row * s.padded, 0, bytes);
    memset(s.dh + size + row * s.padded, 0, bytes);
    memset(s.dc + row * s.padded, 0, bytes);
    const size_t valid = static_cast<size_t>(s.units) * sizeof(float);
    if (s.d_last_h) memcpy(s.dh + row * s.padded, s.d_last_h + row * s.units, valid);
    if (s.d_last_c) memcpy(s.dc + row * s.padded, s.d_last_c + row * s.units, valid);
  }
  bool standard =
      s.activation == static_cast<int>(Unary::tanh) && s.recurrent_activation == static_cast<int>(Unary::sigmoid);
  if (standard) lstm_backward_rows<true>(s, first, last);
  else lstm_backward_rows<false>(s, first, last);
}

}  // namespace recurra::RECURRA_ISA
