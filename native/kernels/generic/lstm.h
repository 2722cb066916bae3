// The LSTM over a range of steps, batch rows and units.
//
// Forward: a tile of rows x (i, f, g, o of W units) is the product [x_t, h_{t-1}] [W; R] + b, in this order of k;
// the cell update is its epilogue. Backward: the slopes turn the stored gates into dz in place, then
// dh_{t-1} = dz R^T; the weight gradients are products over all steps that the engine makes afterwards.
//
// A row never reads another row, so rows may go through all steps without waiting for each other. Where units are
// divided instead, the engine waits after each step.
#pragma once

namespace recurra::RECURRA_ISA {

// Weights as the forward tiles read them: for each W units (features + units) rows of i, f, g, o of those units.
static void lstm_pack(const float* kernel, const float* recurrent, const float* bias, int64_t features, int64_t units,
                      int64_t panel_first, int64_t panel_last, float* weights, float* packed_bias) {
  const int64_t depth = features + units;
  for (int64_t unit = panel_first * kPanel; unit < panel_last * kPanel; unit += W) {
    const int64_t left = units - unit, width = left < W ? (left > 0 ? left : 0) : W;
    auto copy = [&](const float* row, float* out) {
      for (int64_t gate = 0; gate < 4; gate++, out += W)
        store(out, row && width > 0 ? load_at(row + gate * units, unit, width) : vf{});
    };
    float* out = weights + unit * depth * 4;
    for (int64_t k = 0; k < features; k++, out += 4 * W) copy(kernel + k * 4 * units, out);
    for (int64_t k = 0; k < units; k++, out += 4 * W) copy(recurrent + k * 4 * units, out);
    copy(bias, packed_bias + unit * 4);
  }
}

static inline bool standard(const Lstm& s) {
  return s.activation == static_cast<int>(Unary::tanh) && s.recurrent_activation == static_cast<int>(Unary::sigmoid);
}

// Where a gate of step t is kept, for the first row of a block and the W units from `unit` on; rows are kColumns apart.
static inline float* gate_at(const Lstm& s, int64_t t, int64_t block, int64_t unit, int64_t gate) {
  const int64_t column = unit / kPanel * kLstmPanel + gate * kPanel + unit % kPanel;
  const int64_t row = s.blocks.first(block) * s.kept + (t - s.start) * s.blocks.rows(block);
  return s.gates + (column / kColumns * s.kept * s.blocks.batch + row) * kColumns + column % kColumns;
}

// Where the states before step t are.
static inline int64_t slot_of(const Lstm& s, int64_t t) { return s.gates ? t - s.start : t & 1; }

static inline bool masked(const Lstm& s, int64_t t, int64_t row) {
  return s.mask && s.mask[row * s.time + (s.go_backwards ? s.time - 1 - t : t)] == 0.0f;
}

// The cells of some rows of a block and W units, from the sums z. In two passes: the second needs the results of the
// first, which would be waited for. `from` is the first of the rows, in the block.
template <bool Standard>
static void lstm_cells(const Lstm& s, float* z, int64_t t, int64_t block, int64_t from, int64_t rows, int64_t unit) {
  const Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  const Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  const int64_t slot = slot_of(s, t), next = slot_of(s, t + 1), offset = from * s.padded + unit;
  const int64_t first = s.blocks.first(block) + from;
  const float* c_before = s.c.at(s.blocks, block, slot) + offset;
  float* c_after = s.c.at(s.blocks, block, next) + offset;
  float* gates[4];
  for (int64_t gate = 0; gate < 4; gate++)
    gates[gate] = s.gates ? gate_at(s, t, block, unit, gate) + from * kColumns : nullptr;
  float* sums = z;
  for (int64_t row = 0; row < rows; row++, sums += 4 * W) {
    const vf i = activate(r, load(sums), 1.0f), f = activate(r, load(sums + W), 1.0f);
    const vf g = activate(a, load(sums + 2 * W), 1.0f), o = activate(r, load(sums + 3 * W), 1.0f);
    if (s.gates) {
      store(gates[0] + row * kColumns, i);
      store(gates[1] + row * kColumns, f);
      store(gates[2] + row * kColumns, g);
      store(gates[3] + row * kColumns, o);
    }
    const vf before = load(c_before + row * s.padded), c = masked(s, t, first + row) ? before : fma(f, before, i * g);
    store(c_after + row * s.padded, c);
    store(sums, c);
    store(sums + W, o);
  }
  const float* h_before = s.h.at(s.blocks, block, slot) + offset;
  float* h_after = s.h.at(s.blocks, block, next) + offset;
  float* h_in_after = s.h_in.at(s.blocks, block, next) + offset;
  const int64_t valid = s.units - unit < W ? s.units - unit : W;
  sums = z;
  for (int64_t i = 0; i < rows; i++, sums += 4 * W) {
    const int64_t row = first + i;
    vf h = load(sums + W) * activate(a, load(sums), 1.0f), output = h;
    if (masked(s, t, row)) {
      h = load(h_before + i * s.padded);
      output = s.zero_output_for_mask ? vf{} : h;
    }
    store(h_after + i * s.padded, h);
    if (valid <= 0) continue;
    if (s.recurrent_mask) store(h_in_after + i * s.padded, h * load_at(s.recurrent_mask + row * s.units, unit, valid));
    if (s.sequence) store_at(s.sequence + (row * s.time + t) * s.units, unit, output, valid);
    if (t < s.time - 1) continue;
    if (s.last_h) store_at(s.last_h + row * s.units, unit, h, valid);
    if (s.last_c) store_at(s.last_c + row * s.units, unit, load(sums), valid);
  }
}

// One step of some rows of a block and W units: first all sums, then the cells. Where the sums are long, they are made
// in blocks of k, so that a block of the weights stays in the first-level cache while all rows pass by it.
template <bool Standard>
static void lstm_units(const Lstm& s, int64_t t, int64_t block, int64_t from, int64_t rows, int64_t unit, float* sums) {
  const int64_t step_x = s.go_backwards ? s.time - 1 - t : t, slot = slot_of(s, t);
  const int64_t depth = s.features + s.units, x_row = s.time * s.features;
  const float* weights = s.weights + unit * depth * 4;
  const float* x = s.x + (s.blocks.first(block) + from) * x_row + step_x * s.features;
  const float* h = s.h_in.at(s.blocks, block, slot) + from * s.padded;
  for (int64_t k0 = 0; k0 < depth; k0 += kDepth) {
    const int64_t k1 = k0 + kDepth < depth ? k0 + kDepth : depth;
    over_tiles<RECURRA_ROWS>(0, rows, [&](auto height, int64_t row) {
      constexpr int R = height.value;
      float* sum = sums + row * 4 * W;
      vf acc[R][4];
      for (int r = 0; r < R; r++)
        for (int gate = 0; gate < 4; gate++)
          acc[r][gate] = load(k0 ? sum + (r * 4 + gate) * W : s.bias + unit * 4 + gate * W);
      const float* w = weights + k0 * 4 * W;
      if (k0 < s.features) {
        const int64_t n = (k1 < s.features ? k1 : s.features) - k0;
        multiply<R, 4>(acc, x + row * x_row + k0, x_row, 1, w, 4 * W, n);
        w += n * 4 * W;
      }
      if (k1 > s.features) {
        const int64_t start = k0 > s.features ? k0 - s.features : 0;
        multiply<R, 4>(acc, h + row * s.padded + start, s.padded, 1, w, 4 * W, k1 - s.features - start);
      }
      for (int r = 0; r < R; r++)
        for (int gate = 0; gate < 4; gate++) store(sum + (r * 4 + gate) * W, acc[r][gate]);
    });
  }
  lstm_cells<Standard>(s, sums, t, block, from, rows, unit);
}

template <bool Standard>
static void lstm_steps(const Lstm& s, const Part& part) {
  constexpr int64_t kRowsAtOnce = 64;
  alignas(64) float sums[kRowsAtOnce * 4 * W];
  for (int64_t t = part.step_first; t < part.step_last; t++)
    for (int64_t unit = part.unit_first; unit < part.unit_last; unit += W)
      for (int64_t block = part.block_first; block < part.block_last; block++) {
        const int64_t rows = s.blocks.rows(block);
        for (int64_t row = 0; row < rows; row += kRowsAtOnce)
          lstm_units<Standard>(s, t, block, row, rows - row < kRowsAtOnce ? rows - row : kRowsAtOnce, unit, sums);
      }
}

static void lstm_forward(const Lstm& s, const Part& part) {
  if (standard(s)) lstm_steps<true>(s, part);
  else lstm_steps<false>(s, part);
}

// The states before the first step, or the gradients after the last: from `given` (batch, units), else 0.
static void start_states(const Lstm& s, int64_t block_first, int64_t block_last, const States& states,
                         const float* given, const float* factor) {
  for (int64_t block = block_first; block < block_last; block++) {
    const int64_t rows = s.blocks.rows(block), first = s.blocks.first(block);
    float* to = states.at(s.blocks, block, 0);
    memset(to, 0, static_cast<size_t>(rows * s.padded) * sizeof(float));
    for (int64_t row = 0; given && row < rows; row++)
      map(s.units, [&](int64_t u, int64_t m) {
        vf v = load_at(given + (first + row) * s.units, u, m);
        if (factor) v *= load_at(factor + (first + row) * s.units, u, m);
        store_at(to + row * s.padded, u, v, m);
      });
  }
}

static void lstm_start(const Lstm& s, int64_t block_first, int64_t block_last) {
  start_states(s, block_first, block_last, s.h, s.initial_h, nullptr);
  start_states(s, block_first, block_last, s.c, s.initial_c, nullptr);
  if (s.recurrent_mask) start_states(s, block_first, block_last, s.h_in, s.initial_h, s.recurrent_mask);
}

static void lstm_start_backward(const Lstm& s, int64_t block_first, int64_t block_last) {
  start_states(s, block_first, block_last, s.dh, s.d_last_h, nullptr);
  start_states(s, block_first, block_last, s.dc, s.d_last_c, nullptr);
  for (int64_t block = block_first; block < block_last; block++)
    memset(s.dh.at(s.blocks, block, 1), 0, static_cast<size_t>(s.blocks.rows(block) * s.padded) * sizeof(float));
}

// Zeros in the lanes beyond the last unit: with some activations they hold numbers that would spoil the products.
static inline vf only(vf v, int64_t valid) {
  float lanes[W] = {};
  if (valid > 0) store_n(lanes, v, valid);
  return load(lanes);
}

// dz of one step, one block and W units; what flows on beside the recurrent product stays in `dc` and `dh`.
template <bool Standard>
static void lstm_slopes_of(const Lstm& s, int64_t t, int64_t block, int64_t unit) {
  const Unary a = Standard ? Unary::tanh : static_cast<Unary>(s.activation);
  const Unary r = Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  const int64_t first = s.blocks.first(block), rows = s.blocks.rows(block);
  const int64_t valid = s.units - unit < W ? s.units - unit : W;
  float* gates[4];
  for (int64_t gate = 0; gate < 4; gate++) gates[gate] = gate_at(s, t, block, unit, gate);
  const int64_t slot = slot_of(s, t);
  const float *flow = s.dh.at(s.blocks, block, 0) + unit, *c_before = s.c.at(s.blocks, block, slot) + unit;
  const float* c_after = s.c.at(s.blocks, block, slot + 1) + unit;
  float *kept = s.dh.at(s.blocks, block, 1) + unit, *dc_kept = s.dc.at(s.blocks, block, 0) + unit;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t here = row * s.padded;
    vf d_output{};
    if (s.d_sequence && valid > 0)
      d_output = load_at(s.d_sequence + ((first + row) * s.time + t) * s.units, unit, valid);
    vf dh = load(flow + here) + load(kept + here);
    if (masked(s, t, first + row)) {
      // The step did not count: the states and their gradients pass by it.
      if (!s.zero_output_for_mask) dh += d_output;
      for (float* gate : gates) store(gate + row * kColumns, vf{});
      store(kept + here, dh);
      continue;
    }
    dh += d_output;
    const vf i = load(gates[0] + row * kColumns), f = load(gates[1] + row * kColumns);
    const vf g = load(gates[2] + row * kColumns), o = load(gates[3] + row * kColumns);
    const vf ac = activate(a, load(c_after + here), 1.0f);
    vf dc = fma(dh * o, slope_from_result(a, ac), load(dc_kept + here));
    vf dz[4] = {dc * g * slope_from_result(r, i), dc * load(c_before + here) * slope_from_result(r, f),
                dc * i * slope_from_result(a, g), dh * ac * slope_from_result(r, o)};
    dc = dc * f;
    if (valid < W) {
      for (vf& d : dz) d = only(d, valid);
      dc = only(dc, valid);
    }
    for (int64_t gate = 0; gate < 4; gate++) store(gates[gate] + row * kColumns, dz[gate]);
    store(dc_kept + here, dc);
    store(kept + here, vf{});
  }
}

static void lstm_slopes(const Lstm& s, const Part& part) {
  for (int64_t block = part.block_first; block < part.block_last; block++)
    for (int64_t unit = part.unit_first; unit < part.unit_last; unit += W) {
      if (standard(s)) lstm_slopes_of<true>(s, part.step_first, block, unit);
      else lstm_slopes_of<false>(s, part.step_first, block, unit);
    }
}

static void lstm_flow(const Lstm& s, const Part& part) {
  const int64_t t = part.step_first;
  const int64_t unit_last = part.unit_last < s.units ? part.unit_last : s.units;
  for (int64_t block = part.block_first; block < part.block_last; block++) {
    const int64_t rows = s.blocks.rows(block);
    float* flow = s.dh.at(s.blocks, block, 0);
    Gemm g{};
    g.n = s.units;
    g.k = 4 * s.padded;
    g.a = gate_at(s, t, block, 0, 0);
    g.a_row = kColumns;
    g.a_col = 1;
    g.a_group = kColumns;
    g.a_group_step = s.kept * s.blocks.batch * kColumns;
    g.b = s.recurrent_t;
    g.c = flow;
    g.c_row = s.padded;
    gemm(g, 0, rows, part.unit_first / kColumns, (unit_last + kColumns - 1) / kColumns);
    if (!s.recurrent_mask) continue;
    const float* h_before = s.h.at(s.blocks, block, slot_of(s, t));
    for (int64_t i = 0; i < rows; i++) {
      const int64_t row = s.blocks.first(block) + i;
      map(unit_last - part.unit_first, [&](int64_t j, int64_t m) {
        const int64_t u = part.unit_first + j;
        const vf d = load_at(flow + i * s.padded, u, m);
        store_at(flow + i * s.padded, u, d * load_at(s.recurrent_mask + row * s.units, u, m), m);
        if (!s.d_recurrent_mask) return;
        float* to = s.d_recurrent_mask + row * s.units;
        store_at(to, u, fma(d, load_at(h_before + i * s.padded, u, m), load_at(to, u, m)), m);
      });
    }
  }
}

}  // namespace recurra::RECURRA_ISA
