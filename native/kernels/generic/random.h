// Philox4x32-10 (Salmon et al. 2011): random numbers as a function of (seed, step, element).
#pragma once

namespace recurra::RECURRA_ISA {

static inline void philox(uint64_t counter, uint64_t step, uint64_t seed, uint32_t (&out)[4]) {
  uint32_t x[4] = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), static_cast<uint32_t>(step),
                   static_cast<uint32_t>(step >> 32)};
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t a = 0xD2511F53ull * x[0], b = 0xCD9E8D57ull * x[2];
    uint32_t y0 = static_cast<uint32_t>(b >> 32) ^ x[1] ^ k0, y2 = static_cast<uint32_t>(a >> 32) ^ x[3] ^ k1;
    x[0] = y0;
    x[1] = static_cast<uint32_t>(b);
    x[2] = y2;
    x[3] = static_cast<uint32_t>(a);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 4; i++) out[i] = x[i];
}

static void dropout_mask(float* mask, float factor, uint32_t threshold, uint64_t seed, uint64_t step, int64_t first,
                         int64_t n) {
  for (int64_t i = 0; i < n;) {
    uint32_t words[4];
    const int64_t element = first + i;
    philox(static_cast<uint64_t>(element) / 4, step, seed, words);
    for (int64_t j = element % 4; j < 4 && i < n; j++, i++) mask[i] = (words[j] >> 8) >= threshold ? factor : 0.0f;
  }
}

}  // namespace recurra::RECURRA_ISA
