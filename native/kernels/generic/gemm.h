// Matrix product. B lies in panels of up to four vectors of columns; a register tile of rows x vectors holds C while k
// runs. Rows are cut into tiles of nearly equal height, since a tile of one row costs almost as much as a full one.
//
// k is cut into blocks, so that a block of a panel stays in the first-level cache while all rows pass by it. The order
// of the sums stays that of k: a tile goes on from what it has stored.
#pragma once
#include <type_traits>

namespace recurra::RECURRA_ISA {

constexpr int64_t kVectors = 4;  // vectors of a panel
constexpr int64_t kColumns = kVectors * W;
constexpr int64_t kDepth = 128;        // k of a block: 128 rows of a panel are 16 KiB with vectors of 8
constexpr int64_t kCopiedRows = 256;   // rows of a transposed A that are copied together,
constexpr int64_t kCopiedStride = kCopiedRows + 16;  // (not a power of two, which would put them all in few cache sets)
constexpr int64_t kGroupColumns = 256;  // for so many columns of C, which stay in the second-level cache meanwhile

// Rows of a tile: as many as the registers hold beside the vectors of B.
template <int V>
constexpr int kTileRows = RECURRA_ROWS * kVectors / V < 12 ? RECURRA_ROWS * kVectors / V : 12;

static inline int64_t panel_vectors(int64_t n, int64_t panel) {
  const int64_t left = n - panel * kColumns;
  return left >= kColumns ? kVectors : (left + W - 1) / W;
}
static int64_t pack_panels(int64_t n) { return (n + kColumns - 1) / kColumns; }
static int64_t packed_size(int64_t k, int64_t n) { return (n + W - 1) / W * W * k; }

static void pack_b(const float* b, int64_t b_row, int64_t b_col, int64_t k_first, int64_t k_last, int64_t k_total,
                   int64_t n, int64_t panel_first, int64_t panel_last, float* packed) {
  const int64_t k = k_last - k_first;
  for (int64_t p = panel_first; p < panel_last; p++) {
    const int64_t columns = panel_vectors(n, p) * W, start = p * kColumns;
    const int64_t width = n - start < columns ? n - start : columns;
    float* out = packed + start * k_total + k_first * columns;
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

// acc[r][v] += a[r, i] * b[i, v] for i = 0, 1, ... k - 1, in this order.
template <int R, int V>
RECURRA_INLINE void multiply(vf (&acc)[R][V], const float* a, int64_t a_row, int64_t a_col, const float* b,
                             int64_t b_row, int64_t k) {
#pragma GCC unroll 2
  for (int64_t i = 0; i < k; i++, b += b_row, a += a_col) {
    vf av[R];
    for (int r = 0; r < R; r++) av[r] = set1(a[r * a_row]);
    for (int v = 0; v < V; v++) {
      const vf bv = load(b + v * W);
      for (int r = 0; r < R; r++) acc[r][v] = fma(av[r], bv, acc[r][v]);
    }
  }
}

// Calls f with the compile-time constant that `n` is, from 1 to Most.
template <int Most, class F>
RECURRA_INLINE void with_constant(int64_t n, F f) {
  if (n == Most) f(std::integral_constant<int, Most>{});
  else if constexpr (Most > 1) with_constant<Most - 1>(n, f);
}

// Cuts [first, last) into tiles of at most R rows and nearly equal height: f(constant rows, first row).
template <int R, class F>
RECURRA_INLINE void over_tiles(int64_t first, int64_t last, F f) {
  const int64_t rows = last - first;
  if (rows <= 0) return;
  const int64_t tiles = (rows + R - 1) / R, low = rows / tiles, high_tiles = rows % tiles;
  int64_t row = first;
  for (int64_t i = 0; i < tiles; i++) {
    const int64_t height = low + (i < high_tiles);
    with_constant<R>(height, [&](auto constant) { f(constant, row); });
    row += height;
  }
}

// Where vector v of the columns from `column` goes in a row of C, and how many of its lanes.
struct Place {
  int64_t offset, lanes;
};

static inline Place place_of(const Gemm& g, int64_t column) {
  if (!g.gates) return {column, g.n - column < W ? g.n - column : W};
  const int64_t panel = g.gates * kPanel;
  const int64_t unit = column / panel * kPanel + column % kPanel, gate = column % panel / kPanel;
  const int64_t left = g.gate_units - unit;
  return {gate * g.gate_units + unit, left < W ? (left > 0 ? left : 0) : W};
}

// One tile of C: rows from `row`, the columns of vector `column / W` on. `a` is A at (row, k0), `b` the panel at k0.
template <int R, int V>
static inline void gemm_tile(const Gemm& g, const float* a, int64_t a_row, int64_t a_col, int64_t row, int64_t column,
                             const float* b, int64_t b_row, int64_t k0, int64_t k1, bool grouped) {
  Place place[V];
  bool whole = true;
  for (int v = 0; v < V; v++) {
    place[v] = place_of(g, column + v * W);
    whole &= place[v].lanes == W;
  }
  float* c = g.c + row * g.c_row;
  const bool from_c = g.accumulate || k0 > 0;
  const float* start = from_c ? c : g.bias;
  const int64_t start_row = from_c ? g.c_row : 0;
  vf acc[R][V];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) {
      if (!start) acc[r][v] = vf{};
      else if (whole) acc[r][v] = load(start + r * start_row + place[v].offset);
      else acc[r][v] = load_n(start + r * start_row + place[v].offset, place[v].lanes);
    }
  if (!grouped) {
    multiply<R, V>(acc, a, a_row, a_col, b, b_row, k1 - k0);
  } else {
    for (int64_t k = k0; k < k1;) {
      const int64_t inside = k % g.a_group, n = g.a_group - inside < k1 - k ? g.a_group - inside : k1 - k;
      multiply<R, V>(acc, a + k / g.a_group * g.a_group_step + inside * a_col, a_row, a_col, b, b_row, n);
      b += n * b_row;
      k += n;
    }
  }
  if (whole) {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) store(c + r * g.c_row + place[v].offset, acc[r][v]);
  } else {
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++)
        if (place[v].lanes > 0) store_n(c + r * g.c_row + place[v].offset, acc[r][v], place[v].lanes);
  }
}

// One block of k of one panel, for rows [first, last). `a` is A at (first, k0), or at (first, 0) where k is grouped.
template <int V>
static void gemm_panel(const Gemm& g, const float* a, int64_t a_row, int64_t a_col, int64_t first, int64_t last,
                       int64_t panel, int64_t k0, int64_t k1, bool grouped) {
  const int64_t column = panel * kColumns, b_row = g.whole_panels ? kColumns : V * W;
  const float* b = g.b + column * (g.b_depth ? g.b_depth : g.k) + k0 * b_row;
  over_tiles<kTileRows<V>>(first, last, [&](auto rows, int64_t row) {
    gemm_tile<rows.value, V>(g, a + (row - first) * a_row, a_row, a_col, row, column, b, b_row, k0, k1, grouped);
  });
}

static void gemm_block(const Gemm& g, const float* a, int64_t a_row, int64_t a_col, int64_t first, int64_t last,
                       int64_t panel, int64_t k0, int64_t k1, bool grouped) {
  switch (panel_vectors(g.n, panel)) {
    case 4: gemm_panel<4>(g, a, a_row, a_col, first, last, panel, k0, k1, grouped); break;
    case 3: gemm_panel<3>(g, a, a_row, a_col, first, last, panel, k0, k1, grouped); break;
    case 2: gemm_panel<2>(g, a, a_row, a_col, first, last, panel, k0, k1, grouped); break;
    default: gemm_panel<1>(g, a, a_row, a_col, first, last, panel, k0, k1, grouped); break;
  }
}

// Copies rows [first, last) of a transposed A, for k in [k0, k1): copy[k - k0][row - first].
static void copy_transposed(const Gemm& g, int64_t first, int64_t last, int64_t k0, int64_t k1, float* copy) {
  for (int64_t k = k0; k < k1; k++, copy += kCopiedStride) {
    const int64_t at = g.a_group ? k / g.a_group * g.a_group_step + k % g.a_group * g.a_col : k * g.a_col;
    memcpy(copy, g.a + first + at, static_cast<size_t>(last - first) * sizeof(float));
  }
}

static void gemm(const Gemm& g, int64_t row_first, int64_t row_last, int64_t panel_first, int64_t panel_last) {
  const bool transposed = g.a_row == 1 && g.a_col != 1 && g.n > 2 * W, grouped = g.a_group != 0;
  auto blocks = [&](auto f) {
    int64_t k0 = 0;
    do {
      const int64_t k1 = k0 + kDepth < g.k ? k0 + kDepth : g.k;
      f(k0, k1);
      k0 = k1;
    } while (k0 < g.k);
  };
  if (!transposed) {
    for (int64_t p = panel_first; p < panel_last; p++)
      blocks([&](int64_t k0, int64_t k1) {
        const float* a = g.a + row_first * g.a_row + (grouped ? 0 : k0 * g.a_col);
        gemm_block(g, a, g.a_row, g.a_col, row_first, row_last, p, k0, k1, grouped);
      });
    return;
  }
  // The floats of one k of A lie together and far from the next: copied, they share no cache set.
  alignas(64) float copy[kDepth * kCopiedStride];
  constexpr int64_t kGroup = kGroupColumns / kColumns;
  for (int64_t first = row_first; first < row_last; first += kCopiedRows) {
    const int64_t last = first + kCopiedRows < row_last ? first + kCopiedRows : row_last;
    for (int64_t group = panel_first; group < panel_last; group += kGroup) {
      const int64_t group_last = group + kGroup < panel_last ? group + kGroup : panel_last;
      blocks([&](int64_t k0, int64_t k1) {
        copy_transposed(g, first, last, k0, k1, copy);
        for (int64_t p = group; p < group_last; p++)
          gemm_block(g, copy, 1, kCopiedStride, first, last, p, k0, k1, false);
      });
    }
  }
}

}  // namespace recurra::RECURRA_ISA
