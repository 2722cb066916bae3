// Numbers rounded to bfloat16 and laid in tiles (see kernels.h).
#pragma once

namespace recurra::RECURRA_ISA {

static_assert(W == kTileHeight, "a vector is a row of a tile of C");
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vs __attribute__((vector_size(32)));

// The nearest bfloat16, of two the even one, in the upper half of each lane. NaN stays NaN.
static inline vu round_bf16(vf x) {
  const vu b = (vu)x;
  const vu rounded = b + 0x7fffu + ((b >> 16) & 1u);
  return (x != x ? b | 0x00400000u : rounded) & 0xffff0000u;
}

// x as a sum of bfloat16 numbers: the nearest, and with two parts the nearest to what is left.
struct Parts {
  vu part[2];
};

static inline Parts split(vf x, int parts) {
  Parts p{{round_bf16(x), vu{}}};
  if (parts == 2) {
    // Of infinity nothing is left; infinity - infinity would say otherwise.
    const vf left = (p.part[0] & 0x7f800000u) == 0x7f800000u ? vf{} : x - (vf)p.part[0];
    p.part[1] = round_bf16(left);
  }
  return p;
}

// Sixteen numbers of a row of A.
static inline void put_a(vf x, int parts, uint16_t* out) {
  const Parts p = split(x, parts);
  for (int part = 0; part < parts; part++) {
    const vs halves = __builtin_convertvector(p.part[part] >> 16, vs);
    memcpy(out + part * kTile, &halves, sizeof halves);
  }
}

// Sixteen columns of a pair of rows of B, `stride` numbers between the parts.
static inline void put_b(vf even, vf odd, int parts, int64_t stride, uint16_t* out) {
  const Parts p = split(even, parts), q = split(odd, parts);
  for (int part = 0; part < parts; part++) {
    const vu pairs = (p.part[part] >> 16) | q.part[part];
    memcpy(out + part * stride, &pairs, sizeof pairs);
  }
}

static inline int64_t at_most_n(int64_t n, int64_t limit) { return n < limit ? n : limit; }

// Up to kTileDepth numbers of k, from k0 on, of up to sixteen rows or columns; zeros beyond.
static inline void gather(const TileSource& s, int64_t first, int64_t k0, float (&block)[kTileDepth][kTileHeight]) {
  const int64_t count = at_most_n(s.count - first, kTileHeight), n = at_most_n(s.k - k0, kTileDepth);
  for (int64_t i = 0; i < kTileDepth; i++) {
    const int64_t k = k0 + i;
    const int64_t at = s.k_group ? k / s.k_group * s.k_group_step + k % s.k_group * s.k_step : k * s.k_step;
    for (int64_t j = 0; j < kTileHeight; j++)
      block[i][j] = i < n && j < count ? s.data[(first + j) * s.step + at] : 0.0f;
  }
}

static void tile_pack_a(const TileSource& s, int parts, int64_t tile_first, int64_t tile_last, uint16_t* out) {
  const int64_t depth = tiles_of(s.k, kTileDepth);
  for (int64_t tile = tile_first; tile < tile_last; tile++)
    for (int64_t d = 0; d < depth; d++) {
      uint16_t* to = out + (tile * depth + d) * parts * kTile;
      const int64_t row = tile * kTileHeight, k0 = d * kTileDepth;
      if (s.k_step == 1 && !s.k_group) {
        const int64_t n = s.k - k0, second = at_most_n(n > W ? n - W : 0, W);
        for (int64_t r = 0; r < kTileHeight; r++, to += kTileDepth) {
          const float* from = row + r < s.count ? s.data + (row + r) * s.step + k0 : nullptr;
          put_a(from ? load_at(from, 0, at_most_n(n, W)) : vf{}, parts, to);
          put_a(from && second ? load_at(from, W, second) : vf{}, parts, to + W);
        }
      } else {
        float block[kTileDepth][kTileHeight];
        gather(s, row, k0, block);
        for (int64_t r = 0; r < kTileHeight; r++, to += kTileDepth) {
          float line[kTileDepth];
          for (int64_t k = 0; k < kTileDepth; k++) line[k] = block[k][r];
          put_a(load(line), parts, to);
          put_a(load(line + W), parts, to + W);
        }
      }
    }
}

static void tile_pack_b(const TileSource& s, int parts, int64_t panel_first, int64_t panel_last, uint16_t* out) {
  const int64_t depth = tiles_of(s.k, kTileDepth);
  for (int64_t panel = panel_first; panel < panel_last; panel++)
    for (int64_t d = 0; d < depth; d++) {
      uint16_t* to = out + (panel * depth + d) * parts * kTile;
      const int64_t column = panel * W, k0 = d * kTileDepth;
      if (s.step == 1 && !s.k_group) {
        const int64_t width = at_most_n(s.count - column, W);
        auto row = [&](int64_t k) { return k < s.k ? load_at(s.data + k * s.k_step, column, width) : vf{}; };
        for (int64_t k = k0; k < k0 + kTileDepth; k += 2, to += kTileDepth) put_b(row(k), row(k + 1), parts, kTile, to);
      } else {
        float block[kTileDepth][kTileHeight];
        gather(s, column, k0, block);
        for (int64_t k = 0; k < kTileDepth; k += 2, to += kTileDepth)
          put_b(load(block[k]), load(block[k + 1]), parts, kTile, to);
      }
    }
}

}  // namespace recurra::RECURRA_ISA
