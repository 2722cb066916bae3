#include "tiles.h"

namespace recurra {

void multiply_tiles(const TileGemm& g) {
  const Kernels& kernel = kernels();
  const int64_t tiles = tiles_of(g.m, kTileHeight), panels = tiles_of(g.n, kTileHeight);
  // Pairs of tiles and of panels are multiplied at once: pieces are cut between pairs.
  const int64_t tile_pairs = (tiles + 1) / 2, panel_pairs = (panels + 1) / 2;
  const int64_t wanted = g.m * g.n * g.depth * kTileDepth < 1 << 18 ? 1 : 2 * num_threads();
  const int64_t panel_pieces = std::min(panel_pairs, wanted);
  const int64_t tile_pieces = std::max<int64_t>(1, std::min(tile_pairs, wanted / panel_pieces));
  parallel_for(panel_pieces * tile_pieces, [&](int64_t i) {
    const int64_t p = i / tile_pieces, t = i % tile_pieces;
    auto cut = [](int64_t pairs, int64_t at, int64_t pieces, int64_t end) {
      return std::min(2 * (pairs * at / pieces), end);
    };
    kernel.tile_gemm(g, cut(tile_pairs, t, tile_pieces, tiles), cut(tile_pairs, t + 1, tile_pieces, tiles),
                     cut(panel_pairs, p, panel_pieces, panels), cut(panel_pairs, p + 1, panel_pieces, panels));
  });
}

int64_t matmul_scratch(Precision precision, int64_t m, int64_t k, int64_t n) {
  const int parts = parts_of(precision);
  return parts ? tile_scratch(parts, n, k) + tile_scratch(parts, m, k) : matmul_scratch(k, n);
}

void matmul(Precision precision, Matrix a, Matrix b, int64_t m, int64_t n, int64_t k, const float* bias, float* c,
            int64_t c_row, bool accumulate, float* packed, bool pack) {
  const int parts = parts_of(precision);
  if (!parts) return matmul(a, b, m, n, k, bias, c, c_row, accumulate, packed, pack);
  const Kernels& kernel = kernels();
  uint16_t* b_tiles = as_tiles(packed);
  uint16_t* a_tiles = as_tiles(packed + tile_scratch(parts, n, k));
  const TileSource from_a{a.data, m, k, a.row, a.column}, from_b{b.data, n, k, b.column, b.row};
  if (pack)
    over_tiles_of(tiles_of(n, kTileHeight), 8 * n * k,
                  [&](int64_t first, int64_t last) { kernel.tile_pack_b(from_b, parts, first, last, b_tiles); });
  over_tiles_of(tiles_of(m, kTileHeight), 8 * m * k,
                [&](int64_t first, int64_t last) { kernel.tile_pack_a(from_a, parts, first, last, a_tiles); });
  multiply_tiles({m, n, tiles_of(k, kTileDepth), parts, a_tiles, b_tiles, bias, c, c_row, accumulate});
}

const OpTable& tile_op_table() {
  static const OpTable table = [] {
    OpTable ops = op_table();
    add_gru_tiles(ops);
    add_lstm_tiles(ops);
    add_simple_rnn_tiles(ops);
    return ops;
  }();
  return table;
}

}  // namespace recurra
