// The cell of an LSTM; equations in recurra/ops/lstm.py.
#pragma once

namespace recurra::RECURRA_ISA {

namespace {

template <bool Standard>
struct LstmCell : Activations<Standard> {
  using Base = Activations<Standard>;

  // In two passes: the second needs the results of the first, which would be waited for.
  static void cells(const Recurrent& s, float* z, const Cells& at) {
    const Unary a = Base::activation(s), r = Base::recurrent_activation(s);
    const HiddenState state(s, at);
    const float* c_before = state_at(s, s.c, at, slot_of(s, at.t));
    float* c_after = state_at(s, s.c, at, slot_of(s, at.t + 1));
    float* gates[4];
    for (int64_t gate = 0; gate < 4; gate++) gates[gate] = kept_at(s, at, 0, gate);
    float* sums = z;
    for (int64_t row = 0; row < at.rows; row++, sums += 4 * W) {
      const vf i = activate(r, load(sums), 1.0f), f = activate(r, load(sums + W), 1.0f);
      const vf g = activate(a, load(sums + 2 * W), 1.0f), o = activate(r, load(sums + 3 * W), 1.0f);
      if (keeps(s)) {
        store(gates[0] + row * kColumns, i);
        store(gates[1] + row * kColumns, f);
        store(gates[2] + row * kColumns, g);
        store(gates[3] + row * kColumns, o);
      }
      const vf before = load(c_before + row * s.padded);
      const vf c = masked(s, at.t, state.first + row) ? before : fma(f, before, i * g);
      store(c_after + row * s.padded, c);
      store(sums, c);
      store(sums + W, o);
    }
    const bool last = s.last_c && at.t == s.time - 1 && state.valid > 0;
    sums = z;
    for (int64_t row = 0; row < at.rows; row++, sums += 4 * W) {
      state.put(s, at, row, load(sums + W) * activate(a, load(sums), 1.0f));
      if (last) store_at(s.last_c + (state.first + row) * s.units, at.unit, load(sums), state.valid);
    }
  }

  static void slopes(const Recurrent& s, const Cells& at) {
    const Unary a = Base::activation(s), r = Base::recurrent_activation(s);
    const HiddenGradient gradient(s, at);
    float* gates[4];
    for (int64_t gate = 0; gate < 4; gate++) gates[gate] = kept_at(s, at, 0, gate);
    const float* c_before = state_at(s, s.c, at, slot_of(s, at.t));
    const float* c_after = state_at(s, s.c, at, slot_of(s, at.t + 1));
    float* dc_kept = state_at(s, s.dc, at, 0);
    for (int64_t row = 0; row < at.rows; row++) {
      const int64_t here = row * s.padded;
      const bool counts = gradient.take(s, at, row, [&](vf dh) {
        const vf i = load(gates[0] + row * kColumns), f = load(gates[1] + row * kColumns);
        const vf g = load(gates[2] + row * kColumns), o = load(gates[3] + row * kColumns);
        const vf ac = activate(a, load(c_after + here), 1.0f);
        const vf dc = fma(dh * o, slope_from_result(a, ac), load(dc_kept + here)), dc_before = dc * f;
        put_slope(gates[0], row, dc * g * slope_from_result(r, i), gradient.valid);
        put_slope(gates[1], row, dc * load(c_before + here) * slope_from_result(r, f), gradient.valid);
        put_slope(gates[2], row, dc * i * slope_from_result(a, g), gradient.valid);
        put_slope(gates[3], row, dh * ac * slope_from_result(r, o), gradient.valid);
        store(dc_kept + here, gradient.valid < W ? only(dc_before, gradient.valid) : dc_before);
        return vf{};
      });
      if (!counts)
        for (float* gate : gates) store(gate + row * kColumns, vf{});
    }
  }
};

}  // namespace

static void lstm_forward(const Recurrent& s, const Part& part) {
  const CellFunction cells = standard(s) ? LstmCell<true>::cells : LstmCell<false>::cells;
  for (int64_t t = part.step_first; t < part.step_last; t++) step_of<Sums<4>>(s, part, t, 0, s.h_in, cells);
}

static void lstm_slopes(const Recurrent& s, const Part& part) {
  if (standard(s)) over_cells(s, part, [&](const Cells& at) { LstmCell<true>::slopes(s, at); });
  else over_cells(s, part, [&](const Cells& at) { LstmCell<false>::slopes(s, at); });
}

}  // namespace recurra::RECURRA_ISA
