#include "recurrence_bf16.h"

#include <algorithm>
#include <cstring>

namespace recurra {

RecurrenceTilesOp::RecurrenceTilesOp(const Node& node, const std::vector<TensorSpec>& values, int64_t gates)
    : Op(node, values), gates_per_unit_(gates), features_(in(kX).shape[2]) {
  s_.batch = in(kX).shape[0];
  s_.time = in(kX).shape[1];
  s_.units = in(kRecurrent).shape[0];
  s_.activation = static_cast<int>(unary_named(node.text("activation")));
  s_.go_backwards = node.flag("go_backwards");
  s_.zero_output_for_mask = node.flag("zero_output_for_mask");
}

void RecurrenceTilesOp::prepare(bool backward) {
  const Keep keep = backward ? Keep::until_backward : Keep::forward;
  const int64_t state = s_.batch * s_.units, steps = backward ? s_.time : 1;
  s_.training = backward;
  gates_ = ask(rows() * width(), keep);
  before_ = ask(steps * state, keep);
  h_ = ask(state, Keep::forward);
  work_ = ask(s_.batch * 4 * s_.units, keep);
  packed_kernel_ = ask(matmul_scratch(precision, rows(), features_, width()), packed_keep(Keep::forward));
  if (backward) {
    states_ = ask(rows() * s_.units, Keep::backward);
    dh_ = ask(state, Keep::backward);
    packed_ = ask(std::max({matmul_scratch(precision, features_, rows(), width()),
                            matmul_scratch(precision, s_.units, rows(), width()),
                            matmul_scratch(precision, rows(), width(), features_)}),
                  Keep::backward);
  }
  s_.parts = parts_of(precision);
  // The longest k: all gates, on the way back.
  s_.tiles_step = 2 * tile_scratch(s_.parts, kTileHeight, width());
  tiles_ = ask(tile_scratch(s_.parts, s_.batch, width()), keep);
  prepare_more(backward);
}

void RecurrenceTilesOp::begin(const float* bias) {
  s_.initial_h = x(kInitialH);
  s_.mask = x(kMask);
  s_.recurrent_mask = x(kRecurrentMask);
  s_.sequence = y(0);
  s_.last_h = y(1);
  s_.gates = space(gates_);
  s_.before = space(before_);
  s_.h = space(h_);
  s_.work = space(work_);
  s_.tiles = as_tiles(space(tiles_));
  pack_ = must_pack();
  matmul(precision, {x(kX), features_, 1}, {x(kKernel), width(), 1}, rows(), width(), features_, bias, s_.gates,
         width(), false, space(packed_kernel_), pack_);
}

void RecurrenceTilesOp::over_rows(Kernel kernel) {
  const int64_t work = rows() * s_.units * width();
  const int64_t tiles = tiles_of(s_.batch, kTileHeight);  // rows that stay together
  const int64_t pieces = work < 1 << 17 ? 1 : std::min<int64_t>(num_threads(), tiles);
  parallel_for(pieces, [&](int64_t i) {
    kernel(s_, tiles * i / pieces * kTileHeight, std::min(tiles * (i + 1) / pieces * kTileHeight, s_.batch));
  });
}

void RecurrenceTilesOp::pack_tiles(const TileSource& b, float* packed) {
  kernels().tile_pack_b(b, s_.parts, 0, tiles_of(b.count, kTileHeight), as_tiles(packed));
}

void RecurrenceTilesOp::pack_recurrent(int64_t first, int64_t n, float* packed) {
  pack_tiles({x(kRecurrent) + first, n, s_.units, 1, width()}, packed);
}

void RecurrenceTilesOp::pack_recurrent_transposed(int64_t first, int64_t n, float* packed) {
  pack_tiles({x(kRecurrent) + first, s_.units, n, width(), 1}, packed);
}

void RecurrenceTilesOp::recurrent_gradient(const float* a, const float* d, int64_t d_stride, int64_t first, int64_t n) {
  matmul(precision, {a, 1, s_.units}, {d, d_stride, 1}, s_.units, n, rows(), nullptr, dx(kRecurrent) + first, width(),
         accumulate(kRecurrent), space(packed_));
}

void RecurrenceTilesOp::bias_gradient(const float* d, int64_t d_stride, int64_t n, float* to) {
  kernels().column_sums(d, rows(), d_stride, n, to, accumulate(kBias));
}

void RecurrenceTilesOp::backward() {
  // The state before each step: the output of the step before, except where outputs of masked steps are 0; then it
  // is the last output that counted. Without a recurrent mask it is `before` itself.
  if (!s_.recurrent_mask) {
    s_.states = s_.before;
  } else {
    float* states = space(states_);
    const size_t bytes = static_cast<size_t>(s_.units) * sizeof(float);
    for (int64_t row = 0; row < s_.batch; row++) {
      const float* state = s_.initial_h ? s_.initial_h + row * s_.units : nullptr;
      for (int64_t t = 0; t < s_.time; t++) {
        const int64_t step = s_.go_backwards ? s_.time - 1 - t : t;
        float* to = states + (row * s_.time + step) * s_.units;
        if (state) std::memcpy(to, state, bytes);
        else std::memset(to, 0, bytes);
        const bool counts = !s_.mask || s_.mask[row * s_.time + step] != 0.0f;
        if (counts) state = s_.sequence + (row * s_.time + t) * s_.units;
      }
    }
    s_.states = states;
  }
  s_.d_sequence = dy(0);
  s_.d_last_h = dy(1);
  s_.dh = space(dh_);
  s_.d_recurrent_mask = dx(kRecurrentMask);
  const size_t state_bytes = static_cast<size_t>(s_.batch * s_.units) * sizeof(float);
  if (wants(kRecurrentMask) && !accumulate(kRecurrentMask)) std::memset(dx(kRecurrentMask), 0, state_bytes);
  run_backward();
  if (wants(kKernel))
    matmul(precision, {x(kX), 1, features_}, {s_.gates, width(), 1}, features_, width(), rows(), nullptr, dx(kKernel),
           width(), accumulate(kKernel), space(packed_));
  if (wants(kX))
    matmul(precision, {s_.gates, width(), 1}, {x(kKernel), 1, width()}, rows(), features_, width(), nullptr, dx(kX),
           features_, accumulate(kX), space(packed_));
  if (wants(kInitialH)) {
    if (accumulate(kInitialH)) kernels().axpy(1.0f, s_.dh, dx(kInitialH), s_.batch * s_.units);
    else std::memcpy(dx(kInitialH), s_.dh, state_bytes);
  }
}

}  // namespace recurra
