// Matrix product of tiles: up to two by two tiles of C at a time, while k runs from the first tile to the last. With
// two parts the products are large by large, small by large, large by small, in this order for each tile of k, whatever
// the number of tiles of C; small by small is left out.
#pragma once

namespace recurra::RECURRA_ISA {

template <int M, int N, int Parts>
static inline void tile_block(const TileGemm& g, Tiles& t, int64_t tile, int64_t panel) {
  constexpr int64_t kStep = Parts * kTile;
  const int64_t line = g.depth * kStep;
  const uint16_t *a = g.a + tile * line, *b = g.b + panel * line;
  auto load_a = [&](int64_t at) {
    tile_load<4>(t, a + at);
    if constexpr (M == 2) tile_load<5>(t, a + line + at);
  };
  auto load_b = [&](int64_t at) {
    tile_load<6>(t, b + at);
    if constexpr (N == 2) tile_load<7>(t, b + line + at);
  };
  auto multiply = [&] {
    tile_dp_bf16<0, 4, 6>(t);
    if constexpr (N == 2) tile_dp_bf16<1, 4, 7>(t);
    if constexpr (M == 2) tile_dp_bf16<2, 5, 6>(t);
    if constexpr (M == 2 && N == 2) tile_dp_bf16<3, 5, 7>(t);
  };
  tile_zero<0>(t);
  tile_zero<1>(t);
  tile_zero<2>(t);
  tile_zero<3>(t);
  for (int64_t at = 0; at < line; at += kStep) {
    load_a(at);
    load_b(at);
    multiply();
    if constexpr (Parts == 2) {
      load_a(at + kTile);
      multiply();
      load_a(at);
      load_b(at + kTile);
      multiply();
    }
  }
  alignas(64) float sums[4][kTileHeight * W];
  tile_store<0>(t, sums[0]);
  if constexpr (N == 2) tile_store<1>(t, sums[1]);
  if constexpr (M == 2) tile_store<2>(t, sums[2]);
  if constexpr (M == 2 && N == 2) tile_store<3>(t, sums[3]);
  for (int64_t i = 0; i < M; i++)
    for (int64_t j = 0; j < N; j++) {
      const int64_t row = (tile + i) * kTileHeight, column = (panel + j) * W;
      const int64_t rows = at_most_n(g.m - row, kTileHeight), width = at_most_n(g.n - column, W);
      for (int64_t r = 0; r < rows; r++) {
        float* c = g.c + (row + r) * g.c_row;
        vf sum = load(sums[i * 2 + j] + r * W);
        if (g.accumulate) sum = load_at(c, column, width) + sum;
        else if (g.bias) sum = load_at(g.bias, column, width) + sum;
        store_at(c, column, sum, width);
      }
    }
}

template <int Parts>
static inline void tile_product(const TileGemm& g, Tiles& t, int64_t tile_first, int64_t tile_last, int64_t panel_first,
                                int64_t panel_last) {
  for (int64_t panel = panel_first; panel < panel_last; panel += 2)
    for (int64_t tile = tile_first; tile < tile_last; tile += 2) {
      const bool two_panels = panel + 1 < panel_last, two_tiles = tile + 1 < tile_last;
      if (two_tiles && two_panels) tile_block<2, 2, Parts>(g, t, tile, panel);
      else if (two_tiles) tile_block<2, 1, Parts>(g, t, tile, panel);
      else if (two_panels) tile_block<1, 2, Parts>(g, t, tile, panel);
      else tile_block<1, 1, Parts>(g, t, tile, panel);
    }
}

static void tile_gemm(const TileGemm& g, int64_t tile_first, int64_t tile_last, int64_t panel_first,
                      int64_t panel_last) {
  Tiles t;
  if (g.parts == 2) tile_product<2>(g, t, tile_first, tile_last, panel_first, panel_last);
  else tile_product<1>(g, t, tile_first, tile_last, panel_first, panel_last);
}

// C (+)= A B for rows [first, last) of the batch, A and C given by pointers to row 0; `tiles` is room for A.
static inline void tile_row_product(int parts, int64_t first, int64_t last, const float* a, int64_t a_stride, int64_t k,
                                    const uint16_t* packed, int64_t n, const float* bias, float* c, int64_t c_stride,
                                    bool accumulate, uint16_t* tiles) {
  const int64_t rows = last - first, count = tiles_of(rows, kTileHeight);
  tile_pack_a({a + first * a_stride, rows, k, a_stride, 1}, parts, 0, count, tiles);
  tile_gemm({rows, n, tiles_of(k, kTileDepth), parts, tiles, packed, bias, c + first * c_stride, c_stride, accumulate},
            0, count, 0, tiles_of(n, W));
}

}  // namespace recurra::RECURRA_ISA
