// The cell of a simple RNN: h_t = a(x_t W + h_{t-1} R + b).
#pragma once

namespace recurra::RECURRA_ISA {

namespace {

struct SimpleRnnCell {
  static void cells(const Recurrent& s, float* sums, const Cells& at) {
    const Unary a = static_cast<Unary>(s.activation);
    const HiddenState state(s, at);
    float* kept = kept_at(s, at, 0, 0);
    for (int64_t row = 0; row < at.rows; row++, sums += W) {
      const vf h = activate(a, load(sums), 1.0f);
      if (kept) store(kept + row * kColumns, h);
      state.put(s, at, row, h);
    }
  }

  static void slopes(const Recurrent& s, const Cells& at) {
    const Unary a = static_cast<Unary>(s.activation);
    const HiddenGradient gradient(s, at);
    float* gate = kept_at(s, at, 0, 0);
    for (int64_t row = 0; row < at.rows; row++) {
      const bool counts = gradient.take(s, at, row, [&](vf d) {
        put_slope(gate, row, d * slope_from_result(a, load(gate + row * kColumns)), gradient.valid);
        return vf{};
      });
      if (!counts) store(gate + row * kColumns, vf{});
    }
  }
};

}  // namespace

static void simple_rnn_forward(const Recurrent& s, const Part& part) {
  for (int64_t t = part.step_first; t < part.step_last; t++)
    step_of<Sums<1>>(s, part, t, 0, s.h_in, SimpleRnnCell::cells);
}

static void simple_rnn_slopes(const Recurrent& s, const Part& part) {
  over_cells(s, part, [&](const Cells& at) { SimpleRnnCell::slopes(s, at); });
}

}  // namespace recurra::RECURRA_ISA
