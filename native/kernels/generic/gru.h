// The cells of a GRU; equations in recurra/ops/gru.py. Gates z, r, n; with m the recurrent mask and h the state before
// the step:
//
//   reset after:   n = a(x W_n + b + r * p), p = (h m) R_n + b'
//   reset before:  n = a(x W_n + b + (r * h m) R_n)
//   h' = z h + (1 - z) n
//
// With the reset before, a step has two phases: the product that makes n reads r of all units.
#pragma once

namespace recurra::RECURRA_ISA {

namespace {

template <bool Standard>
struct GruCell : Activations<Standard> {  // sums: z, r, x W_n + b, p
  using Base = Activations<Standard>;

  static void cells(const Recurrent& s, float* sums, const Cells& at) {
    const Unary a = Base::activation(s), g = Base::recurrent_activation(s);
    const HiddenState state(s, at);
    float *kept_z = kept_at(s, at, 0, 0), *kept_r = kept_at(s, at, 0, 1);
    float *kept_n = kept_at(s, at, 1, 0), *kept_p = kept_at(s, at, 2, 0);
    float* sum = sums;
    for (int64_t row = 0; row < at.rows; row++, sum += 4 * W) {
      const vf z = activate(g, load(sum), 1.0f), r = activate(g, load(sum + W), 1.0f), p = load(sum + 3 * W);
      if (keeps(s)) {
        store(kept_z + row * kColumns, z);
        store(kept_r + row * kColumns, r);
        store(kept_p + row * kColumns, p);
      }
      store(sum, z);
      store(sum + 2 * W, fma(r, p, load(sum + 2 * W)));
    }
    sum = sums;
    for (int64_t row = 0; row < at.rows; row++, sum += 4 * W) {
      const vf n = activate(a, load(sum + 2 * W), 1.0f);
      if (keeps(s)) store(kept_n + row * kColumns, n);
      state.put(s, at, row, fma(load(sum), load(state.before + row * s.padded) - n, n));
    }
  }

  static void slopes(const Recurrent& s, const Cells& at) {
    const Unary a = Base::activation(s), g = Base::recurrent_activation(s);
    const HiddenGradient gradient(s, at);
    float *gate_z = kept_at(s, at, 0, 0), *gate_r = kept_at(s, at, 0, 1);
    float *gate_n = kept_at(s, at, 1, 0), *gate_p = kept_at(s, at, 2, 0);
    float* const gates[] = {gate_z, gate_r, gate_n, gate_p};
    const float* before = state_at(s, s.h, at, slot_of(s, at.t));
    for (int64_t row = 0; row < at.rows; row++) {
      const bool counts = gradient.take(s, at, row, [&](vf d) {
        const vf z = load(gate_z + row * kColumns), r = load(gate_r + row * kColumns);
        const vf n = load(gate_n + row * kColumns), p = load(gate_p + row * kColumns);
        const vf dn = d * (1.0f - z) * slope_from_result(a, n);
        put_slope(gate_z, row, d * (load(before + row * s.padded) - n) * slope_from_result(g, z), gradient.valid);
        put_slope(gate_r, row, dn * p * slope_from_result(g, r), gradient.valid);
        put_slope(gate_n, row, dn, gradient.valid);
        put_slope(gate_p, row, dn * r, gradient.valid);
        return d * z;
      });
      if (!counts)
        for (float* gate : gates) store(gate + row * kColumns, vf{});
    }
  }
};

// The first phase of the reset before: z, and what is left of the state.
template <bool Standard>
struct GruGates : Activations<Standard> {  // sums: z, r
  using Base = Activations<Standard>;

  static void cells(const Recurrent& s, float* sums, const Cells& at) {
    const Unary g = Base::recurrent_activation(s);
    const int64_t slot = slot_of(s, at.t);
    const float* h_in = state_at(s, s.h_in, at, slot);
    float *to_z = state_at(s, s.z, at, 0), *gated = state_at(s, s.gated, at, s.gated.steps == 1 ? 0 : slot);
    float *kept_z = kept_at(s, at, 0, 0), *kept_r = kept_at(s, at, 0, 1);
    for (int64_t row = 0; row < at.rows; row++, sums += 2 * W) {
      const vf z = activate(g, load(sums), 1.0f), r = activate(g, load(sums + W), 1.0f);
      if (keeps(s)) {
        store(kept_z + row * kColumns, z);
        store(kept_r + row * kColumns, r);
      }
      store(to_z + row * s.padded, z);
      store(gated + row * s.padded, r * load(h_in + row * s.padded));
    }
  }

  // The gradient of the gated state is here: that of r, and what flows on to the state by that way.
  static void slopes(const Recurrent& s, const Cells& at) {
    const Unary g = Base::recurrent_activation(s);
    const int64_t first = s.blocks.first(at.block) + at.from, valid = valid_units(s, at.unit);
    float* gate = kept_at(s, at, 0, 1);
    const float *h_in = state_at(s, s.h_in, at, slot_of(s, at.t)), *d_gated = state_at(s, s.d_gated, at, 0);
    float* flow = state_at(s, s.dh, at, 0);
    for (int64_t row = 0; row < at.rows; row++) {
      const bool counts = !masked(s, at.t, first + row);
      const vf r = load(gate + row * kColumns),
               d = counts && valid > 0 ? load_at(d_gated + row * s.padded, 0, valid) : vf{};
      put_slope(gate, row, counts ? d * load(h_in + row * s.padded) * slope_from_result(g, r) : vf{}, valid);
      store(flow + row * s.padded, d * r);
    }
  }
};

// The second phase: n and the new state.
template <bool Standard>
struct GruCandidate : Activations<Standard> {  // sum: n
  using Base = Activations<Standard>;

  static void cells(const Recurrent& s, float* sums, const Cells& at) {
    const Unary a = Base::activation(s);
    const HiddenState state(s, at);
    const float* z = state_at(s, s.z, at, 0);
    float* kept_n = kept_at(s, at, 1, 0);
    for (int64_t row = 0; row < at.rows; row++, sums += W) {
      const vf n = activate(a, load(sums), 1.0f);
      if (keeps(s)) store(kept_n + row * kColumns, n);
      state.put(s, at, row, fma(load(z + row * s.padded), load(state.before + row * s.padded) - n, n));
    }
  }

  static void slopes(const Recurrent& s, const Cells& at) {
    const Unary a = Base::activation(s), g = Base::recurrent_activation(s);
    const HiddenGradient gradient(s, at);
    float *gate_z = kept_at(s, at, 0, 0), *gate_n = kept_at(s, at, 1, 0);
    float* const gates[] = {gate_z, gate_n};
    const float* before = state_at(s, s.h, at, slot_of(s, at.t));
    for (int64_t row = 0; row < at.rows; row++) {
      const bool counts = gradient.take(s, at, row, [&](vf d) {
        const vf z = load(gate_z + row * kColumns), n = load(gate_n + row * kColumns);
        put_slope(gate_z, row, d * (load(before + row * s.padded) - n) * slope_from_result(g, z), gradient.valid);
        put_slope(gate_n, row, d * (1.0f - z) * slope_from_result(a, n), gradient.valid);
        return d * z;
      });
      if (!counts)
        for (float* gate : gates) store(gate + row * kColumns, vf{});
    }
  }
};

}  // namespace

static void gru_forward(const Recurrent& s, const Part& part) {
  const CellFunction cells = standard(s) ? GruCell<true>::cells : GruCell<false>::cells;
  for (int64_t t = part.step_first; t < part.step_last; t++) step_of<Sums<3, true>>(s, part, t, 0, s.h_in, cells);
}

static void gru_slopes(const Recurrent& s, const Part& part) {
  if (standard(s)) over_cells(s, part, [&](const Cells& at) { GruCell<true>::slopes(s, at); });
  else over_cells(s, part, [&](const Cells& at) { GruCell<false>::slopes(s, at); });
}

static void gru_reset_before_forward(const Recurrent& s, const Part& part) {
  const CellFunction gates = standard(s) ? GruGates<true>::cells : GruGates<false>::cells;
  const CellFunction candidate = standard(s) ? GruCandidate<true>::cells : GruCandidate<false>::cells;
  for (int64_t t = part.step_first; t < part.step_last; t++)
    for (int phase = part.phase_first; phase < part.phase_last; phase++) {
      if (phase == 0) step_of<Sums<2>>(s, part, t, 0, s.h_in, gates);
      else step_of<Sums<1>>(s, part, t, 1, s.gated, candidate);
    }
}

template <bool Standard>
static void gru_reset_before_slopes_of(const Recurrent& s, const Part& part) {
  over_cells(s, part, [&](const Cells& at) {
    if (part.phase_first == 0) GruCandidate<Standard>::slopes(s, at);
    else GruGates<Standard>::slopes(s, at);
  });
}

static void gru_reset_before_slopes(const Recurrent& s, const Part& part) {
  if (standard(s)) gru_reset_before_slopes_of<true>(s, part);
  else gru_reset_before_slopes_of<false>(s, part);
}

}  // namespace recurra::RECURRA_ISA
