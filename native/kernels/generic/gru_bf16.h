// The GRU over a range of batch rows, all time steps; equations in recurra/ops/gru.py. Gates z, r, n; with m the
// recurrent mask and h the state before the step:
//
//   reset after:   n = a(x_n + r * p), p = (h m) R_n + b      kept: p
//   reset before:  n = a(x_n + (r * h m) R_n)                 kept: r * h m
//   h' = z h + (1 - z) n
#pragma once

namespace recurra::RECURRA_ISA {

static void gru_tiles_forward(const RecurrenceTiles& s, int64_t first, int64_t last) {
  const Unary a = static_cast<Unary>(s.activation), g = static_cast<Unary>(s.recurrent_activation);
  const int64_t n = s.units, width = s.reset_after ? 3 * n : 2 * n;
  start_rows(s, first, last);
  for (int64_t t = 0; t < s.time; t++) {
    const int64_t step = place(s, t);
    lay_before(s, first, last, step);
    row_product(s, first, last, s.training ? s.before + step * n : s.before, kept_stride(s), n, s.recurrent, width,
                s.recurrent_bias, s.work, 3 * n, false);
    for (int64_t row = first; row < last; row++) {
      float* gates = s.gates + (row * s.time + step) * 3 * n;
      const float *work = s.work + row * 3 * n, *before = before_at(s, row, step);
      float* inner = inner_at(s, row, step);
      map(n, [&](int64_t u, int64_t m) {
        const vf z = activate(g, load_at(gates, u, m) + load_at(work, u, m), 1.0f);
        const vf r = activate(g, load_at(gates + n, u, m) + load_at(work + n, u, m), 1.0f);
        store_at(gates, u, z, m);
        store_at(gates + n, u, r, m);
        if (!s.reset_after) return store_at(inner, u, r * load_at(before, u, m), m);
        const vf p = load_at(work + 2 * n, u, m);
        store_at(inner, u, p, m);
        store_at(gates + 2 * n, u, fma(r, p, load_at(gates + 2 * n, u, m)), m);
      });
    }
    if (!s.reset_after)
      row_product(s, first, last, s.training ? s.inner + step * n : s.inner, kept_stride(s), n, s.recurrent_h, n,
                  nullptr, s.gates + step * 3 * n + 2 * n, s.time * 3 * n, true);
    for (int64_t row = first; row < last; row++) {
      const bool counts = !masked(s, row, step);
      float *gates = s.gates + (row * s.time + step) * 3 * n, *h = s.h + row * n;
      map(n, [&](int64_t u, int64_t m) {
        const vf candidate = activate(a, load_at(gates + 2 * n, u, m), 1.0f);
        store_at(gates + 2 * n, u, candidate, m);
        if (counts) store_at(h, u, fma(load_at(gates, u, m), load_at(h, u, m) - candidate, candidate), m);
      });
      finish_row(s, t, row, counts);
    }
  }
}

static void gru_tiles_backward(const RecurrenceTiles& s, int64_t first, int64_t last) {
  const Unary a = static_cast<Unary>(s.activation), g = static_cast<Unary>(s.recurrent_activation);
  const int64_t n = s.units;
  start_backward(s, first, last);
  for (int64_t t = s.time - 1; t >= 0; t--) {
    const int64_t step = place(s, t);
    auto gates_of = [&](int64_t row) { return s.gates + (row * s.time + step) * 3 * n; };
    // dz and dn from dh; what stays in dh is its way past the gates.
    for (int64_t row = first; row < last; row++) {
      const bool counts = !masked(s, row, step);
      add_output_gradient(s, t, row, counts);
      float *gates = gates_of(row), *dh = s.dh + row * n, *work = s.work + row * 3 * n;
      const float *h = s.states + (row * s.time + step) * n, *inner = inner_at(s, row, step);
      map(n, [&](int64_t u, int64_t m) {
        if (!counts) {
          for (int64_t gate = 0; gate < 3; gate++) {
            store_at(gates + gate * n, u, vf{}, m);
            store_at(work + gate * n, u, vf{}, m);
          }
          if (s.reset_after) store_at(s.d_inner + (row * s.time + step) * n, u, vf{}, m);
          return;
        }
        const vf z = load_at(gates, u, m), r = load_at(gates + n, u, m), c = load_at(gates + 2 * n, u, m);
        const vf d = load_at(dh, u, m);
        const vf dz = d * (load_at(h, u, m) - c) * slope_from_result(g, z);
        const vf dn = d * (1.0f - z) * slope_from_result(a, c);
        store_at(gates, u, dz, m);
        store_at(gates + 2 * n, u, dn, m);
        store_at(work, u, dz, m);
        store_at(dh, u, d * z, m);
        if (!s.reset_after) return;
        const vf dr = dn * load_at(inner, u, m) * slope_from_result(g, r), dp = dn * r;
        store_at(gates + n, u, dr, m);
        store_at(work + n, u, dr, m);
        store_at(work + 2 * n, u, dp, m);
        store_at(s.d_inner + (row * s.time + step) * n, u, dp, m);
      });
    }
    float* flow = s.work + s.batch * 3 * n;  // (batch, units): the gradient of `before`
    if (!s.reset_after) {
      // The gradient of r * h, then of r, then of h by that way.
      row_product(s, first, last, s.gates + step * 3 * n + 2 * n, s.time * 3 * n, n, s.recurrent_h_t, n, nullptr, flow,
                  n, false);
      for (int64_t row = first; row < last; row++) {
        const bool counts = !masked(s, row, step);
        float *gates = gates_of(row), *work = s.work + row * 3 * n, *d = flow + row * n;
        const float* before = before_at(s, row, step);
        if (!counts) continue;
        map(n, [&](int64_t u, int64_t m) {
          const vf r = load_at(gates + n, u, m), dq = load_at(d, u, m);
          const vf dr = dq * load_at(before, u, m) * slope_from_result(g, r);
          store_at(gates + n, u, dr, m);
          store_at(work + n, u, dr, m);
          store_at(d, u, dq * r, m);
        });
      }
    }
    row_product(s, first, last, s.work, 3 * n, s.reset_after ? 3 * n : 2 * n, s.recurrent_t, n, nullptr, flow, n,
                !s.reset_after);
    for (int64_t row = first; row < last; row++) through_mask(s, step, row, flow + row * n);
  }
}

}  // namespace recurra::RECURRA_ISA
