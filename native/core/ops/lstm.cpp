// The LSTM over a whole sequence: recurra/ops/lstm.py. The work of one thread is in kernels/generic/lstm.h.
#include "../op.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace recurra {

namespace {

enum Input { kX, kKernel, kRecurrent, kBias, kInitialH, kInitialC, kMask, kRecurrentMask };

class LstmOp : public Op {
 public:
  LstmOp(const Node& node, const std::vector<TensorSpec>& values) : Op(node, values) {
    batch_ = in(kX).shape[0];
    s_.blocks = blocks_of(batch_);
    s_.time = in(kX).shape[1];
    s_.features = in(kX).shape[2];
    s_.units = in(kRecurrent).shape[0];
    s_.padded = round_up(s_.units, kPanel);
    s_.activation = static_cast<int>(unary_named(node.text("activation")));
    s_.recurrent_activation = static_cast<int>(unary_named(node.text("recurrent_activation")));
    s_.go_backwards = node.flag("go_backwards");
    s_.zero_output_for_mask = node.flag("zero_output_for_mask");
    segment_ = steps_of_a_segment();
  }

  bool writes(int output) const override { return output_is_read[static_cast<size_t>(output)]; }

  void prepare(bool backward) override {
    again_ = recompute && backward && segment_ < s_.time;
    s_.kept = again_ ? segment_ : s_.time;
    const Keep keep = backward ? Keep::until_backward : Keep::forward, kept = again_ ? Keep::backward : keep;
    const int64_t steps = backward ? s_.kept + 1 : 2;
    auto states = [&](int64_t n) { return States::size(s_.blocks, n, s_.padded); };
    weights_ = ask(depth() * 4 * s_.padded, packed_keep(again_ ? keep : Keep::forward));
    bias_ = ask(4 * s_.padded, packed_keep(again_ ? keep : Keep::forward));
    h_ = ask(states(steps), kept);
    c_ = ask(states(steps), kept);
    if (given(kRecurrentMask)) h_in_ = ask(states(steps), kept);
    if (!backward) return;
    if (again_) {
      const int64_t segments = (s_.time + segment_ - 1) / segment_;
      passing_h_ = ask(states(2), Keep::forward);
      passing_c_ = ask(states(2), Keep::forward);
      if (given(kRecurrentMask)) passing_h_in_ = ask(states(2), Keep::forward);
      first_h_ = ask(states(segments), keep);
      first_c_ = ask(states(segments), keep);
      first_states_h_ = first_states_c_ = {nullptr, segments, s_.padded};
    }
    gates_ = ask(batch_ * s_.kept * 4 * s_.padded, kept);
    recurrent_t_ = ask(kernels().packed_size(4 * s_.padded, s_.units), Keep::backward);
    if (wants(kX)) kernel_t_ = ask(kernels().packed_size(4 * s_.padded, s_.features), Keep::backward);
    dh_ = ask(states(2), Keep::backward);
    dc_ = ask(states(1), Keep::backward);
    s_.dh = {nullptr, 2, s_.padded};
    s_.dc = {nullptr, 1, s_.padded};
  }

  void forward() override {
    s_.x = x(kX);
    s_.weights = space(weights_);
    s_.bias = space(bias_);
    s_.initial_h = x(kInitialH);
    s_.initial_c = x(kInitialC);
    s_.mask = x(kMask);
    s_.recurrent_mask = x(kRecurrentMask);
    s_.sequence = writes(0) ? y(0) : nullptr;
    s_.last_h = writes(1) ? y(1) : nullptr;
    s_.last_c = writes(2) ? y(2) : nullptr;
    s_.start = 0;
    if (again_) use_states(passing_h_, passing_h_in_, passing_c_, -1);
    else use_states(h_, h_in_, c_, gates_);
    const Kernels& kernel = kernels();
    if (must_pack())
      over(s_.padded / kPanel, depth() * s_.units, [&](int64_t first, int64_t last) {
        kernel.lstm_pack(x(kKernel), x(kRecurrent), x(kBias), s_.features, s_.units, first, last, space(weights_),
                         space(bias_));
      });
    first_states_h_.data = space(first_h_);
    first_states_c_.data = space(first_c_);
    const int64_t blocks = s_.blocks.count;
    if (!by_units()) {
      over_blocks(s_.time, [&](int64_t first, int64_t last) {
        kernel.lstm_start(s_, first, last);
        for (int64_t t = 0; t < s_.time; t += s_.kept) {
          if (again_) keep_first_states(t, first, last);
          kernel.lstm_forward(s_, {t, std::min(t + s_.kept, s_.time), first, last, 0, s_.padded});
        }
      });
    } else {
      kernel.lstm_start(s_, 0, blocks);
      for (int64_t t = 0; t < s_.time; t += s_.kept) {
        if (again_) keep_first_states(t, 0, blocks);
        forward_by_units(t, std::min(t + s_.kept, s_.time));
      }
    }
  }

  void backward() override {
    s_.d_sequence = dy(0);
    s_.d_last_h = dy(1);
    s_.d_last_c = dy(2);
    s_.dh.data = space(dh_);
    s_.dc.data = space(dc_);
    s_.recurrent_t = space(recurrent_t_);
    pack_transposed(x(kRecurrent), s_.units, space(recurrent_t_));
    if (wants(kX)) pack_transposed(x(kKernel), s_.features, space(kernel_t_));
    s_.d_recurrent_mask = dx(kRecurrentMask);
    if (wants(kRecurrentMask) && !accumulate(kRecurrentMask))
      std::memset(dx(kRecurrentMask), 0, static_cast<size_t>(batch_ * s_.units) * sizeof(float));
    kernels().lstm_start_backward(s_, 0, s_.blocks.count);
    if (again_) {
      // What others have written where the outputs were must stay.
      s_.sequence = s_.last_h = s_.last_c = nullptr;
      use_states(h_, h_in_, c_, gates_);
    }
    for (int64_t last = s_.time; last > 0; last = s_.start) {
      s_.start = (last - 1) / s_.kept * s_.kept;
      back_through(s_.start, last);
      weight_gradients(s_.start, last);
      if (wants(kX)) input_gradient(s_.start, last);
    }
    if (wants(kInitialH)) state_gradient(kInitialH, s_.dh);
    if (wants(kInitialC)) state_gradient(kInitialC, s_.dc);
  }

  bool differentiable(int input) const override { return input != kMask; }

 private:
  static constexpr int64_t kFlowUnits = 64;  // columns that a product of any vector width takes whole

  int64_t depth() const { return s_.features + s_.units; }

  // Weight gradients are sums over segments of steps, the last one first, so that they are the same whether a segment
  // is made again or was kept. With the square root of all steps in a segment there are as many segments as steps in
  // one. It is not so short that products would be over fewer than kLeastRows rows.
  int64_t steps_of_a_segment() const {
    constexpr int64_t kLeastRows = 256;
    const int64_t rows = std::max<int64_t>(1, batch_ / s_.blocks.count);
    const auto root = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(s_.time))));
    return std::max<int64_t>(1, std::min(s_.time, std::max(root, (kLeastRows + rows - 1) / rows)));
  }

  // Where states and gates are now; without gates there are two states of each, by turns.
  void use_states(int h, int h_in, int c, int gates) {
    const int64_t steps = gates < 0 ? 2 : s_.kept + 1;
    s_.h = {space(h), steps, s_.padded};
    s_.h_in = {given(kRecurrentMask) ? space(h_in) : space(h), steps, s_.padded};
    s_.c = {space(c), steps, s_.padded};
    s_.gates = space(gates);
  }

  // f(in the segments, in what is kept now, floats) for the states before step t, of some blocks.
  template <class F>
  void at_first_states(int64_t t, int64_t slot, int64_t block_first, int64_t block_last, F f) {
    for (int64_t block = block_first; block < block_last; block++) {
      const int64_t n = s_.blocks.rows(block) * s_.padded;
      f(first_states_h_.at(s_.blocks, block, t / segment_), s_.h.at(s_.blocks, block, slot), n);
      f(first_states_c_.at(s_.blocks, block, t / segment_), s_.c.at(s_.blocks, block, slot), n);
    }
  }

  void keep_first_states(int64_t t, int64_t block_first, int64_t block_last) {
    at_first_states(t, t & 1, block_first, block_last, [](float* segment, const float* now, int64_t n) {
      std::memcpy(segment, now, static_cast<size_t>(n) * sizeof(float));
    });
  }

  void restore_first_states(int64_t t, int64_t block_first, int64_t block_last) {
    at_first_states(t, 0, block_first, block_last, [](const float* segment, float* now, int64_t n) {
      std::memcpy(now, segment, static_cast<size_t>(n) * sizeof(float));
    });
    if (!s_.recurrent_mask) return;
    for (int64_t block = block_first; block < block_last; block++)
      for (int64_t row = 0; row < s_.blocks.rows(block); row++) {
        const float* h = s_.h.at(s_.blocks, block, 0) + row * s_.padded;
        const float* factor = s_.recurrent_mask + (s_.blocks.first(block) + row) * s_.units;
        float* to = s_.h_in.at(s_.blocks, block, 0) + row * s_.padded;
        for (int64_t u = 0; u < s_.units; u++) to[u] = h[u] * factor[u];
      }
  }

  void forward_by_units(int64_t step_first, int64_t step_last) {
    for (int64_t t = step_first; t < step_last; t++)
      over_units(kPanel, [&](int64_t first, int64_t last) {
        kernels().lstm_forward(s_, {t, t + 1, 0, s_.blocks.count, first, last});
      });
  }

  // Makes the gates of these steps again where they were not kept, then turns them into dz.
  void back_through(int64_t step_first, int64_t step_last) {
    const Kernels& kernel = kernels();
    if (!by_units()) {
      over_blocks(step_last - step_first, [&](int64_t first, int64_t last) {
        if (again_) {
          restore_first_states(step_first, first, last);
          kernel.lstm_forward(s_, {step_first, step_last, first, last, 0, s_.padded});
        }
        for (int64_t t = step_last - 1; t >= step_first; t--) {
          const Part part{t, t + 1, first, last, 0, s_.padded};
          kernel.lstm_slopes(s_, part);
          kernel.lstm_flow(s_, part);
        }
      });
    } else {
      const int64_t blocks = s_.blocks.count;
      if (again_) {
        restore_first_states(step_first, 0, blocks);
        forward_by_units(step_first, step_last);
      }
      for (int64_t t = step_last - 1; t >= step_first; t--) {
        over_units(kPanel,
                   [&](int64_t first, int64_t last) { kernel.lstm_slopes(s_, {t, t + 1, 0, blocks, first, last}); });
        over_units(kFlowUnits,
                   [&](int64_t first, int64_t last) { kernel.lstm_flow(s_, {t, t + 1, 0, blocks, first, last}); });
      }
    }
  }

  // Runs f(first, last) over [0, n), in one piece a thread where `work` is large.
  template <class F>
  static void over(int64_t n, int64_t work, F f) {
    const int64_t pieces = work < 1 << 14 ? 1 : std::min<int64_t>(num_threads(), n);
    parallel_for(pieces, [&](int64_t i) { f(n * i / pieces, n * (i + 1) / pieces); });
  }

  // Blocks of rows over threads, for so many steps: no row reads another.
  template <class F>
  void over_blocks(int64_t steps, F f) {
    over(s_.blocks.count, batch_ * steps * depth() * s_.units / 8, f);
  }

  // Units over threads, in multiples of `multiple`.
  template <class F>
  void over_units(int64_t multiple, F f) {
    const int64_t n = (s_.padded + multiple - 1) / multiple, pieces = std::min<int64_t>(num_threads(), n);
    parallel_for(
        pieces, [&](int64_t i) { f(n * i / pieces * multiple, std::min(n * (i + 1) / pieces * multiple, s_.padded)); });
  }

  // Units are divided over the threads, who then wait for each other after each step, where the batch has too few rows
  // to divide, or where the weights are so many that reading them once a thread costs more than the waiting.
  bool by_units() const {
    const int64_t threads = num_threads();
    if (threads == 1 || s_.padded < 2 * kFlowUnits) return false;
    const int64_t weights = depth() * 4 * s_.padded;
    return s_.blocks.count < threads ? weights >= 1 << 16 : weights >= 1 << 20;
  }

  // Packs the transpose of `count` rows of weights for a product dz (4 padded) by it: row (panel, gate, unit) of the
  // packed matrix is a column of the weights, or 0 beyond the last unit.
  void pack_transposed(const float* weights, int64_t count, float* packed) {
    const Kernels& kernel = kernels();
    const int64_t k = 4 * s_.padded, panels = kernel.pack_panels(count);
    over(s_.padded / kPanel, count * s_.units, [&](int64_t first, int64_t last) {
      for (int64_t p = first; p < last; p++)
        for (int64_t gate = 0; gate < 4; gate++) {
          const int64_t at = p * kLstmPanel + gate * kPanel, unit = p * kPanel,
                        valid = std::min(kPanel, s_.units - unit);
          kernel.pack_b(weights + gate * s_.units + unit, 1, 4 * s_.units, at, at + valid, k, count, 0, panels, packed);
          static const float zero = 0.0f;
          if (valid < kPanel) kernel.pack_b(&zero, 0, 0, at + valid, at + kPanel, k, count, 0, panels, packed);
        }
    });
  }

  // The gates hold dz now: d(weights) = [x, h]^T dz over all rows of these steps, and the sums of dz for the bias.
  // Threads own panels of columns, and where these are few, rows of [W; R]. So many columns go through all segments and
  // blocks at once that their gradient stays in the second-level cache.
  void weight_gradients(int64_t step_first, int64_t step_last) {
    constexpr int64_t kColumnsAtOnce = 256;
    const int64_t panels = kernels().pack_panels(4 * s_.padded), threads = num_threads();
    const int64_t at_once = kColumnsAtOnce / (4 * kernels().width);
    const bool alone = batch_ * (step_last - step_first) * depth() * s_.units < 1 << 15;
    const int64_t wanted = alone ? 1 : 2 * threads, across = std::min(panels, wanted);
    const int64_t down = std::min((depth() + 11) / 12, std::max<int64_t>(1, wanted / across));
    parallel_for(across * down, [&](int64_t i) {
      const int64_t p = i / down, r = i % down, panel_last = panels * (p + 1) / across;
      for (int64_t panel = panels * p / across; panel < panel_last; panel += at_once)
        for (int64_t last = step_last, first; last > step_first; last = first) {
          first = (last - 1) / segment_ * segment_;
          for (int64_t block = 0; block < s_.blocks.count; block++)
            weight_gradients({first, last, block, block + 1, 0, 0}, depth() * r / down, depth() * (r + 1) / down, panel,
                             std::min(panel + at_once, panel_last));
        }
    });
  }

  // Those of one segment and block.
  void weight_gradients(const Part& part, int64_t row_first, int64_t row_last, int64_t panel_first,
                        int64_t panel_last) {
    const Kernels& kernel = kernels();
    const int64_t columns = 4 * kernel.width, features = s_.features, block = part.block_first;
    const int64_t first = s_.blocks.first(block), rows = s_.blocks.rows(block), kept = part.step_first - s_.start;
    const bool begun = part.step_last < s_.time || block > 0;
    Gemm g{};
    g.n = 4 * s_.padded;
    g.k = (part.step_last - part.step_first) * rows;
    g.a_row = 1;
    g.b = s_.gates + (first * s_.kept + kept * rows) * columns;
    g.b_depth = s_.kept * batch_;
    g.gate_units = s_.units;
    g.c_row = 4 * s_.units;
    if (wants(kKernel) && row_first < features) {
      Gemm x = g;
      x.a = s_.x + (first * s_.time + place(part.step_first)) * features;
      x.a_col = s_.time * features;
      x.a_group = rows;
      x.a_group_step = s_.go_backwards ? -features : features;
      x.c = dx(kKernel);
      x.accumulate = begun || accumulate(kKernel);
      kernel.gemm(x, row_first, std::min(row_last, features), panel_first, panel_last);
    }
    if (wants(kRecurrent) && row_last > features) {
      g.a = s_.h_in.at(s_.blocks, block, kept);
      g.a_col = s_.padded;
      g.c = dx(kRecurrent);
      g.accumulate = begun || accumulate(kRecurrent);
      kernel.gemm(g, std::max(row_first, features) - features, row_last - features, panel_first, panel_last);
    }
    if (!wants(kBias) || row_first > 0) return;
    for (int64_t column = panel_first * columns; column < panel_last * columns; column += kPanel) {
      const int64_t unit = column / kLstmPanel * kPanel, gate = column % kLstmPanel / kPanel;
      kernel.column_sums(g.b + column / columns * g.b_depth * columns + column % columns, g.k, columns,
                         std::min(kPanel, s_.units - unit), dx(kBias) + gate * s_.units + unit,
                         begun || accumulate(kBias));
    }
  }

  void input_gradient(int64_t step_first, int64_t step_last) {
    const Kernels& kernel = kernels();
    const int64_t panels = kernel.pack_panels(s_.features), columns = 4 * kernel.width, steps = step_last - step_first;
    over(s_.blocks.count * steps, batch_ * steps * s_.features, [&](int64_t first, int64_t last) {
      Gemm g{};
      g.n = s_.features;
      g.k = 4 * s_.padded;
      g.a_row = columns;
      g.a_col = 1;
      g.a_group = columns;
      g.a_group_step = s_.kept * batch_ * columns;
      g.b = space(kernel_t_);
      g.c_row = s_.time * s_.features;
      g.accumulate = accumulate(kX);
      for (int64_t i = first; i < last; i++) {
        const int64_t block = i / steps, t = step_first + i % steps;
        const int64_t row = s_.blocks.first(block), rows = s_.blocks.rows(block);
        g.a = s_.gates + (row * s_.kept + (t - s_.start) * rows) * columns;
        g.c = dx(kX) + (row * s_.time + place(t)) * s_.features;
        kernel.gemm(g, 0, rows, 0, panels);
      }
    });
  }

  // Step t of the layer is this step of the input.
  int64_t place(int64_t t) const { return s_.go_backwards ? s_.time - 1 - t : t; }

  // The gradient of an initial state, (batch, units): what has flowed to the beginning.
  void state_gradient(Input input, const States& d) {
    for (int64_t block = 0; block < s_.blocks.count; block++)
      for (int64_t row = 0; row < s_.blocks.rows(block); row++)
        for (int64_t u = 0; u < s_.units; u++) {
          float total = 0.0f;
          for (int64_t step = 0; step < d.steps; step++) total += d.at(s_.blocks, block, step)[row * s_.padded + u];
          float* to = dx(input) + (s_.blocks.first(block) + row) * s_.units + u;
          *to = accumulate(input) ? *to + total : total;
        }
  }

  int64_t batch_ = 0, segment_ = 1;
  bool again_ = false;  // gates are not kept but made again, a segment at a time
  Lstm s_{};
  States first_states_h_{}, first_states_c_{};  // before the first step of each segment
  int weights_ = -1, bias_ = -1, h_ = -1, c_ = -1, h_in_ = -1, passing_h_ = -1, passing_c_ = -1, passing_h_in_ = -1,
      first_h_ = -1, first_c_ = -1, gates_ = -1, recurrent_t_ = -1, kernel_t_ = -1, dh_ = -1, dc_ = -1;
};

}  // namespace

void add_lstm(OpTable& ops) { ops["lstm"] = make_op<LstmOp>; }

}  // namespace recurra
