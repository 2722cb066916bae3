// The LSTM with products of tiles: recurra/ops/lstm.py. The work of one thread is in kernels/generic/lstm_bf16.h.
#include <algorithm>
#include <cstring>

#include "../tiles.h"

namespace recurra {

namespace {

enum Input { kX, kKernel, kRecurrent, kBias, kInitialH, kInitialC, kMask, kRecurrentMask };

class LstmTilesOp : public Op {
 public:
  LstmTilesOp(const Node& node, const std::vector<TensorSpec>& values) : Op(node, values) {
    s_.batch = in(kX).shape[0];
    s_.time = in(kX).shape[1];
    s_.features = in(kX).shape[2];
    s_.units = in(kRecurrent).shape[0];
    s_.padded = round_up(s_.units, kPanel);
    s_.activation = static_cast<int>(unary_named(node.text("activation")));
    s_.recurrent_activation = static_cast<int>(unary_named(node.text("recurrent_activation")));
    s_.go_backwards = node.flag("go_backwards");
    s_.zero_output_for_mask = node.flag("zero_output_for_mask");
  }

  bool differentiable(int input) const override { return input != kMask; }

  void prepare(bool backward) override {
    const int64_t state = s_.batch * s_.padded, steps = backward ? s_.time + 1 : 2, gates = 4 * s_.padded;
    const Keep keep = backward ? Keep::until_backward : Keep::forward;
    parts_ = s_.parts = parts_of(precision);
    const int64_t depth = tiles_of(s_.features, kTileDepth) + tiles_of(s_.units, kTileDepth);
    weights_ = ask(tile_scratch(parts_, gates, depth * kTileDepth), packed_keep(Keep::forward));
    bias_ = ask(gates, packed_keep(Keep::forward));
    h_ = ask(steps * state, keep);
    c_ = ask(steps * state, keep);
    if (given(kRecurrentMask)) h_in_ = ask(steps * state, keep);
    x_tiles_ = ask(tile_scratch(parts_, s_.batch, s_.features), Keep::forward);
    h_tiles_ = ask(2 * tile_scratch(parts_, s_.batch, s_.units), Keep::forward);
    if (!backward) return;
    gates_ = ask(s_.time * 4 * state, keep);
    dh_ = ask(2 * state, Keep::backward);
    dc_ = ask(state, Keep::backward);
    recurrent_t_ = ask(tile_scratch(parts_, s_.units, gates), Keep::backward);
    // The gradient of x reads dz of every step in tiles.
    dz_floats_ = tile_scratch(parts_, s_.batch, gates);
    dz_ = ask((wants(kX) ? s_.time : 1) * dz_floats_, Keep::backward);
    if (wants(kX)) kernel_t_ = ask(tile_scratch(parts_, s_.features, gates), Keep::backward);
    if (wants(kKernel) || wants(kRecurrent)) {
      const int64_t most = std::max(s_.features, s_.units);
      left_ = ask(tile_scratch(parts_, most, rows()), Keep::backward);
      right_ = ask(tile_scratch(parts_, gates, rows()), Keep::backward);
      product_ = ask(most * gates, Keep::backward);
    }
    if (wants(kBias)) bias_sums_ = ask(gates, Keep::backward);
  }

  void forward() override {
    s_.x = x(kX);
    s_.initial_h = x(kInitialH);
    s_.initial_c = x(kInitialC);
    s_.mask = x(kMask);
    s_.recurrent_mask = x(kRecurrentMask);
    s_.sequence = y(0);
    s_.last_h = y(1);
    s_.last_c = y(2);
    s_.h = space(h_);
    s_.c = space(c_);
    s_.h_in = given(kRecurrentMask) ? space(h_in_) : s_.h;
    s_.gates = space(gates_);
    s_.weights = as_tiles(space(weights_));
    s_.bias = space(bias_);
    s_.x_tiles = as_tiles(space(x_tiles_));
    s_.h_tiles = as_tiles(space(h_tiles_));
    const Kernels& kernel = kernels();
    if (must_pack())
      over_tiles_of(s_.padded / kPanel, 32 * (s_.features + s_.units) * s_.units, [&](int64_t first, int64_t last) {
        kernel.lstm_tiles_pack(x(kKernel), x(kRecurrent), x(kBias), s_.features, s_.units, parts_, first, last,
                               as_tiles(space(weights_)), space(bias_));
      });
    over_rows([&](int64_t first, int64_t last) { kernel.lstm_tiles_forward(s_, first, last); });
  }

  void backward() override {
    const Kernels& kernel = kernels();
    s_.d_sequence = dy(0);
    s_.d_last_h = dy(1);
    s_.d_last_c = dy(2);
    s_.dh = space(dh_);
    s_.dc = space(dc_);
    s_.d_recurrent_mask = dx(kRecurrentMask);
    if (wants(kRecurrentMask) && !accumulate(kRecurrentMask))
      std::memset(dx(kRecurrentMask), 0, static_cast<size_t>(s_.batch * s_.units) * sizeof(float));
    s_.recurrent_t = as_tiles(space(recurrent_t_));
    s_.dz_tiles = as_tiles(space(dz_));
    s_.dz_step = wants(kX) ? 2 * dz_floats_ : 0;
    pack_transposed(x(kRecurrent), s_.units, space(recurrent_t_));
    over_rows([&](int64_t first, int64_t last) { kernel.lstm_tiles_backward(s_, first, last); });
    weight_gradients();
    if (wants(kX)) input_gradient();
    const int64_t state = s_.batch * s_.padded;
    if (wants(kInitialH)) state_gradient(kInitialH, [&](int64_t at) { return s_.dh[at] + s_.dh[state + at]; });
    if (wants(kInitialC)) state_gradient(kInitialC, [&](int64_t at) { return s_.dc[at]; });
  }

 private:
  int64_t rows() const { return s_.time * s_.batch; }
  int64_t panels() const { return s_.padded / kPanel; }
  // The gates of a panel of units: kLstmPanel columns, one row for each step and row of the batch.
  const float* gate_panel(int64_t panel) const { return s_.gates + panel * kLstmPanel; }
  int64_t gate_stride() const { return 4 * s_.padded; }

  // Rows of tiles over threads, for the whole sequence: no row reads another.
  template <class F>
  void over_rows(F f) {
    const int64_t work = rows() * (s_.features + s_.units) * 4 * s_.units, tiles = tiles_of(s_.batch, kTileHeight);
    const int64_t pieces = work < 1 << 18 ? 1 : std::min<int64_t>(num_threads(), tiles);
    parallel_for(pieces, [&](int64_t i) { f(tiles * i / pieces, tiles * (i + 1) / pieces); });
  }

  void pack_transposed(const float* matrix, int64_t count, float* to) {
    over_tiles_of(tiles_of(count, kTileHeight), 32 * count * s_.units, [&](int64_t first, int64_t last) {
      kernels().lstm_tiles_pack_transposed(matrix, count, s_.units, parts_, first, last, as_tiles(to));
    });
  }

  // d(weights) = a^T dz over all steps and rows. The gates hold dz now.
  void weight_gradients() {
    const Kernels& kernel = kernels();
    const int64_t gates = 4 * s_.padded, n = rows();
    if (wants(kKernel) || wants(kRecurrent))
      over_tiles_of(panels(), 32 * n * gates, [&](int64_t first, int64_t last) {
        for (int64_t panel = first; panel < last; panel++) {
          float* to = space(right_) + panel * tile_scratch(parts_, kLstmPanel, n);
          kernel.tile_pack_b({gate_panel(panel), kLstmPanel, n, 1, gate_stride()}, parts_, 0, 4, as_tiles(to));
        }
      });
    if (wants(kKernel)) {
      // k counts steps as the layer takes them, and in each the rows of the batch.
      const int64_t step = s_.go_backwards ? -s_.features : s_.features;
      const float* start = s_.x + (s_.go_backwards ? (s_.time - 1) * s_.features : 0);
      weight_gradient({start, s_.features, n, 1, s_.time * s_.features, s_.batch, step}, kKernel);
    }
    if (wants(kRecurrent)) weight_gradient({s_.h_in, s_.units, n, 1, s_.padded}, kRecurrent);
    if (wants(kBias)) {
      float* sums = space(bias_sums_);
      for (int64_t panel = 0; panel < panels(); panel++)
        kernel.column_sums(gate_panel(panel), n, gate_stride(), kLstmPanel, sums + panel * kLstmPanel, false);
      from_panels(sums, 1, kBias);
    }
  }

  void weight_gradient(const TileSource& a, Input input) {
    const int64_t gates = 4 * s_.padded;
    over_tiles_of(tiles_of(a.count, kTileHeight), 32 * a.count * a.k, [&](int64_t first, int64_t last) {
      kernels().tile_pack_a(a, parts_, first, last, as_tiles(space(left_)));
    });
    multiply_tiles({a.count, gates, tiles_of(a.k, kTileDepth), parts_, as_tiles(space(left_)), as_tiles(space(right_)),
                    nullptr, space(product_), gates, false});
    from_panels(space(product_), a.count, input);
  }

  void input_gradient() {
    pack_transposed(x(kKernel), s_.features, space(kernel_t_));
    parallel_for(s_.time, [&](int64_t t) {
      const int64_t step = s_.go_backwards ? s_.time - 1 - t : t;
      const TileGemm g{s_.batch,
                       s_.features,
                       4 * s_.padded / kTileDepth,
                       parts_,
                       s_.dz_tiles + t * s_.dz_step,
                       as_tiles(space(kernel_t_)),
                       nullptr,
                       dx(kX) + step * s_.features,
                       s_.time * s_.features,
                       accumulate(kX)};
      kernels().tile_gemm(g, 0, tiles_of(s_.batch, kTileHeight), 0, tiles_of(s_.features, kTileHeight));
    });
  }

  // Copies a gradient from panel order (panel, gate, unit) into the order of the weights (gate, unit).
  void from_panels(const float* from, int64_t count, Input input) {
    for (int64_t row = 0; row < count; row++)
      for (int64_t panel = 0; panel < panels(); panel++)
        for (int64_t gate = 0; gate < 4; gate++) {
          const int64_t unit = panel * kPanel, width = std::min(kPanel, s_.units - unit);
          const float* source = from + (row * s_.padded + unit) * 4 + gate * kPanel;
          float* to = dx(input) + row * 4 * s_.units + gate * s_.units + unit;
          if (accumulate(input)) kernels().axpy(1.0f, source, to, width);
          else std::memcpy(to, source, static_cast<size_t>(width) * sizeof(float));
        }
  }

  // f(place in a padded state) for each element of the gradient of a first state.
  template <class F>
  void state_gradient(Input input, F f) {
    for (int64_t row = 0; row < s_.batch; row++)
      for (int64_t u = 0; u < s_.units; u++) {
        float* to = dx(input) + row * s_.units + u;
        *to = (accumulate(input) ? *to : 0.0f) + f(row * s_.padded + u);
      }
  }

  LstmTiles s_{};
  int parts_ = 0;
  int64_t dz_floats_ = 0;
  int weights_ = -1, bias_ = -1, h_ = -1, c_ = -1, h_in_ = -1, x_tiles_ = -1, h_tiles_ = -1, gates_ = -1, dh_ = -1,
      dc_ = -1, recurrent_t_ = -1, dz_ = -1, kernel_t_ = -1, left_ = -1, right_ = -1, product_ = -1, bias_sums_ = -1;
};

}  // namespace

void add_lstm_tiles(OpTable& ops) { ops["lstm"] = make_op<LstmTilesOp>; }

}  // namespace recurra
