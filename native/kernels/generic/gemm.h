// Matrix product over packed panels of B. A register tile of rows x vectors holds C while k runs from 0 to K.
#pragma once

namespace recurra::RECURRA_ISA {

constexpr int64_t kRows = RECURRA_ROWS;  // rows of a tile
constexpr int64_t kVectors = 4;          // vectors of a tile, so a panel is 4 W columns wide
constexpr int64_t kDepth = 384;          // k is cut into blocks of this so that a block of a panel stays in L2

// Columns of a panel: narrow for narrow matrices, such as a dense layer of one unit.
static inline int64_t panel_columns(int64_t n) { return n <= W ? W : n <= 2 * W ? 2 * W : kVectors * W; }
static int64_t pack_panels(int64_t n) { return (n + panel_columns(n) - 1) / panel_columns(n); }
static int64_t packed_size(int64_t k, int64_t n) { return pack_panels(n) * panel_columns(n) * k; }

static void pack_b(const float* b, int64_t b_row, int64_t b_col, int64_t k_first, int64_t k_last, int64_t k_total,
                   int64_t n, int64_t panel_first, int64_t panel_last, float* packed) {
  const int64_t columns = panel_columns(n), k = k_last - k_first;
  for (int64_t p = panel_first; p < panel_last; p++) {
    const int64_t start = p * columns, width = n - start < columns ? n - start : columns;
    float* out = packed + (p * k_total + k_first) * columns;
    if (b_col == 1) {
      for (int64_t i = 0; i < k; i++, out += columns) {
        memcpy(out, b + i * b_row + start, static_cast<size_t>(width) * sizeof(float));
        memset(out + width, 0, static_cast<size_t>(columns - width) * sizeof(float));
      }
    } else {
      // Transposed: in blocks of rows, so that a cache line read along them is used whole.
      constexpr int64_t kBlock = 16;
      for (int64_t i0 = 0; i0 < k; i0 += kBlock) {
        const int64_t i1 = i0 + kBlock < k ? i0 + kBlock : k;
        for (int64_t j = 0; j < columns; j++)
          for (int64_t i = i0; i < i1; i++)
            out[i * columns + j] = j < width ? b[i * b_row + (start + j) * b_col] : 0.0f;
      }
    }
  }
}

template <int R, int V>
static inline void tile(int64_t k, const float* a, int64_t a_row, int64_t a_col, const float* b, vf (&acc)[R][V]) {
  for (int64_t i = 0; i < k; i++, b += V * W, a += a_col) {
    vf bv[V];
    for (int v = 0; v < V; v++) bv[v] = load(b + v * W);
    for (int r = 0; r < R; r++) {
      vf av = set1(a[r * a_row]);
      for (int v = 0; v < V; v++) acc[r][v] = fma(av, bv[v], acc[r][v]);
    }
  }
}

template <int R, int V>
static void gemm_tile(const Gemm& g, int64_t row, int64_t panel, int64_t k0, int64_t k1) {
  const int64_t column = panel * V * W, width = g.n - column;
  float* c = g.c + row * g.c_row + column;
  auto lanes = [&](int v) { return width - v * W < W ? (width - v * W > 0 ? width - v * W : 0) : W; };
  const bool whole = width >= V * W, from_c = g.accumulate || k0 > 0;
  const float* start = from_c ? c : g.bias ? g.bias + column : nullptr;
  const int64_t start_row = from_c ? g.c_row : 0;
  vf acc[R][V];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) {
      if (!start) acc[r][v] = vf{};
      else if (whole) acc[r][v] = load(start + r * start_row + v * W);
      else acc[r][v] = load_n(start + r * start_row + v * W, lanes(v));
    }
  tile<R, V>(k1 - k0, g.a + row * g.a_row + k0 * g.a_col, g.a_row, g.a_col, g.b_packed + (panel * g.k + k0) * V * W,
             acc);
  if (whole) {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) store(c + r * g.c_row + v * W, acc[r][v]);
  } else {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) store_n(c + r * g.c_row + v * W, acc[r][v], lanes(v));
  }
}

template <int V>
static void gemm_panel(const Gemm& g, int64_t first, int64_t last, int64_t panel, int64_t k0, int64_t k1) {
  int64_t row = first;
  for (; row + kRows <= last; row += kRows) gemm_tile<kRows, V>(g, row, panel, k0, k1);
  switch (last - row) {
#if RECURRA_ROWS > 3
    case 5: gemm_tile<5, V>(g, row, panel, k0, k1); break;
    case 4: gemm_tile<4, V>(g, row, panel, k0, k1); break;
    case 3: gemm_tile<3, V>(g, row, panel, k0, k1); break;
#endif
    case 2: gemm_tile<2, V>(g, row, panel, k0, k1); break;
    case 1: gemm_tile<1, V>(g, row, panel, k0, k1); break;
    default: break;
  }
}

static void gemm(const Gemm& g, int64_t row_first, int64_t row_last, int64_t panel_first, int64_t panel_last) {
  int64_t k0 = 0;
  do {
    int64_t k1 = k0 + kDepth < g.k ? k0 + kDepth : g.k;
    for (int64_t p = panel_first; p < panel_last; p++) {
      if (g.n <= W) gemm_panel<1>(g, row_first, row_last, p, k0, k1);
      else if (g.n <= 2 * W) gemm_panel<2>(g, row_first, row_last, p, k0, k1);
      else gemm_panel<4>(g, row_first, row_last, p, k0, k1);
    }
    k0 = k1;
  } while (k0 < g.k);
}

}  // namespace recurra::RECURRA_ISA
