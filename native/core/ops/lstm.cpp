// The LSTM over a whole sequence: recurra/ops/lstm.py. The work of one thread is in kernels/generic/lstm.h.
#include "../op.h"

#include <algorithm>
#include <cstring>

namespace recurra {

namespace {

enum Input { kX, kKernel, kRecurrent, kBias, kInitialH, kInitialC, kMask, kRecurrentMask };

class LstmOp : public Op {
 public:
  LstmOp(const Node& node, const std::vector<TensorSpec>& values) : Op(node, values) {
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

  void prepare(bool backward) override {
    const int64_t state = s_.batch * s_.padded, steps = backward ? s_.time + 1 : 2;
    const Keep keep = backward ? Keep::until_backward : Keep::forward;
    weights_ = ask((s_.features + s_.units) * 4 * s_.padded, packed_keep(keep));
    bias_ = ask(4 * s_.padded, packed_keep(Keep::forward));
    h_ = ask(steps * state, keep);
    c_ = ask(steps * state, keep);
    if (given(kRecurrentMask)) h_in_ = ask(steps * state, keep);
    if (!backward) return;
    gates_ = ask(s_.time * 4 * state, keep);
    recurrent_t_ = ask(matmul_scratch(4 * s_.padded, s_.units), Keep::backward);
    dh_ = ask(2 * state, Keep::backward);
    dc_ = ask(state, Keep::backward);
    packed_ =
        ask(std::max(matmul_scratch(s_.time * s_.batch, 4 * s_.padded), matmul_scratch(4 * s_.padded, s_.features)),
            Keep::backward);
    product_ = ask((std::max(s_.features, s_.units) + 1) * 4 * s_.padded, Keep::backward);
    if (wants(kKernel)) x_by_step_ = ask(s_.time * s_.batch * s_.features, Keep::backward);
  }

  void forward() override {
    s_.x = x(kX);
    s_.weights = space(weights_);
    s_.bias = space(bias_);
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
    const int64_t panels = s_.padded / kPanel;
    const Kernels& kernel = kernels();
    auto pack = [&](int64_t p) {
      kernel.lstm_pack(x(kKernel), x(kRecurrent), x(kBias), s_.features, s_.units, p, p + 1, space(weights_),
                       space(bias_));
    };
    if (must_pack()) {
      if ((s_.features + s_.units) * s_.units < 1 << 14) {
        for (int64_t p = 0; p < panels; p++) pack(p);
      } else {
        parallel_for(panels, pack);
      }
    }
    over_rows([&](int64_t first, int64_t last) { kernel.lstm_forward(s_, first, last); });
  }

  void backward() override {
    const Kernels& kernel = kernels();
    const int64_t gates = 4 * s_.padded, rows = s_.time * s_.batch;
    s_.d_sequence = dy(0);
    s_.d_last_h = dy(1);
    s_.d_last_c = dy(2);
    s_.dh = space(dh_);
    s_.dc = space(dc_);
    s_.recurrent_t = space(recurrent_t_);
    pack_transposed(s_.features, s_.units, space(recurrent_t_));
    s_.d_recurrent_mask = dx(kRecurrentMask);
    if (wants(kRecurrentMask) && !accumulate(kRecurrentMask))
      std::memset(dx(kRecurrentMask), 0, static_cast<size_t>(s_.batch * s_.units) * sizeof(float));
    over_rows([&](int64_t first, int64_t last) { kernel.lstm_backward(s_, first, last); });

    // The gates now hold dz, in panel order.
    if (wants(kKernel)) {
      float* x_by_step = space(x_by_step_);
      parallel_pieces(rows, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; i++) {
          const int64_t t = i / s_.batch, b = i % s_.batch, step = s_.go_backwards ? s_.time - 1 - t : t;
          std::memcpy(x_by_step + i * s_.features, s_.x + (b * s_.time + step) * s_.features,
                      static_cast<size_t>(s_.features) * sizeof(float));
        }
      });
      weight_gradient({x_by_step, 1, s_.features}, s_.features, kKernel);
    }
    if (wants(kRecurrent)) weight_gradient({s_.h_in, 1, s_.padded}, s_.units, kRecurrent);
    if (wants(kBias)) {
      kernel.column_sums(s_.gates, rows, gates, gates, space(product_), false);
      from_panels(space(product_), 1, kBias);
    }
    if (wants(kX)) {
      pack_transposed(0, s_.features, space(packed_));
      const int64_t panels = kernel.pack_panels(s_.features);
      parallel_for(s_.time, [&](int64_t t) {
        const int64_t step = s_.go_backwards ? s_.time - 1 - t : t;
        const Gemm g{s_.batch,
                     s_.features,
                     gates,
                     s_.gates + t * s_.batch * gates,
                     gates,
                     1,
                     space(packed_),
                     nullptr,
                     dx(kX) + step * s_.features,
                     s_.time * s_.features,
                     accumulate(kX)};
        kernel.gemm(g, 0, s_.batch, 0, panels);
      });
    }
    const int64_t state = s_.batch * s_.padded;
    if (wants(kInitialH))
      for (int64_t row = 0; row < s_.batch; row++)
        for (int64_t u = 0; u < s_.units; u++) {
          const float d = s_.dh[row * s_.padded + u] + s_.dh[state + row * s_.padded + u];
          float* to = dx(kInitialH) + row * s_.units + u;
          *to = accumulate(kInitialH) ? *to + d : d;
        }
    if (wants(kInitialC))
      for (int64_t row = 0; row < s_.batch; row++)
        for (int64_t u = 0; u < s_.units; u++) {
          float* to = dx(kInitialC) + row * s_.units + u;
          *to = (accumulate(kInitialC) ? *to : 0.0f) + s_.dc[row * s_.padded + u];
        }
  }

  bool differentiable(int input) const override { return input != kMask; }

 private:
  // Rows of the batch over threads, for the whole sequence: no row reads another.
  template <class F>
  void over_rows(F f) {
    const int64_t work = s_.batch * s_.time * (s_.features + s_.units) * 4 * s_.units;
    const int64_t pieces = work < 1 << 17 ? 1 : std::min<int64_t>(num_threads(), s_.batch);
    parallel_for(pieces, [&](int64_t i) { f(s_.batch * i / pieces, s_.batch * (i + 1) / pieces); });
  }

  // Packs the transpose of `count` rows of the weights, from row `first` of [W; R], for a product dz (4 padded) by it.
  void pack_transposed(int64_t first, int64_t count, float* packed) {
    const Kernels& kernel = kernels();
    const int64_t depth = s_.features + s_.units;
    parallel_for(s_.padded / kPanel, [&](int64_t p) {
      const float* panel = space(weights_) + (p * depth + first) * kLstmPanel;
      kernel.pack_b(panel, 1, kLstmPanel, p * kLstmPanel, (p + 1) * kLstmPanel, 4 * s_.padded, count, 0,
                    kernel.pack_panels(count), packed);
    });
  }

  // d(weights) = a^T dz over all steps and rows.
  void weight_gradient(Matrix a, int64_t rows, Input input) {
    const int64_t gates = 4 * s_.padded;
    matmul(a, {s_.gates, gates, 1}, rows, gates, s_.time * s_.batch, nullptr, space(product_), gates, false,
           space(packed_));
    from_panels(space(product_), rows, input);
  }

  // Copies a gradient from panel order (panel, gate, unit) into the order of the weights (gate, unit).
  void from_panels(const float* from, int64_t rows, Input input) {
    const Kernels& kernel = kernels();
    for (int64_t row = 0; row < rows; row++)
      for (int64_t panel = 0; panel < s_.padded / kPanel; panel++)
        for (int64_t gate = 0; gate < 4; gate++) {
          const int64_t unit = panel * kPanel, width = std::min(kPanel, s_.units - unit);
          const float* source = from + (row * s_.padded + unit) * 4 + gate * kPanel;
          float* to = dx(input) + row * 4 * s_.units + gate * s_.units + unit;
          if (accumulate(input)) kernel.axpy(1.0f, source, to, width);
          else std::memcpy(to, source, static_cast<size_t>(width) * sizeof(float));
        }
  }

  Lstm s_{};
  int weights_ = -1, bias_ = -1, h_ = -1, c_ = -1, h_in_ = -1, gates_ = -1, recurrent_t_ = -1, dh_ = -1, dc_ = -1,
      packed_ = -1, product_ = -1, x_by_step_ = -1;
};

}  // namespace

void add_lstm(OpTable& ops) { ops["lstm"] = make_op<LstmOp>; }

}  // namespace recurra
