// The kernels: what runs inside one thread, compiled once per instruction set.
//
// Every function takes plain pointers and sizes, allocates nothing and knows nothing of graphs or threads.
// `kernels()` returns the table of the best set this machine runs (see dispatch.cpp).
//
// Equal bits: each output element is computed by one lane, sums along the inner dimension run in index order
// with fused multiply-add, and sums across lanes use sixteen fixed lanes whatever the vector width. So every
// instruction set with FMA gives the same bits. The portable set has no FMA and gives its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace recurra {

// Units per panel of packed recurrent weights: fixed, so that the order of sums is the same for every set.
constexpr int64_t kPanel = 16;

inline int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

enum class Unary : int {
  absolute,
  clip,
  elu,
  exp,
  gelu,
  gelu_tanh,
  hard_sigmoid,
  hard_sigmoid_tfjs,
  leaky_relu,
  linear,
  log,
  mish,
  negative,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  sqrt,
  square,
  tanh,
};

enum class Binary : int { add, subtract, multiply, divide, maximum, minimum, greater, greater_equal, equal };

// C[M, N] = init + A[M, K] B[K, N], where init is 0, a bias per column, or C itself.
struct Gemm {
  int64_t n, k;
  const float* a;
  int64_t a_row, a_col;       // floats from row to row and from k to k of A
  const float* b;             // from pack_b: panels of 4 `width` columns; in a panel the rows of B lie together
  const float* bias;          // N values, or null
  float* c;
  int64_t c_row;
  bool accumulate;            // init = C
  int64_t b_depth = 0;        // rows of the packed B, where they are more than k
  // k in groups: k lies at (k / a_group) a_group_step + (k % a_group) a_col. 0: there are none.
  int64_t a_group = 0, a_group_step = 0;
  // With `gates`, the columns are (panel of kPanel units, gate, unit), and those of C go to (gate, unit) of so many
  // units.
  int64_t gates = 0, gate_units = 0;
  bool whole_panels = false;  // the last panel of B has 4 `width` columns too, however many of them are used
};

// The rows of a batch in 2^log2_count blocks. What the engine keeps of a recurrent layer lies block by block, so that
// threads at work on different blocks write far from each other. Where there are gradients the number of blocks depends
// on the batch alone: those of weights are summed in the order (segment of steps from last to first, block, time, row).
struct Blocks {
  int64_t batch;
  int log2_count;
  int64_t count() const { return static_cast<int64_t>(1) << log2_count; }
  int64_t first(int64_t block) const { return (batch * block) >> log2_count; }
  int64_t rows(int64_t block) const { return first(block + 1) - first(block); }
  int64_t of(int64_t row) const { return ((row + 1) * count() - 1) / batch; }
};

// Rows of a batch: from row `from` of block `block_first` on, to before row `to` of block `block_last` - 1.
struct RowRange {
  int64_t block_first = 0, block_last = 0, from = 0, to = 0;

  RowRange(const Blocks& blocks, int64_t first, int64_t last) {
    if (first >= last) return;
    block_first = first == 0 ? 0 : blocks.of(first);
    block_last = last == blocks.batch ? blocks.count() : blocks.of(last - 1) + 1;
    from = first - blocks.first(block_first);
    to = last - blocks.first(block_last - 1);
  }

  // Those of one block, counted in it.
  int64_t first(int64_t block) const { return block == block_first ? from : 0; }
  int64_t last(const Blocks& blocks, int64_t block) const { return block == block_last - 1 ? to : blocks.rows(block); }
};

// Floats between what two blocks keep: more than a processor fetches ahead.
constexpr int64_t kGap = 512;

// States of some steps: for each block (steps, rows, padded), and a gap.
struct States {
  float* data;
  int64_t steps, padded;
  static int64_t size(const Blocks& blocks, int64_t steps, int64_t padded) {
    return blocks.batch * steps * padded + blocks.count() * kGap;
  }
  float* at(const Blocks& blocks, int64_t block, int64_t step) const {
    return data + (blocks.first(block) * steps + step * blocks.rows(block)) * padded + block * kGap;
  }
};

// Gates that training keeps together: a matrix stored as pack_b does, whose rows are (block, kept step, row of the
// block) and whose columns are (panel of kPanel units, gate, unit). The backward pass turns them into the gradients of
// their sums, dz.
struct Gates {
  int64_t count;
  float* kept;
  // dz flows on by this: pack_b of the transposed columns of the recurrent kernel, (count * padded, units); null where
  // these gates do not read a state.
  const float* recurrent_t;
  int phase;       // of the backward pass, in which it does
  bool to_gated;   // to `d_gated`, else to `dh`
  bool adds;       // to what is there
};

// One call of a recurrent layer. Step t of the layer reads step time - 1 - t of x where it goes backwards.
//
// A step has one phase, but two in a GRU that resets before the product: the second reads what the first has made of
// all units. On the way back the phases are taken in the other order, and numbered in that order.
struct Recurrent {
  Blocks blocks;
  int64_t time, features, units, padded;  // padded: units rounded up to kPanel
  int activation, recurrent_activation;   // Unary, of the kind whose slope follows from the result
  bool go_backwards, zero_output_for_mask;
  int phases;
  const float* x;               // (batch, time, features)
  const float* weights[2];      // of each phase, from recurrent_pack
  const float* bias[2];         // likewise
  const float* initial_h;       // (batch, units) or null
  const float* initial_c;       // (batch, units) or null
  const float* mask;            // (batch, time) or null
  const float* recurrent_mask;  // (batch, units) or null
  float* sequence;              // (batch, time, units) or null
  float* last_h;                // (batch, units) or null
  float* last_c;                // (batch, units) or null
  // Where the weights are many, or a sequence is alone, bias and products with x are made for so many steps at once,
  // counted from `start`: of each phase (W units, block, step, row of the block) times its sums of W units. 0: each
  // step makes them.
  int64_t ahead;
  float* ahead_sums[2];
  // Training keeps gates and the states before and after each step, of `kept` steps from `start` on: all steps, or one
  // segment at a time. What keeps no gates (null) has two states of each.
  // LSTM: i, f, g, o. GRU: z, r; n; and with the reset after the product, what it resets, p. Simple RNN: the result.
  int64_t start, kept;
  Gates gates[3];
  States h;  // of kept + 1 or 2 steps
  States h_in;  // h * recurrent_mask; h where there is no mask
  States c;  // LSTM
  States gated;  // r * h_in, GRU with the reset before
  States z;  // of one step, likewise
  // Backward only.
  const float* d_sequence;  // (batch, time, units) or null
  const float* d_last_h;  // (batch, units) or null
  const float* d_last_c;  // (batch, units) or null
  States dh;  // [0]: from the recurrent product, [1]: what passes by it
  States dc;
  States d_gated;  // of one step
  float* d_recurrent_mask;  // (batch, units), added to, or null
};

// The weights of one phase, to be packed for its products: for each vector of units, (features + units) rows of the
// vectors of `count` gates from `first` on, of `gates` in [W; R].
struct RecurrentWeights {
  const float* kernel;  // (features, gates * units)
  const float* recurrent;  // (units, gates * units)
  const float* bias;  // (gates * units) or null
  const float* recurrent_bias;  // (gates * units) or null, added to it
  int64_t features, units, gates, first, count;
  bool apart;  // the sums of x and of h stay apart for the last gate: it has two biases
  float* weights;
  float* packed_bias;
};

// A part of a recurrent call: steps, phases, rows of the batch, and units (whole panels) or columns.
struct Part {
  int64_t step_first, step_last;
  int phase_first, phase_last;
  RowRange rows;
  int64_t unit_first, unit_last;
};

struct RecurrentCell {
  void (*forward)(const Recurrent&, const Part&);
  void (*slopes)(const Recurrent&, const Part&);  // of one step and phase: gates become dz
};

// p -= scale * m / (sqrt(v) * root_scale + epsilon). keep = 1 - beta, worked out in double: 1 - 0.999f would be off by
// more than the rest of the step.
struct AdamStep {
  float keep_1, keep_2, scale, root_scale, epsilon;
};

struct RmspropStep {
  float rho, keep, momentum, epsilon, learning_rate;
};

struct SgdStep {
  float momentum, learning_rate;
  bool nesterov, scaled;
};

// How numbers enter matrix products: as they are, as sums of two bfloat16 numbers, or rounded to one.
enum class Precision : int { float32, bf16x3, bf16 };

// Tiles of bfloat16 numbers, as matrix units multiply them: of A sixteen rows by 32 k, of B sixteen pairs of k by
// sixteen columns, the two numbers of a pair side by side. What is missing to whole tiles is 0. With two parts each
// number is the sum of two bfloat16 numbers, and a tile of the larger ones is followed by one of the smaller ones.
// Tiles of one row of tiles of A, or of one panel of columns of B, lie in order of k.
constexpr int64_t kTileHeight = 16;
constexpr int64_t kTileDepth = 32;
constexpr int64_t kTile = kTileHeight * kTileDepth;  // numbers in a tile

inline int64_t tiles_of(int64_t n, int64_t size) { return (n + size - 1) / size; }

// Numbers to be laid in tiles: `count` rows of A or columns of B.
struct TileSource {
  const float* data;
  int64_t count, k;
  int64_t step, k_step;  // floats from row to row or column to column, and from k to k
  int64_t k_group = 0, k_group_step = 0;  // k lies at (k / k_group) k_group_step + (k % k_group) k_step; 0: no groups
};

// C[M, N] = init + A B of tiles, where init is 0, a bias per column, or C itself.
struct TileGemm {
  int64_t m, n, depth;  // depth: tiles along k
  int parts;
  const uint16_t* a;
  const uint16_t* b;
  const float* bias;  // N values, or null
  float* c;
  int64_t c_row;
  bool accumulate;
};

// Columns per panel of LSTM gates: i, f, g, o of sixteen units.
constexpr int64_t kLstmPanel = 4 * kPanel;

// One LSTM call with products of tiles. Tiles of weights: per panel of kPanel units and tile along k (first those of x,
// then those of h) the parts, each of them four tiles: the gates. Gates, and the k of dz, have the order (panel, gate,
// unit). Arrays written "[t]" are time-major.
struct LstmTiles {
  int64_t batch, time, features, units, padded;  // padded: units rounded up to kPanel
  int activation, recurrent_activation, parts;
  bool go_backwards, zero_output_for_mask;
  const float* x;  // (batch, time, features)
  const float* initial_h;  // (batch, units) or null
  const float* initial_c;  // (batch, units) or null
  const float* mask;  // (batch, time) or null
  const float* recurrent_mask;  // (batch, units) or null
  float* sequence;  // (batch, time, units)
  float* last_h;  // (batch, units)
  float* last_c;  // (batch, units)
  const uint16_t* weights;  // tiles
  const float* bias;  // (4 * padded)
  uint16_t* x_tiles;  // of one step
  uint16_t* h_tiles;  // (2, ...): before this step, and before the next
  // Training keeps gates and the states before and after each step; inference keeps two of each (null gates).
  float* gates;  // [t] (time, batch, 4 * padded) or null; the backward pass turns it into dz
  float* h;  // [t] (time + 1 or 2, batch, padded)
  float* h_in;  // h * recurrent_mask, same shape as h; equals h where there is no mask
  float* c;  // [t] (time + 1 or 2, batch, padded)
  // Backward only.
  const float* d_sequence;  // (batch, time, units) or null
  const float* d_last_h;  // (batch, units) or null
  const float* d_last_c;  // (batch, units) or null
  const uint16_t* recurrent_t;  // tiles of R^T
  uint16_t* dz_tiles;
  int64_t dz_step;  // from step to step of `dz_tiles`; 0: only one is kept
  float* dh;  // (2, batch, padded): from the recurrent product; kept from masked steps
  float* dc;  // (batch, padded)
  float* d_recurrent_mask;  // (batch, units), added to, or null
};

// A GRU or a simple RNN with products of tiles. The products with x are made before, for all steps at once; here runs
// what depends on the step before. Step t stands for step T - 1 - t of the arrays where the layer goes backwards.
struct RecurrenceTiles {
  int64_t batch, time, units;
  int activation, recurrent_activation;  // Unary, of the kind whose slope follows from the result
  bool reset_after, go_backwards, zero_output_for_mask;
  bool training;  // keep `inner` and `before` of every step
  const float* initial_h;  // (batch, units) or null
  const float* mask;  // (batch, time) or null
  const float* recurrent_mask;  // (batch, units) or null
  float* sequence;  // (batch, time, units)
  float* last_h;  // (batch, units)
  // GRU: z, r, n of each step; simple RNN: its result. Before: x W + b. After the backward pass: their gradients.
  float* gates;  // (batch, time, 3 units) or (batch, time, units)
  float* inner;  // (batch, time or 1, units), GRU only: h R_h + b (reset after) or r * h (before)
  float* before;  // (batch, time or 1, units): h * recurrent_mask before each step
  float* h;  // (batch, units)
  float* work;  // (batch, 3 units)
  // Tiles, as B of products.
  const uint16_t* recurrent;  // R; GRU with reset before: of its z and r columns only
  const uint16_t* recurrent_h;  // GRU with reset before: its h columns
  const float* recurrent_bias;  // (3 units) or null: GRU with reset after
  // Backward only.
  const float* states;  // (batch, time, units): h before each step, without recurrent_mask
  const float* d_sequence;  // (batch, time, units) or null
  const float* d_last_h;  // (batch, units) or null
  const uint16_t* recurrent_t;  // the transpose of `recurrent`, in tiles
  const uint16_t* recurrent_h_t;  // that of the h columns: GRU with reset before
  float* d_inner;  // (batch, time, units), GRU with reset after: gradient of `inner`
  float* dh;  // (batch, units)
  float* d_recurrent_mask;  // (batch, units), added to, or null
  // Rows of the batch are divided between threads at multiples of kTileHeight.
  int parts;
  uint16_t* tiles;  // room for A of one product; per kTileHeight rows `tiles_step` numbers
  int64_t tiles_step;
};

// -sum(t ln(min(max(y, low), high))) of rows, y being the softmax of x: of a row of n numbers, or of one class.
struct Crossentropy {
  int64_t n;
  float low, high;  // low 0: y is not clipped
  const float* x;  // (rows, n)
  const float* y;  // (rows, n)
  const float* targets;  // (rows, n) or null
  const int32_t* classes;  // (rows) or null
  float* loss;  // (rows)
  // Backward only.
  const float* d_loss;  // (rows)
  float* dx;  // (rows, n) or null
  float* d_targets;  // (rows, n) or null
  bool accumulate, accumulate_targets;
};

struct Kernels {
  const char* name;
  int width;  // floats per vector

  void (*unary)(Unary, float p0, float p1, const float* x, float* y, int64_t n);
  void (*unary_backward)(Unary, float p0, float p1, const float* x, const float* y, const float* dy, float* dx,
                         bool accumulate, int64_t n);
  // y[i] = a[i * a_step] op b[i * b_step], each step being 0 or 1.
  void (*binary)(Binary, const float* a, int64_t a_step, const float* b, int64_t b_step, float* y, int64_t n);

  int64_t (*packed_size)(int64_t k, int64_t n);  // floats that pack_b writes
  int64_t (*pack_panels)(int64_t n);  // panels of n columns
  // Packs rows [k_first, k_last) of B[k_total, N], given by a pointer to row k_first and its strides, into panels
  // [panel_first, panel_last).
  void (*pack_b)(const float* b, int64_t b_row, int64_t b_col, int64_t k_first, int64_t k_last, int64_t k_total,
                 int64_t n, int64_t panel_first, int64_t panel_last, float* packed);
  // Computes rows [row_first, row_last) of panels [panel_first, panel_last).
  void (*gemm)(const Gemm&, int64_t row_first, int64_t row_last, int64_t panel_first, int64_t panel_last);

  void (*recurrent_pack)(const RecurrentWeights&, int64_t panel_first, int64_t panel_last);
  void (*recurrent_start)(const Recurrent&, const RowRange&);
  void (*recurrent_start_backward)(const Recurrent&, const RowRange&);
  void (*recurrent_flow)(const Recurrent&, const Part&);  // of one step and phase: dz to the state before
  RecurrentCell lstm, gru, gru_reset_before, simple_rnn;

  void (*column_sums)(const float* x, int64_t rows, int64_t stride, int64_t n, float* y, bool accumulate);
  double (*sum)(const float* x, int64_t n);
  double (*sum_squares)(const float* x, int64_t n);
  float (*max)(const float* x, int64_t n);
  bool (*all_finite)(const float* x, int64_t n);
  void (*softmax)(const float* x, float* y, int64_t rows, int64_t n, bool log);
  void (*softmax_backward)(const float* y, const float* dy, float* dx, int64_t rows, int64_t n, bool log,
                           bool accumulate);
  void (*crossentropy)(const Crossentropy&, int64_t row_first, int64_t row_last);
  void (*crossentropy_backward)(const Crossentropy&, int64_t row_first, int64_t row_last);
  // Keeps y = x * factor where the random number of element `first + i` is >= threshold (of 2^24), else 0.
  void (*dropout_mask)(float* mask, float factor, uint32_t threshold, uint64_t seed, uint64_t step, int64_t first,
                       int64_t n);

  void (*scale)(float* x, float factor, int64_t n);
  void (*clip)(float* x, float limit, int64_t n);
  void (*axpy)(float factor, const float* x, float* y, int64_t n);  // y += factor * x
  void (*sgd)(const SgdStep&, float* p, const float* g, float* m, int64_t n);
  void (*rmsprop)(const RmspropStep&, float* p, const float* g, float* v, float* m, float* a, int64_t n);
  void (*adam)(const AdamStep&, float* p, const float* g, float* m, float* v, float* v_max, int64_t n);

  // Null in the sets without tiles.
  void (*tile_pack_a)(const TileSource&, int parts, int64_t tile_first, int64_t tile_last, uint16_t* out);
  void (*tile_pack_b)(const TileSource&, int parts, int64_t panel_first, int64_t panel_last, uint16_t* out);
  // Computes rows of tiles [tile_first, tile_last) of panels [panel_first, panel_last).
  void (*tile_gemm)(const TileGemm&, int64_t tile_first, int64_t tile_last, int64_t panel_first, int64_t panel_last);
  void (*lstm_tiles_pack)(const float* kernel, const float* recurrent, const float* bias, int64_t features,
                          int64_t units, int parts, int64_t panel_first, int64_t panel_last, uint16_t* weights,
                          float* packed_bias);
  // B of a product dz by the transpose of a matrix (count, 4 units); its columns are the rows of the matrix.
  void (*lstm_tiles_pack_transposed)(const float* matrix, int64_t count, int64_t units, int parts, int64_t panel_first,
                                     int64_t panel_last, uint16_t* out);
  // Of the rows of the batch in rows of tiles [tile_first, tile_last), all steps.
  void (*lstm_tiles_forward)(const LstmTiles&, int64_t tile_first, int64_t tile_last);
  void (*lstm_tiles_backward)(const LstmTiles&, int64_t tile_first, int64_t tile_last);
  void (*gru_tiles_forward)(const RecurrenceTiles&, int64_t row_first, int64_t row_last);
  void (*gru_tiles_backward)(const RecurrenceTiles&, int64_t row_first, int64_t row_last);
  void (*simple_rnn_tiles_forward)(const RecurrenceTiles&, int64_t row_first, int64_t row_last);
  void (*simple_rnn_tiles_backward)(const RecurrenceTiles&, int64_t row_first, int64_t row_last);
};

const Kernels& kernels();

}  // namespace recurra
