// Tiles of a matrix unit: eight registers of 16 rows of 64 bytes, and C += A B of bfloat16 numbers on three of them.
//
// In hardware (AMX), or in software with the same arithmetic: per element of C, the products of the even and of the odd
// numbers of k are each summed up from 0 with fused multiply-adds in order of k, the two sums are added, and their sum
// is added to C. Numbers too small for normal ones count as 0; the software relies on FlushToZero for that.
#pragma once

namespace recurra::RECURRA_ISA {

#define RECURRA_TILES_HARDWARE 1
#define RECURRA_TILES_SOFTWARE 2

#if RECURRA_TILES == RECURRA_TILES_HARDWARE

// Eight tiles of 16 rows of 64 bytes, as the processor wants to be told.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);
static constexpr TileConfig kTileConfig{};

// The tile registers of this thread, from here to the end of the scope.
struct Tiles {
  Tiles() { _tile_loadconfig(&kTileConfig); }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

// The intrinsics want the number of a register as a literal. They do not tell the compiler that they read memory.
template <int T>
static inline void tile_zero(Tiles&) {
  static_assert(T >= 0 && T < 4);
  if constexpr (T == 0) _tile_zero(0);
  else if constexpr (T == 1) _tile_zero(1);
  else if constexpr (T == 2) _tile_zero(2);
  else _tile_zero(3);
}

template <int T>
static inline void tile_load(Tiles&, const uint16_t* from) {
  static_assert(T >= 4 && T < 8);
  asm volatile("" ::: "memory");
  if constexpr (T == 4) _tile_loadd(4, from, 64);
  else if constexpr (T == 5) _tile_loadd(5, from, 64);
  else if constexpr (T == 6) _tile_loadd(6, from, 64);
  else _tile_loadd(7, from, 64);
}

template <int T>
static inline void tile_store(Tiles&, float* to) {
  static_assert(T >= 0 && T < 4);
  if constexpr (T == 0) _tile_stored(0, to, 64);
  else if constexpr (T == 1) _tile_stored(1, to, 64);
  else if constexpr (T == 2) _tile_stored(2, to, 64);
  else _tile_stored(3, to, 64);
  asm volatile("" ::: "memory");
}

template <int C, int A, int B>
static inline void tile_dp_bf16(Tiles&) {
  static_assert(C >= 0 && C < 4 && A >= 4 && A < 6 && B >= 6 && B < 8);
  if constexpr (C == 0 && A == 4 && B == 6) _tile_dpbf16ps(0, 4, 6);
  else if constexpr (C == 0 && A == 4) _tile_dpbf16ps(0, 4, 7);
  else if constexpr (C == 0 && B == 6) _tile_dpbf16ps(0, 5, 6);
  else if constexpr (C == 0) _tile_dpbf16ps(0, 5, 7);
  else if constexpr (C == 1 && A == 4 && B == 6) _tile_dpbf16ps(1, 4, 6);
  else if constexpr (C == 1 && A == 4) _tile_dpbf16ps(1, 4, 7);
  else if constexpr (C == 1 && B == 6) _tile_dpbf16ps(1, 5, 6);
  else if constexpr (C == 1) _tile_dpbf16ps(1, 5, 7);
  else if constexpr (C == 2 && A == 4 && B == 6) _tile_dpbf16ps(2, 4, 6);
  else if constexpr (C == 2 && A == 4) _tile_dpbf16ps(2, 4, 7);
  else if constexpr (C == 2 && B == 6) _tile_dpbf16ps(2, 5, 6);
  else if constexpr (C == 2) _tile_dpbf16ps(2, 5, 7);
  else if constexpr (A == 4 && B == 6) _tile_dpbf16ps(3, 4, 6);
  else if constexpr (A == 4) _tile_dpbf16ps(3, 4, 7);
  else if constexpr (B == 6) _tile_dpbf16ps(3, 5, 6);
  else _tile_dpbf16ps(3, 5, 7);
}

#else

struct Tiles {
  alignas(64) uint32_t row[8][16][16];
};

template <int T>
static inline void tile_zero(Tiles& tiles) {
  memset(tiles.row[T], 0, sizeof tiles.row[T]);
}

template <int T>
static inline void tile_load(Tiles& tiles, const uint16_t* from) {
  memcpy(tiles.row[T], from, sizeof tiles.row[T]);
}

template <int T>
static inline void tile_store(Tiles& tiles, float* to) {
  memcpy(to, tiles.row[T], sizeof tiles.row[T]);
}

template <int C, int A, int B>
static inline void tile_dp_bf16(Tiles& tiles) {
  static_assert(W == 16);
  vf even[16], odd[16];
  for (int k = 0; k < 16; k++) {
    vi pairs;
    memcpy(&pairs, tiles.row[B][k], sizeof pairs);
    even[k] = from_bits(pairs << 16);
    odd[k] = from_bits(pairs & iset1(static_cast<int32_t>(0xffff0000u)));
  }
  for (int m = 0; m < 16; m++) {
    vf sum_even{}, sum_odd{}, c;
    for (int k = 0; k < 16; k++) {
      const uint32_t pair = tiles.row[A][m][k];
      sum_even = fma(from_bits(iset1(static_cast<int32_t>(pair << 16))), even[k], sum_even);
      sum_odd = fma(from_bits(iset1(static_cast<int32_t>(pair & 0xffff0000u))), odd[k], sum_odd);
    }
    memcpy(&c, tiles.row[C][m], sizeof c);
    c += sum_even + sum_odd;
    memcpy(tiles.row[C][m], &c, sizeof c);
  }
}

#endif

}  // namespace recurra::RECURRA_ISA
