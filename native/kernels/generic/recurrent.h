// What recurrent layers share, over a range of steps, batch rows and units.
//
// Forward: a tile of rows x gates of W units is the product [x_t, h_{t-1}] [W; R] + b, in this order of k; the cell is
// its epilogue. Backward: the slopes turn the stored gates into dz in place, then dh_{t-1} = dz R^T; the weight
// gradients are products over all steps that the engine makes afterwards.
//
// A row never reads another row, so rows may go through all steps without waiting for each other. Where units are
// divided instead, the engine waits after each phase of a step.
//
// The products know the shape of their sums, but not what becomes of them: the cells are a function that is passed on.
#pragma once

namespace recurra::RECURRA_ISA {

template <int Gates>
static void pack_gates(const RecurrentWeights& s, int64_t panel_first, int64_t panel_last) {
  const int64_t depth = s.features + s.units, row = s.gates * s.units;
  auto pack = [&](int64_t unit, int64_t width, auto load_units) {
    float* out = s.weights + unit * depth * Gates;
    auto copy = [&](const float* from, int64_t rows) {
      for (int64_t k = 0; k < rows; k++, from += row)
        for (int gate = 0; gate < Gates; gate++, out += W)
          store(out, load_units(from + (s.first + gate) * s.units, unit, width));
    };
    copy(s.kernel, s.features);
    copy(s.recurrent, s.units);
    float* bias = s.packed_bias + unit * (Gates + s.apart);
    for (int gate = 0; gate < Gates; gate++, bias += W) {
      const int64_t at = (s.first + gate) * s.units;
      const bool apart = s.apart && gate == Gates - 1;
      const vf of_x = s.bias ? load_units(s.bias + at, unit, width) : vf{};
      const vf of_h = s.recurrent_bias ? load_units(s.recurrent_bias + at, unit, width) : vf{};
      store(bias, apart || !s.recurrent_bias ? of_x : of_x + of_h);
      if (apart) store(bias + W, of_h);
    }
  };
  for (int64_t unit = panel_first * kPanel; unit < panel_last * kPanel; unit += W) {
    const int64_t left = s.units - unit;
    if (left >= W) pack(unit, W, [](const float* p, int64_t u, int64_t) { return load(p + u); });
    else if (left > 0) pack(unit, left, [](const float* p, int64_t u, int64_t n) { return load_n(p + u, n); });
    else pack(unit, 0, [](const float*, int64_t, int64_t) { return vf{}; });
  }
}

static void recurrent_pack(const RecurrentWeights& s, int64_t panel_first, int64_t panel_last) {
  with_constant<4>(s.count, [&](auto gates) { pack_gates<gates.value>(s, panel_first, panel_last); });
}

// Whether training keeps the gates.
static inline bool keeps(const Recurrent& s) { return s.gates[0].kept; }

// Where a gate of step t is kept, for the first row of a block and the W units from `unit` on; rows are kColumns apart.
static inline float* gate_at(const Recurrent& s, int64_t group, int64_t t, int64_t block, int64_t unit, int64_t gate) {
  const int64_t column = (unit / kPanel * s.gates[group].count + gate) * kPanel + unit % kPanel;
  const int64_t row = s.blocks.first(block) * s.kept + (t - s.start) * s.blocks.rows(block);
  return s.gates[group].kept + (column / kColumns * s.kept * s.blocks.batch + row) * kColumns + column % kColumns;
}

// Where the states before step t are.
static inline int64_t slot_of(const Recurrent& s, int64_t t) { return keeps(s) ? t - s.start : t & 1; }

static inline bool masked(const Recurrent& s, int64_t t, int64_t row) {
  return s.mask && s.mask[row * s.time + (s.go_backwards ? s.time - 1 - t : t)] == 0.0f;
}

static inline bool standard(const Recurrent& s) {
  return s.activation == static_cast<int>(Unary::tanh) && s.recurrent_activation == static_cast<int>(Unary::sigmoid);
}

namespace {

// The activations of a cell. With the usual ones known, the compiler drops the choice between all of them.
template <bool Standard>
struct Activations {
  static Unary activation(const Recurrent& s) { return Standard ? Unary::tanh : static_cast<Unary>(s.activation); }
  static Unary recurrent_activation(const Recurrent& s) {
    return Standard ? Unary::sigmoid : static_cast<Unary>(s.recurrent_activation);
  }
};

}  // namespace

// Some rows of a block and the W units from `unit` on, in step t: where they are, and how many of the units there are.
struct Cells {
  int64_t t, block, from, rows, unit;
};

// Where a gate of them is kept; null where none are.
static inline float* kept_at(const Recurrent& s, const Cells& at, int64_t group, int64_t gate) {
  return keeps(s) ? gate_at(s, group, at.t, at.block, at.unit, gate) + at.from * kColumns : nullptr;
}

static inline int64_t valid_units(const Recurrent& s, int64_t unit) {
  const int64_t left = s.units - unit;
  return left < W ? (left > 0 ? left : 0) : W;
}

static inline float* state_at(const Recurrent& s, const States& states, const Cells& at, int64_t slot) {
  return states.at(s.blocks, at.block, slot) + at.from * s.padded + at.unit;
}

namespace {

// The states of h before and after a step, for one row after the other.
struct HiddenState {
  const float* before;
  float *after, *in_after;
  int64_t first, valid;

  HiddenState(const Recurrent& s, const Cells& at)
      : before(state_at(s, s.h, at, slot_of(s, at.t))),
        after(state_at(s, s.h, at, slot_of(s, at.t + 1))),
        in_after(state_at(s, s.h_in, at, slot_of(s, at.t + 1))),
        first(s.blocks.first(at.block) + at.from),
        valid(valid_units(s, at.unit)) {}

  // h is the new state of row i, unless the step is masked.
  void put(const Recurrent& s, const Cells& at, int64_t i, vf h) const {
    const int64_t row = first + i;
    vf output = h;
    if (masked(s, at.t, row)) {
      h = load(before + i * s.padded);
      output = s.zero_output_for_mask ? vf{} : h;
    }
    store(after + i * s.padded, h);
    if (valid == 0) return;
    if (s.recurrent_mask) store(in_after + i * s.padded, h * load_at(s.recurrent_mask + row * s.units, at.unit, valid));
    if (s.sequence) store_at(s.sequence + (row * s.time + at.t) * s.units, at.unit, output, valid);
    if (s.last_h && at.t == s.time - 1) store_at(s.last_h + row * s.units, at.unit, h, valid);
  }
};

}  // namespace

// The sums of W units: for each k as many vectors of weights as there are gates, and as many sums, or one more where
// x and h of the last gate stay apart.
template <int Gates, bool Apart = false>
struct Sums {
  static constexpr int kGates = Gates, kSums = Gates + Apart;
};

// What becomes of the sums of some rows of a block and W units. They may be overwritten.
using CellFunction = void (*)(const Recurrent&, float* sums, const Cells&);

// acc[r][chunk, sum] += a[r, i] * b[chunk, i, gate] for i = 0, 1, ... k - 1, in this order, for C chunks of W units.
// With `OfH` the last gate of a chunk goes to its last sum.
template <class Shape, int R, int C, bool OfH>
RECURRA_INLINE void multiply_gates(vf (&acc)[R][C * Shape::kSums], const float* a, int64_t a_row, const float* b,
                                   int64_t chunk, int64_t k) {
  constexpr int G = Shape::kGates, S = Shape::kSums;
#pragma GCC unroll 2
  for (int64_t i = 0; i < k; i++, b += G * W, a++) {
    vf av[R];
    for (int r = 0; r < R; r++) av[r] = set1(a[r * a_row]);
    for (int c = 0; c < C; c++)
      for (int gate = 0; gate < G; gate++) {
        const int sum = c * S + (OfH && gate == G - 1 ? S - 1 : gate);
        const vf bv = load(b + c * chunk + gate * W);
        for (int r = 0; r < R; r++) acc[r][sum] = fma(av[r], bv, acc[r][sum]);
      }
  }
}

// The products of one step, beside x with `states`.
struct Products {
  int phase;
  const States& states;
  CellFunction cells;
};

// Where sums of W units are: the first, and how far those of the next row and of the next W units lie from it.
struct SumsAt {
  float* data;
  int64_t row, chunk;

  float* at(int64_t r, int64_t c) const { return data + r * row + c * chunk; }
};

template <class Shape>
static inline SumsAt bias_at(const Recurrent& s, int phase, int64_t unit) {
  return {const_cast<float*>(s.bias[phase]) + unit * Shape::kSums, 0, Shape::kSums * W};  // it is only read
}

// Bias and products with x, where they were made ahead.
template <class Shape>
static inline SumsAt ahead_at(const Recurrent& s, int phase, const Cells& at) {
  constexpr int64_t kSize = Shape::kSums * W;
  const int64_t rows = s.blocks.rows(at.block), step = (at.t - s.start) % s.ahead;
  const int64_t chunk = s.blocks.batch * s.ahead * kSize;
  const int64_t row = s.blocks.first(at.block) * s.ahead + step * rows + at.from;
  return {s.ahead_sums[phase] + at.unit / W * chunk + row * kSize, kSize, chunk};
}

static inline const float* x_at(const Recurrent& s, const Cells& at) {
  const int64_t step = s.go_backwards ? s.time - 1 - at.t : at.t;
  return s.x + ((s.blocks.first(at.block) + at.from) * s.time + step) * s.features;
}

// Bias and products with x of `ahead` steps from t on, of C times W units at a time and at the end fewer: while a block
// of the weights stays in the first-level cache, the rows of all these steps pass by it.
template <class Shape, int R, int C>
static void ahead_over_units(const Recurrent& s, const Part& part, int64_t t, int phase, int64_t unit) {
  constexpr int G = Shape::kGates, S = Shape::kSums;
  const int64_t chunk = (s.features + s.units) * G * W;
  const int64_t steps = s.time - t < s.ahead ? s.time - t : s.ahead;
  for (; unit + C * W <= part.unit_last; unit += C * W)
    for (int64_t k0 = 0; k0 < s.features; k0 += kDepth) {
      const float* weights = s.weights[phase] + unit / W * chunk + k0 * G * W;
      const int64_t k = s.features - k0 < kDepth ? s.features - k0 : kDepth;
      auto add = [&](const Cells& at, int64_t x_row) {
        const float* x = x_at(s, at) + k0;
        const SumsAt to = ahead_at<Shape>(s, phase, at), from = k0 ? to : bias_at<Shape>(s, phase, unit);
        over_tiles<R>(0, at.rows, [&](auto height, int64_t row) {
          constexpr int H = height.value;
          vf acc[H][C * S];
          for (int r = 0; r < H; r++)
            for (int c = 0; c < C; c++)
              for (int v = 0; v < S; v++) acc[r][c * S + v] = load(from.at(row + r, c) + v * W);
          multiply_gates<Shape, H, C, false>(acc, x + row * x_row, x_row, weights, chunk, k);
          for (int r = 0; r < H; r++)
            for (int c = 0; c < C; c++)
              for (int v = 0; v < S; v++) store(to.at(row + r, c) + v * W, acc[r][c * S + v]);
        });
      };
      for (int64_t block = part.rows.block_first; block < part.rows.block_last; block++) {
        const int64_t from = part.rows.first(block), rows = part.rows.last(s.blocks, block) - from;
        // The steps of a sequence alone lie in order, as rows do.
        if (s.blocks.batch == 1) add({t, block, 0, steps, unit}, s.go_backwards ? -s.features : s.features);
        else
          for (int64_t step = 0; step < steps; step++) add({t + step, block, from, rows, unit}, s.time * s.features);
      }
    }
  if constexpr (C > 1) ahead_over_units<Shape, kTileRows<C / 2 * S>, C / 2>(s, part, t, phase, unit);
}

// One step of some rows and C times W units: first all sums, then the cells. Where the sums are long, they are made in
// blocks of k, so that a block of the weights stays in the first-level cache while all rows pass by it.
template <class Shape, int R, int C>
static void step_of_units(const Recurrent& s, const Products& products, const Cells& at, float* sums) {
  constexpr int G = Shape::kGates, S = Shape::kSums;
  const int64_t depth = s.features + s.units, x_row = s.time * s.features, chunk = depth * G * W;
  const int64_t slot = products.states.steps == 1 ? 0 : slot_of(s, at.t), first = s.ahead ? s.features : 0;
  const float* weights = s.weights[products.phase] + at.unit / W * chunk;
  const float* x = x_at(s, at);
  const float* h = products.states.at(s.blocks, at.block, slot) + at.from * s.padded;
  const SumsAt to{sums, S * W, at.rows * S * W};
  SumsAt from = s.ahead ? ahead_at<Shape>(s, products.phase, at) : bias_at<Shape>(s, products.phase, at.unit);
  for (int64_t k0 = first; k0 < depth; k0 += kDepth, from = to) {
    const int64_t k1 = k0 + kDepth < depth ? k0 + kDepth : depth;
    over_tiles<R>(0, at.rows, [&](auto height, int64_t row) {
      constexpr int H = height.value;
      vf acc[H][C * S];
      for (int r = 0; r < H; r++)
        for (int c = 0; c < C; c++)
          for (int v = 0; v < S; v++) acc[r][c * S + v] = load(from.at(row + r, c) + v * W);
      const float* w = weights + k0 * G * W;
      if (k0 < s.features) {
        const int64_t n = (k1 < s.features ? k1 : s.features) - k0;
        multiply_gates<Shape, H, C, false>(acc, x + row * x_row + k0, x_row, w, chunk, n);
        w += n * G * W;
      }
      if (k1 > s.features) {
        const int64_t start = k0 > s.features ? k0 - s.features : 0;
        multiply_gates<Shape, H, C, true>(acc, h + row * s.padded + start, s.padded, w, chunk, k1 - s.features - start);
      }
      for (int r = 0; r < H; r++)
        for (int c = 0; c < C; c++)
          for (int v = 0; v < S; v++) store(to.at(row + r, c) + v * W, acc[r][c * S + v]);
    });
  }
  for (int c = 0; c < C; c++) products.cells(s, to.at(0, c), {at.t, at.block, at.from, at.rows, at.unit + c * W});
}

// Some units of one step, C times W units at a time and at the end fewer.
template <class Shape, int R, int C>
static void step_over_units(const Recurrent& s, const Part& part, int64_t t, const Products& products, int64_t unit) {
  constexpr int64_t kRowsAtOnce = 64;
  alignas(64) float sums[(R > 1 ? kRowsAtOnce : 1) * C * Shape::kSums * W];
  for (; unit + C * W <= part.unit_last; unit += C * W)
    for (int64_t block = part.rows.block_first; block < part.rows.block_last; block++) {
      const int64_t last = part.rows.last(s.blocks, block);
      for (int64_t row = part.rows.first(block); row < last; row += kRowsAtOnce) {
        const Cells at{t, block, row, last - row < kRowsAtOnce ? last - row : kRowsAtOnce, unit};
        step_of_units<Shape, R, C>(s, products, at, sums);
      }
    }
  if constexpr (C > 1)
    step_over_units<Shape, R == 1 ? 1 : kTileRows<C / 2 * Shape::kSums>, C / 2>(s, part, t, products, unit);
}

// One phase of one step.
template <class Shape>
static void step_of(const Recurrent& s, const Part& part, int64_t t, int phase, const States& states,
                    CellFunction cells) {
  constexpr int C = kVectors / Shape::kSums, R = kTileRows<C * Shape::kSums>;
  const Products products{phase, states, cells};
  if (s.ahead && (t - s.start) % s.ahead == 0) ahead_over_units<Shape, R, C>(s, part, t, phase, part.unit_first);
  // One row alone has few sums, each of which waits for its last addition: those of more units go beside each other.
  if (s.blocks.batch == 1) step_over_units<Shape, 1, 2 * C>(s, part, t, products, part.unit_first);
  else step_over_units<Shape, R, C>(s, part, t, products, part.unit_first);
}

// The states before the first step, or the gradients after the last: from `given` (batch, units), else 0.
static void start_states(const Recurrent& s, const RowRange& rows, const States& states, const float* given,
                         const float* factor) {
  if (!states.data) return;
  for (int64_t block = rows.block_first; block < rows.block_last; block++) {
    const int64_t from = rows.first(block), count = rows.last(s.blocks, block) - from;
    const int64_t first = s.blocks.first(block) + from;
    float* to = states.at(s.blocks, block, 0) + from * s.padded;
    memset(to, 0, static_cast<size_t>(count * s.padded) * sizeof(float));
    for (int64_t row = 0; given && row < count; row++)
      map(s.units, [&](int64_t u, int64_t m) {
        vf v = load_at(given + (first + row) * s.units, u, m);
        if (factor) v *= load_at(factor + (first + row) * s.units, u, m);
        store_at(to + row * s.padded, u, v, m);
      });
  }
}

static void recurrent_start(const Recurrent& s, const RowRange& rows) {
  start_states(s, rows, s.h, s.initial_h, nullptr);
  start_states(s, rows, s.c, s.initial_c, nullptr);
  if (s.recurrent_mask) start_states(s, rows, s.h_in, s.initial_h, s.recurrent_mask);
}

static void recurrent_start_backward(const Recurrent& s, const RowRange& rows) {
  start_states(s, rows, s.dh, s.d_last_h, nullptr);
  start_states(s, rows, s.dc, s.d_last_c, nullptr);
  for (int64_t block = rows.block_first; block < rows.block_last; block++) {
    const int64_t from = rows.first(block), count = rows.last(s.blocks, block) - from;
    memset(s.dh.at(s.blocks, block, 1) + from * s.padded, 0, static_cast<size_t>(count * s.padded) * sizeof(float));
  }
}

// Zeros in the lanes beyond the last unit: with some activations they hold numbers that would spoil the products.
RECURRA_INLINE vf only(vf v, int64_t valid) {
  float lanes[W] = {};
  if (valid > 0) store_n(lanes, v, valid);
  return load(lanes);
}

namespace {

// The gradient that reaches the state after a step, for one row of a block after the other.
struct HiddenGradient {
  const float* flow;
  float* kept;  // what passes by the recurrent product
  int64_t first, valid;

  HiddenGradient(const Recurrent& s, const Cells& at)
      : flow(state_at(s, s.dh, at, 0)),
        kept(state_at(s, s.dh, at, 1)),
        first(s.blocks.first(at.block) + at.from),
        valid(valid_units(s, at.unit)) {}

  // Calls f(gradient) where the step counted; it returns what passes by. Where it did not count, all passes by, and
  // the result is false.
  template <class F>
  bool take(const Recurrent& s, const Cells& at, int64_t row, F f) const {
    vf d_output{}, dh = load(flow + row * s.padded) + load(kept + row * s.padded);
    if (s.d_sequence && valid > 0)
      d_output = load_at(s.d_sequence + ((first + row) * s.time + at.t) * s.units, at.unit, valid);
    const bool counts = !masked(s, at.t, first + row);
    if (counts || !s.zero_output_for_mask) dh += d_output;
    store(kept + row * s.padded, counts ? f(dh) : dh);
    return counts;
  }
};

}  // namespace

// Stores dz of one row where its gate was.
RECURRA_INLINE void put_slope(float* gate, int64_t row, vf dz, int64_t valid) {
  store(gate + row * kColumns, valid < W ? only(dz, valid) : dz);
}

// Runs f(cells) for all W units and rows of a part.
template <class F>
static inline void over_cells(const Recurrent& s, const Part& part, F f) {
  for (int64_t block = part.rows.block_first; block < part.rows.block_last; block++) {
    const int64_t from = part.rows.first(block), rows = part.rows.last(s.blocks, block) - from;
    for (int64_t unit = part.unit_first; unit < part.unit_last; unit += W)
      f(Cells{part.step_first, block, from, rows, unit});
  }
}

static void recurrent_flow(const Recurrent& s, const Part& part) {
  const int64_t t = part.step_first;
  const int64_t unit_last = part.unit_last < s.units ? part.unit_last : s.units;
  for (int64_t block = part.rows.block_first; block < part.rows.block_last; block++) {
    const int64_t from = part.rows.first(block), rows = part.rows.last(s.blocks, block) - from;
    float* flow = s.dh.at(s.blocks, block, 0) + from * s.padded;
    for (int group = 0; group < 3; group++) {
      const Gates& gates = s.gates[group];
      if (!gates.recurrent_t || gates.phase != part.phase_first) continue;
      Gemm g{};
      g.n = s.units;
      g.k = gates.count * s.padded;
      g.a = gate_at(s, group, t, block, 0, 0) + from * kColumns;
      g.a_row = kColumns;
      g.a_col = 1;
      g.a_group = kColumns;
      g.a_group_step = s.kept * s.blocks.batch * kColumns;
      g.b = gates.recurrent_t;
      g.c = gates.to_gated ? s.d_gated.at(s.blocks, block, 0) + from * s.padded : flow;
      g.c_row = s.padded;
      g.accumulate = gates.adds;
      gemm(g, 0, rows, part.unit_first / kColumns, (unit_last + kColumns - 1) / kColumns);
    }
    if (!s.recurrent_mask || part.phase_first < s.phases - 1) continue;
    const float* h_before = s.h.at(s.blocks, block, slot_of(s, t)) + from * s.padded;
    for (int64_t i = 0; i < rows; i++) {
      const int64_t row = s.blocks.first(block) + from + i;
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
