// h_t = a(x_t W + h_{t-1} R + b) over a range of batch rows, all time steps.
#pragma once

namespace recurra::RECURRA_ISA {

static void simple_rnn_tiles_forward(const RecurrenceTiles& s, int64_t first, int64_t last) {
  const Unary a = static_cast<Unary>(s.activation);
  start_rows(s, first, last);
  for (int64_t t = 0; t < s.time; t++) {
    const int64_t step = place(s, t);
    lay_before(s, first, last, step);
    row_product(s, first, last, s.training ? s.before + step * s.units : s.before, kept_stride(s), s.units, s.recurrent,
                s.units, nullptr, s.gates + step * s.units, s.time * s.units, true);
    for (int64_t row = first; row < last; row++) {
      const bool counts = !masked(s, row, step);
      float* y = s.gates + (row * s.time + step) * s.units;
      float* h = s.h + row * s.units;
      map(s.units, [&](int64_t u, int64_t m) {
        const vf v = activate(a, load_at(y, u, m), 1.0f);
        store_at(y, u, v, m);
        if (counts) store_at(h, u, v, m);
      });
      finish_row(s, t, row, counts);
    }
  }
}

static void simple_rnn_tiles_backward(const RecurrenceTiles& s, int64_t first, int64_t last) {
  const Unary a = static_cast<Unary>(s.activation);
  start_backward(s, first, last);
  for (int64_t t = s.time - 1; t >= 0; t--) {
    const int64_t step = place(s, t);
    for (int64_t row = first; row < last; row++) {
      const bool counts = !masked(s, row, step);
      add_output_gradient(s, t, row, counts);
      float* dz = s.gates + (row * s.time + step) * s.units;
      float* dh = s.dh + row * s.units;
      map(s.units, [&](int64_t u, int64_t m) {
        if (!counts) return store_at(dz, u, vf{}, m);
        store_at(dz, u, load_at(dh, u, m) * slope_from_result(a, load_at(dz, u, m)), m);
        store_at(dh, u, vf{}, m);
      });
    }
    row_product(s, first, last, s.gates + step * s.units, s.time * s.units, s.units, s.recurrent_t, s.units, nullptr,
                s.work, 3 * s.units, false);
    for (int64_t row = first; row < last; row++) through_mask(s, step, row, s.work + row * 3 * s.units);
  }
}

}  // namespace recurra::RECURRA_ISA
