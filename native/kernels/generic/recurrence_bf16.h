// What the GRU and the simple RNN with products of tiles share: where a step lives, its product with R, and how a step
// ends.
#pragma once

namespace recurra::RECURRA_ISA {

// Step t of the layer is this step of the arrays.
static inline int64_t place(const RecurrenceTiles& s, int64_t t) { return s.go_backwards ? s.time - 1 - t : t; }

static inline bool masked(const RecurrenceTiles& s, int64_t row, int64_t step) {
  return s.mask && s.mask[row * s.time + step] == 0.0f;
}

// A product over rows of the batch: C (+)= A B, A and C with `stride` floats from row to row.
static inline void row_product(const RecurrenceTiles& s, int64_t first, int64_t last, const float* a, int64_t a_stride,
                               int64_t k, const uint16_t* packed, int64_t n, const float* bias, float* c,
                               int64_t c_stride, bool accumulate) {
  tile_row_product(s.parts, first, last, a, a_stride, k, packed, n, bias, c, c_stride, accumulate,
                   s.tiles + first / kTileHeight * s.tiles_step);
}

static inline float* before_at(const RecurrenceTiles& s, int64_t row, int64_t step) {
  return s.before + (s.training ? row * s.time + step : row) * s.units;
}

static inline float* inner_at(const RecurrenceTiles& s, int64_t row, int64_t step) {
  return s.inner + (s.training ? row * s.time + step : row) * s.units;
}

static inline void start_rows(const RecurrenceTiles& s, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; row++) {
    float* h = s.h + row * s.units;
    const size_t bytes = static_cast<size_t>(s.units) * sizeof(float);
    if (s.initial_h) memcpy(h, s.initial_h + row * s.units, bytes);
    else memset(h, 0, bytes);
  }
}

// h as the products read it, for all rows: under the recurrent mask.
static inline void lay_before(const RecurrenceTiles& s, int64_t first, int64_t last, int64_t step) {
  for (int64_t row = first; row < last; row++) {
    const float* h = s.h + row * s.units;
    float* to = before_at(s, row, step);
    map(s.units, [&](int64_t u, int64_t m) {
      vf v = load_at(h, u, m);
      if (s.recurrent_mask) v *= load_at(s.recurrent_mask + row * s.units, u, m);
      store_at(to, u, v, m);
    });
  }
}

// The stride between rows of `before` and `inner`.
static inline int64_t kept_stride(const RecurrenceTiles& s) { return s.training ? s.time * s.units : s.units; }

// Output and state of one row after step t; `h` holds the new state already unless the step is masked.
static inline void finish_row(const RecurrenceTiles& s, int64_t t, int64_t row, bool counts) {
  const size_t bytes = static_cast<size_t>(s.units) * sizeof(float);
  const float* h = s.h + row * s.units;
  float* y = s.sequence + (row * s.time + t) * s.units;
  if (!counts && s.zero_output_for_mask) memset(y, 0, bytes);
  else memcpy(y, h, bytes);
  if (t == s.time - 1) memcpy(s.last_h + row * s.units, h, bytes);
}

static inline void start_backward(const RecurrenceTiles& s, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; row++) {
    const size_t bytes = static_cast<size_t>(s.units) * sizeof(float);
    if (s.d_last_h) memcpy(s.dh + row * s.units, s.d_last_h + row * s.units, bytes);
    else memset(s.dh + row * s.units, 0, bytes);
  }
}

// Adds the gradient of the output of step t to dh, where that output was a state.
static inline void add_output_gradient(const RecurrenceTiles& s, int64_t t, int64_t row, bool counts) {
  if (!s.d_sequence || (!counts && s.zero_output_for_mask)) return;
  const float* dy = s.d_sequence + (row * s.time + t) * s.units;
  float* dh = s.dh + row * s.units;
  map(s.units, [&](int64_t u, int64_t m) { store_at(dh, u, load_at(dh, u, m) + load_at(dy, u, m), m); });
}

// Takes the gradient of `before` (in `flow`) back to the state: through the recurrent mask, added to dh.
static inline void through_mask(const RecurrenceTiles& s, int64_t step, int64_t row, const float* flow) {
  float* dh = s.dh + row * s.units;
  map(s.units, [&](int64_t u, int64_t m) {
    vf d = load_at(flow, u, m);
    if (s.recurrent_mask) {
      if (s.d_recurrent_mask) {
        float* to = s.d_recurrent_mask + row * s.units;
        const vf h = load_at(s.states + (row * s.time + step) * s.units, u, m);
        store_at(to, u, fma(d, h, load_at(to, u, m)), m);
      }
      d *= load_at(s.recurrent_mask + row * s.units, u, m);
    }
    store_at(dh, u, load_at(dh, u, m) + d, m);
  });
}

}  // namespace recurra::RECURRA_ISA
