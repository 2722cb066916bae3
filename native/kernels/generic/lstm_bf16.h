// The LSTM with products of tiles, over rows of tiles of the batch, all time steps. The equations are those of lstm.h.
//
// Forward: four tiles of C are the gates i, f, g, o of sixteen rows and sixteen units. All rows of a panel of units
// come one after the other, so that its weights stay in the second-level cache. The new h goes into tiles as it is
// made. Backward: dz goes into tiles once the slopes have made it, and dh_{t-1} = dz R^T.
#pragma once

namespace recurra::RECURRA_ISA {

static void lstm_tiles_pack(const float* kernel, const float* recurrent, const float* bias, int64_t features,
                            int64_t units, int parts, int64_t panel_first, int64_t panel_last, uint16_t* weights,
                            float* packed_bias) {
  const int64_t x_depth = tiles_of(features, kTileDepth), depth = x_depth + tiles_of(units, kTileDepth);
  for (int64_t panel = panel_first; panel < panel_last; panel++) {
    const int64_t unit = panel * kPanel, width = at_most_n(units - unit, W);
    for (int64_t d = 0; d < depth; d++) {
      const float* matrix = d < x_depth ? kernel : recurrent;
      const int64_t k0 = (d < x_depth ? d : d - x_depth) * kTileDepth, k1 = d < x_depth ? features : units;
      for (int64_t gate = 0; gate < 4; gate++) {
        auto row = [&](int64_t k) { return k < k1 ? load_at(matrix + (k * 4 + gate) * units, unit, width) : vf{}; };
        uint16_t* to = weights + ((panel * depth + d) * parts * 4 + gate) * kTile;
        for (int64_t k = k0; k < k0 + kTileDepth; k += 2, to += kTileDepth)
          put_b(row(k), row(k + 1), parts, 4 * kTile, to);
      }
    }
    for (int64_t gate = 0; gate < 4; gate++)
      store(packed_bias + panel * kLstmPanel + gate * kPanel, bias ? load_at(bias + gate * units, unit, width) : vf{});
  }
}

static void lstm_tiles_pack_transposed(const float* matrix, int64_t count, int64_t units, int parts,
                                       int64_t panel_first, int64_t panel_last, uint16_t* out) {
  const int64_t depth = round_up(units, kPanel) * 4 / kTileDepth;
  for (int64_t panel = panel_first; panel < panel_last; panel++)
    for (int64_t d = 0; d < depth; d++) {
      uint16_t* to = out + (panel * depth + d) * parts * kTile;
      for (int64_t k = d * kTileDepth; k < (d + 1) * kTileDepth; k += 2, to += kTileDepth) {
        const int64_t gate = k % kLstmPanel / kPanel;
        float pair[2][W];
        for (int64_t i = 0; i < 2; i++)
          for (int64_t j = 0; j < W; j++) {
            const int64_t row = panel * W + j, unit = k / kLstmPanel * kPanel + k % kPanel + i;
            pair[i][j] = row < count && unit < units ? matrix[(row * 4 + gate) * units + unit] : 0.0f;
          }
        put_b(load(pair[0]), load(pair[1]), parts, kTile, to);
      }
    }
}

template <int Parts, int Gate>
static inline void lstm_gate(Tiles& t, const uint16_t* w) {
  constexpr int kOther = Parts == 1 && Gate % 2 ? 7 : 6;
  tile_load<kOther>(t, w + Gate * kTile);
  tile_dp_bf16<Gate, 4, kOther>(t);
  if constexpr (Parts == 2) {
    tile_dp_bf16<Gate, 5, 6>(t);
    tile_load<7>(t, w + (4 + Gate) * kTile);
    tile_dp_bf16<Gate, 4, 7>(t);
  }
}

// C += A B for the four gates; returns the weights behind those read.
template <int Parts>
static inline const uint16_t* lstm_gates(Tiles& t, const uint16_t* a, const uint16_t* w, int64_t depth) {
  for (int64_t d = 0; d < depth; d++, a += Parts * kTile, w += 4 * Parts * kTile) {
    tile_load<4>(t, a);
    if constexpr (Parts == 2) tile_load<5>(t, a + kTile);
    lstm_gate<Parts, 0>(t, w);
    lstm_gate<Parts, 1>(t, w);
    lstm_gate<Parts, 2>(t, w);
    lstm_gate<Parts, 3>(t, w);
  }
  return w;
}

static inline bool standard(const LstmTiles& s) {
  return s.activation == static_cast<int>(Unary::tanh) && s.recurrent_activation == static_cast<int>(Unary::sigmoid);
}

static inline bool masked(const LstmTiles& s, int64_t t, int64_t row) {
  return s.mask && s.mask[row * s.time + (s.go_backwards ? s.time - 1 - t : t)] == 0.0f;
}

// The gates of step t, one row and the panel of `unit`.
static inline float* gates_at(const LstmTiles& s, int64_t t, int64_t row, int64_t unit) {
  return s.gates + ((t * s.batch + row) * s.padded + unit) * 4;
}

// The cell update of one row and a panel of units, from the sums z; returns what the next step multiplies.
template <bool Standard>
static inline vf lstm_tiles_cell(const LstmTiles& s, const vf (&z)[4], int64_t t, int64_t row, int64_t unit) {
  const Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  const Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  const int64_t slot = s.gates ? t : t & 1, next = s.gates ? t + 1 : (t + 1) & 1;
  const int64_t size = s.batch * s.padded, here = row * s.padded + unit, valid = at_most_n(s.units - unit, W);
  const vf i = activate(r, z[0], 1.0f), f = activate(r, z[1], 1.0f);
  const vf g = activate(a, z[2], 1.0f), o = activate(r, z[3], 1.0f);
  const vf c_before = load(s.c + slot * size + here);
  vf c = fma(f, c_before, i * g), h = o * activate(a, c, 1.0f), output = h;
  if (masked(s, t, row)) {
    c = c_before;
    h = load(s.h + slot * size + here);
    output = s.zero_output_for_mask ? vf{} : h;
  }
  if (s.gates) {
    float* gates = gates_at(s, t, row, unit);
    store(gates, i);
    store(gates + kPanel, f);
    store(gates + 2 * kPanel, g);
    store(gates + 3 * kPanel, o);
  }
  store(s.c + next * size + here, c);
  store(s.h + next * size + here, h);
  vf h_in = h;
  if (s.recurrent_mask) {
    h_in *= load_at(s.recurrent_mask + row * s.units, unit, valid);
    store(s.h_in + next * size + here, h_in);
  }
  store_at(s.sequence + (row * s.time + t) * s.units, unit, output, valid);
  if (t == s.time - 1) {
    store_at(s.last_h + row * s.units, unit, h, valid);
    store_at(s.last_c + row * s.units, unit, c, valid);
  }
  return valid < W ? only(h_in, valid) : h_in;
}

// dz of one step, one row and a panel of units; what flows on beside the recurrent product stays in `dc` and `dh`.
template <bool Standard>
static inline void lstm_tiles_slope(const LstmTiles& s, int64_t t, int64_t row, int64_t unit) {
  const Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  const Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  const int64_t size = s.batch * s.padded, here = row * s.padded + unit, valid = at_most_n(s.units - unit, W);
  float* gates = gates_at(s, t, row, unit);
  const vf d_output = s.d_sequence ? load_at(s.d_sequence + (row * s.time + t) * s.units, unit, valid) : vf{};
  vf dh = load(s.dh + here) + load(s.dh + size + here);
  if (masked(s, t, row)) {
    // The step did not count: the states and their gradients pass by it.
    if (!s.zero_output_for_mask) dh += d_output;
    for (int64_t gate = 0; gate < 4; gate++) store(gates + gate * kPanel, vf{});
    store(s.dh + size + here, dh);
    return;
  }
  dh += d_output;
  const vf i = load(gates), f = load(gates + kPanel), g = load(gates + 2 * kPanel), o = load(gates + 3 * kPanel);
  const vf ac = activate(a, load(s.c + (t + 1) * size + here), 1.0f);
  vf dc = fma(dh * o, slope_from_result(a, ac), load(s.dc + here));
  vf dz[4] = {dc * g * slope_from_result(r, i), dc * load(s.c + t * size + here) * slope_from_result(r, f),
              dc * i * slope_from_result(a, g), dh * ac * slope_from_result(r, o)};
  dc = dc * f;
  if (valid < W) {
    for (vf& d : dz) d = only(d, valid);
    dc = only(dc, valid);
  }
  for (int64_t gate = 0; gate < 4; gate++) store(gates + gate * kPanel, dz[gate]);
  store(s.dc + here, dc);
  store(s.dh + size + here, vf{});
}

// The states before the first step, or the gradients after the last, of one row: from `given` (batch, units), else 0.
static inline void lstm_tiles_start(const LstmTiles& s, int64_t row, float* to, const float* given,
                                    const float* factor) {
  to += row * s.padded;
  memset(to, 0, static_cast<size_t>(s.padded) * sizeof(float));
  if (!given) return;
  map(s.units, [&](int64_t u, int64_t m) {
    vf v = load_at(given + row * s.units, u, m);
    if (factor) v *= load_at(factor + row * s.units, u, m);
    store_at(to, u, v, m);
  });
}

// The gradient of h, in dh, from that of h * recurrent_mask before step t.
static inline void lstm_tiles_through_mask(const LstmTiles& s, int64_t t, int64_t row) {
  float* dh = s.dh + row * s.padded;
  map(s.units, [&](int64_t u, int64_t m) {
    const vf flow = load_at(dh, u, m);
    store_at(dh, u, flow * load_at(s.recurrent_mask + row * s.units, u, m), m);
    if (!s.d_recurrent_mask) return;
    float* d = s.d_recurrent_mask + row * s.units;
    store_at(d, u, fma(flow, load_at(s.h + (t * s.batch + row) * s.padded, u, m), load_at(d, u, m)), m);
  });
}

template <int Parts, bool Standard>
static void lstm_tiles_steps(const LstmTiles& s, int64_t tile_first, int64_t tile_last) {
  const int64_t x_depth = tiles_of(s.features, kTileDepth), h_depth = tiles_of(s.units, kTileDepth);
  const int64_t tiles = tiles_of(s.batch, kTileHeight);
  const int64_t x_row = x_depth * Parts * kTile, h_row = h_depth * Parts * kTile;
  for (int64_t row = tile_first * kTileHeight; row < at_most_n(tile_last * kTileHeight, s.batch); row++) {
    lstm_tiles_start(s, row, s.h, s.initial_h, nullptr);
    lstm_tiles_start(s, row, s.c, s.initial_c, nullptr);
    if (s.recurrent_mask) lstm_tiles_start(s, row, s.h_in, s.initial_h, s.recurrent_mask);
  }
  memset(s.h_tiles + (tiles + tile_first) * h_row, 0,
         static_cast<size_t>((tile_last - tile_first) * h_row) * sizeof(uint16_t));
  tile_pack_a({s.h_in, s.batch, s.units, s.padded, 1}, Parts, tile_first, tile_last, s.h_tiles);
  Tiles t;
  alignas(64) float sums[4][kTileHeight * W];
  for (int64_t step = 0; step < s.time; step++) {
    const int64_t step_x = s.go_backwards ? s.time - 1 - step : step;
    tile_pack_a({s.x + step_x * s.features, s.batch, s.features, s.time * s.features, 1}, Parts, tile_first, tile_last,
                s.x_tiles);
    const uint16_t* h = s.h_tiles + (step & 1) * tiles * h_row;
    uint16_t* h_next = s.h_tiles + ((step + 1) & 1) * tiles * h_row;
    for (int64_t unit = 0; unit < s.padded; unit += kPanel) {
      const uint16_t* weights = s.weights + unit / kPanel * (x_depth + h_depth) * 4 * Parts * kTile;
      const float* bias = s.bias + unit * 4;
      for (int64_t tile = tile_first; tile < tile_last; tile++) {
        tile_zero<0>(t);
        tile_zero<1>(t);
        tile_zero<2>(t);
        tile_zero<3>(t);
        const uint16_t* w = lstm_gates<Parts>(t, s.x_tiles + tile * x_row, weights, x_depth);
        lstm_gates<Parts>(t, h + tile * h_row, w, h_depth);
        tile_store<0>(t, sums[0]);
        tile_store<1>(t, sums[1]);
        tile_store<2>(t, sums[2]);
        tile_store<3>(t, sums[3]);
        const int64_t rows = at_most_n(s.batch - tile * kTileHeight, kTileHeight);
        uint16_t* to = h_next + tile * h_row + unit / kTileDepth * Parts * kTile + unit % kTileDepth;
        for (int64_t r = 0; r < rows; r++, to += kTileDepth) {
          vf z[4];
          for (int64_t gate = 0; gate < 4; gate++) z[gate] = load(bias + gate * kPanel) + load(sums[gate] + r * W);
          put_a(lstm_tiles_cell<Standard>(s, z, step, tile * kTileHeight + r, unit), Parts, to);
        }
      }
    }
  }
}

template <int Parts, bool Standard>
static void lstm_tiles_steps_back(const LstmTiles& s, int64_t tile_first, int64_t tile_last) {
  const int64_t first = tile_first * kTileHeight, last = at_most_n(tile_last * kTileHeight, s.batch);
  const int64_t depth = 4 * s.padded / kTileDepth, size = s.batch * s.padded;
  for (int64_t row = first; row < last; row++) {
    lstm_tiles_start(s, row, s.dh, s.d_last_h, nullptr);
    lstm_tiles_start(s, row, s.dh + size, nullptr, nullptr);
    lstm_tiles_start(s, row, s.dc, s.d_last_c, nullptr);
  }
  Tiles t;
  for (int64_t step = s.time - 1; step >= 0; step--) {
    for (int64_t row = first; row < last; row++)
      for (int64_t unit = 0; unit < s.padded; unit += W) lstm_tiles_slope<Standard>(s, step, row, unit);
    uint16_t* dz = s.dz_tiles + step * s.dz_step;
    for (int64_t tile = tile_first; tile < tile_last; tile++)
      for (int64_t r = 0; r < kTileHeight; r++)
        for (int64_t unit = 0; unit < s.padded; unit += kPanel) {
          const int64_t row = tile * kTileHeight + r;
          uint16_t* to = dz + (tile * depth + 4 * unit / kTileDepth) * Parts * kTile + r * kTileDepth;
          for (int64_t gate = 0; gate < 4; gate++)
            put_a(row < last ? load(gates_at(s, step, row, unit) + gate * kPanel) : vf{}, Parts,
                  to + gate / 2 * Parts * kTile + gate % 2 * W);
        }
    const TileGemm g{s.batch, s.units, depth, Parts, dz, s.recurrent_t, nullptr, s.dh, s.padded, false};
    tile_product<Parts>(g, t, tile_first, tile_last, 0, tiles_of(s.units, W));
    for (int64_t row = first; s.recurrent_mask && row < last; row++) lstm_tiles_through_mask(s, step, row);
  }
}

static void lstm_tiles_forward(const LstmTiles& s, int64_t tile_first, int64_t tile_last) {
  auto* const steps = s.parts == 2 ? (standard(s) ? lstm_tiles_steps<2, true> : lstm_tiles_steps<2, false>)
                                   : (standard(s) ? lstm_tiles_steps<1, true> : lstm_tiles_steps<1, false>);
  steps(s, tile_first, tile_last);
}

static void lstm_tiles_backward(const LstmTiles& s, int64_t tile_first, int64_t tile_last) {
  auto* const steps = s.parts == 2 ? (standard(s) ? lstm_tiles_steps_back<2, true> : lstm_tiles_steps_back<2, false>)
                                   : (standard(s) ? lstm_tiles_steps_back<1, true> : lstm_tiles_steps_back<1, false>);
  steps(s, tile_first, tile_last);
}

}  // namespace recurra::RECURRA_ISA
