// What the GRU and the simple RNN with products of tiles share: inputs, buffers, products over all steps.
#pragma once

#include "../tiles.h"

namespace recurra {

class RecurrenceTilesOp : public Op {
 public:
  enum Input { kX, kKernel, kRecurrent, kBias, kInitialH, kMask, kRecurrentMask };

  RecurrenceTilesOp(const Node& node, const std::vector<TensorSpec>& values, int64_t gates);
  bool differentiable(int input) const override { return input != kMask; }
  void prepare(bool backward) override;
  void backward() override;

 protected:
  using Kernel = void (*)(const RecurrenceTiles&, int64_t, int64_t);

  int64_t rows() const { return s_.batch * s_.time; }
  int64_t width() const { return gates_per_unit_ * s_.units; }
  // Sets the pointers of the forward pass and makes x W + bias for all steps.
  void begin(const float* bias);
  void over_rows(Kernel kernel);
  // Packs columns [first, first + n) of R, or their transpose.
  void pack_recurrent(int64_t first, int64_t n, float* packed);
  void pack_recurrent_transposed(int64_t first, int64_t n, float* packed);
  // dR[:, first : first + n] = a^T d, over all steps.
  void recurrent_gradient(const float* a, const float* d, int64_t d_stride, int64_t first, int64_t n);
  // Floats for R (k, n) packed.
  int64_t recurrent_scratch(int64_t k, int64_t n) const { return matmul_scratch(precision, 0, k, n); }
  void bias_gradient(const float* d, int64_t d_stride, int64_t n, float* to);
  void pack_tiles(const TileSource& b, float* packed);
  virtual void prepare_more(bool backward) = 0;
  virtual void run_backward() = 0;  // kernel, then the gradients of R and the bias

  RecurrenceTiles s_{};
  const int64_t gates_per_unit_, features_;
  bool pack_ = true;  // whether the weights are packed in this run
  int gates_ = -1, before_ = -1, states_ = -1, h_ = -1, work_ = -1, packed_kernel_ = -1, dh_ = -1, packed_ = -1,
      tiles_ = -1;
};

}  // namespace recurra
