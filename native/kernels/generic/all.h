// The whole generic source, in order, and the table of one instruction set.
#pragma once
// clang-format off
#include "vec.h"
#include "math.h"
#include "elementwise.h"
#include "gemm.h"
#include "lstm.h"
#if defined(RECURRA_TILES)
#include "tiles.h"
#include "bf16.h"
#include "gemm_bf16.h"
#include "lstm_bf16.h"
#endif
#include "recurrence.h"
#include "gru.h"
#include "simple_rnn.h"
#include "reduction.h"
#include "random.h"
#include "update.h"
// clang-format on

#define RECURRA_TEXT_(x) #x
#define RECURRA_TEXT(x) RECURRA_TEXT_(x)

namespace recurra::RECURRA_ISA {

const Kernels& table() {
  static const Kernels kernels = {
      RECURRA_TEXT(RECURRA_ISA),
      RECURRA_WIDTH,
      unary,
      unary_backward,
      binary,
      packed_size,
      pack_panels,
      pack_b,
      gemm,
      lstm_pack,
      lstm_start,
      lstm_forward,
      lstm_start_backward,
      lstm_slopes,
      lstm_flow,
      gru_forward,
      gru_backward,
      simple_rnn_forward,
      simple_rnn_backward,
      column_sums,
      sum,
      sum_squares,
      max,
      all_finite,
      softmax,
      softmax_backward,
      crossentropy,
      crossentropy_backward,
      dropout_mask,
      scale,
      clip,
      axpy,
      sgd,
      rmsprop,
      adam,
#if defined(RECURRA_TILES)
      tile_pack_a,
      tile_pack_b,
      tile_gemm,
      lstm_tiles_pack,
      lstm_tiles_pack_transposed,
      lstm_tiles_forward,
      lstm_tiles_backward,
#else
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
#endif
  };
  return kernels;
}

}  // namespace recurra::RECURRA_ISA
