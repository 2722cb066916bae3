// The whole generic source, in order, and the table of one instruction set.
#pragma once
// clang-format off
#include "vec.h"
#include "math.h"
#include "elementwise.h"
#include "gemm.h"
#include "recurrent.h"
#include "lstm.h"
#include "gru.h"
#include "simple_rnn.h"
#if defined(RECURRA_TILES)
#include "tiles.h"
#include "bf16.h"
#include "gemm_bf16.h"
#include "lstm_bf16.h"
#include "recurrence_bf16.h"
#include "gru_bf16.h"
#include "simple_rnn_bf16.h"
#endif
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
      recurrent_pack,
      recurrent_start,
      recurrent_start_backward,
      recurrent_flow,
      {lstm_forward, lstm_slopes},
      {gru_forward, gru_slopes},
      {gru_reset_before_forward, gru_reset_before_slopes},
      {simple_rnn_forward, simple_rnn_slopes},
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
      gru_tiles_forward,
      gru_tiles_backward,
      simple_rnn_tiles_forward,
      simple_rnn_tiles_backward,
#else
      nullptr,
      nullptr,
      nullptr,
      nullptr,
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
