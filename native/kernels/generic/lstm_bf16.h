// The LSTM with products of tiles, over rows of tiles of the batch, all time steps. The cell update is that of lstm.h.
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

template <int Parts, bool Standard>
static void lstm_tiles_steps(const Lstm& s, const LstmTiles& q, int64_t tile_first, int64_t tile_last) {
  const int64_t x_depth = tiles_of(s.features, kTileDepth), h_depth = tiles_of(s.units, kTileDepth);
  const int64_t tiles = tiles_of(s.batch, kTileRows), size = s.batch * s.padded;
  const int64_t x_row = x_depth * Parts * kTile, h_row = h_depth * Parts * kTile;
  memset(q.h + (tiles + tile_first) * h_row, 0, static_cast<size_t>((tile_last - tile_first) * h_row) * 2);
  tile_pack_a({s.h_in, s.batch, s.units, s.padded, 1}, Parts, tile_first, tile_last, q.h);
  Tiles t;
  alignas(64) float sums[4][kTileRows * W];
  for (int64_t step = 0; step < s.time; step++) {
    const int64_t step_x = s.go_backwards ? s.time - 1 - step : step, next = s.gates ? step + 1 : (step + 1) & 1;
    tile_pack_a({s.x + step_x * s.features, s.batch, s.features, s.time * s.features, 1}, Parts, tile_first, tile_last,
                q.x);
    const uint16_t* h = q.h + (step & 1) * tiles * h_row;
    uint16_t* h_next = q.h + ((step + 1) & 1) * tiles * h_row;
    for (int64_t unit = 0; unit < s.padded; unit += kPanel) {
      const uint16_t* weights = q.weights + unit / kPanel * (x_depth + h_depth) * 4 * Parts * kTile;
      const float* bias = q.bias + unit / kPanel * kLstmPanel;
      const int64_t valid = at_most_n(s.units - unit, W);
      for (int64_t tile = tile_first; tile < tile_last; tile++) {
        tile_zero<0>(t);
        tile_zero<1>(t);
        tile_zero<2>(t);
        tile_zero<3>(t);
        const uint16_t* w = lstm_gates<Parts>(t, q.x + tile * x_row, weights, x_depth);
        lstm_gates<Parts>(t, h + tile * h_row, w, h_depth);
        tile_store<0>(t, sums[0]);
        tile_store<1>(t, sums[1]);
        tile_store<2>(t, sums[2]);
        tile_store<3>(t, sums[3]);
        const int64_t rows = at_most_n(s.batch - tile * kTileRows, kTileRows);
        uint16_t* to = h_next + tile * h_row + unit / kTileDepth * Parts * kTile + unit % kTileDepth;
        for (int64_t r = 0; r < rows; r++, to += kTileDepth) {
          const int64_t row = tile * kTileRows + r;
          vf z[4];
          for (int64_t gate = 0; gate < 4; gate++) z[gate] = load(bias + gate * kPanel) + load(sums[gate] + r * W);
          lstm_finish<Standard>(s, z, step, row, unit);
          const vf h_new = load(s.h_in + next * size + row * s.padded + unit);
          put_a(valid < W ? only(h_new, valid) : h_new, Parts, to);
        }
      }
    }
  }
}

template <int Parts, bool Standard>
static void lstm_tiles_steps_back(const Lstm& s, const LstmTiles& q, int64_t tile_first, int64_t tile_last) {
  const int64_t first = tile_first * kTileRows, last = at_most_n(tile_last * kTileRows, s.batch);
  const int64_t depth = 4 * s.padded / kTileDepth;
  lstm_start_backward(s, first, last);
  Tiles t;
  for (int64_t step = s.time - 1; step >= 0; step--) {
    for (int64_t row = first; row < last; row++)
      for (int64_t unit = 0; unit < s.padded; unit += W) lstm_slope<Standard>(s, step, row, unit);
    uint16_t* dz = q.dz + step * q.dz_step;
    for (int64_t tile = tile_first; tile < tile_last; tile++)
      for (int64_t r = 0; r < kTileRows; r++)
        for (int64_t unit = 0; unit < s.padded; unit += kPanel) {
          const int64_t row = tile * kTileRows + r;
          uint16_t* to = dz + (tile * depth + 4 * unit / kTileDepth) * Parts * kTile + r * kTileDepth;
          for (int64_t gate = 0; gate < 4; gate++)
            put_a(row < last ? load(gates_at(s, step, row, unit) + gate * kPanel) : vf{}, Parts,
                  to + gate / 2 * Parts * kTile + gate % 2 * W);
        }
    const TileGemm g{s.batch, s.units, depth, Parts, dz, q.recurrent_t, nullptr, s.dh, s.padded, false};
    tile_product<Parts>(g, t, tile_first, tile_last, 0, tiles_of(s.units, W));
    lstm_through_mask(s, step, first, last);
  }
}

static void lstm_tiles_forward(const Lstm& s, const LstmTiles& q, int64_t tile_first, int64_t tile_last) {
  lstm_start(s, tile_first * kTileRows, at_most_n(tile_last * kTileRows, s.batch));
  auto* const steps = q.parts == 2 ? (standard(s) ? lstm_tiles_steps<2, true> : lstm_tiles_steps<2, false>)
                                   : (standard(s) ? lstm_tiles_steps<1, true> : lstm_tiles_steps<1, false>);
  steps(s, q, tile_first, tile_last);
}

static void lstm_tiles_backward(const Lstm& s, const LstmTiles& q, int64_t tile_first, int64_t tile_last) {
  auto* const steps = q.parts == 2 ? (standard(s) ? lstm_tiles_steps_back<2, true> : lstm_tiles_steps_back<2, false>)
                                   : (standard(s) ? lstm_tiles_steps_back<1, true> : lstm_tiles_steps_back<1, false>);
  steps(s, q, tile_first, tile_last);
}

}  // namespace recurra::RECURRA_ISA
