// Products under a precision policy: those of float32 numbers, or of tiles of bfloat16 numbers.
#pragma once

#include "op.h"

namespace recurra {

// bfloat16 numbers that stand for one number; 0 where products are those of float32 numbers.
inline int parts_of(Precision precision) {
  return precision == Precision::bf16x3 ? 2 : precision == Precision::bf16 ? 1 : 0;
}

// Floats of scratch for A of m rows, or B of n columns, in tiles.
inline int64_t tile_scratch(int parts, int64_t rows, int64_t k) {
  return tiles_of(rows, kTileHeight) * tiles_of(k, kTileDepth) * parts * (kTile / 2);
}

inline uint16_t* as_tiles(float* space) { return reinterpret_cast<uint16_t*>(space); }

// Runs f(first, last) over [0, n), on all threads where `work` multiply-adds are worth it.
template <class F>
void over_tiles_of(int64_t n, int64_t work, F f) {
  const int64_t pieces = work < 1 << 18 ? 1 : std::min<int64_t>(2 * num_threads(), n);
  parallel_for(pieces, [&](int64_t i) { f(n * i / pieces, n * (i + 1) / pieces); });
}

// C = A B (+ bias, or + C) of tiles that are there.
void multiply_tiles(const TileGemm& g);

// As `matmul_scratch` and `matmul` of op.h, which they are for float32. The scratch of tiles holds B, then A.
int64_t matmul_scratch(Precision precision, int64_t m, int64_t k, int64_t n);
void matmul(Precision precision, Matrix a, Matrix b, int64_t m, int64_t n, int64_t k, const float* bias, float* c,
            int64_t c_row, bool accumulate, float* packed, bool pack = true);

// The ops for products of tiles: those of op_table, some of them in another form.
const OpTable& tile_op_table();
void add_gru_tiles(OpTable&);
void add_lstm_tiles(OpTable&);
void add_simple_rnn_tiles(OpTable&);

}  // namespace recurra
