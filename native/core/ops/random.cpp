// Dropout: recurra/ops/random.py.
#include "../op.h"

#include <cmath>

namespace recurra {

namespace {

class Dropout : public Op {
 public:
  using Op::Op;

  void prepare(bool) override {
    noise_ = node.has("noise_shape") ? node.shape("noise_shape") : out().shape;
    count_ = 1;
    for (int64_t dim : noise_) count_ *= dim;
    mask_ = ask(count_, Keep::until_backward);
    if (count_ != out().size()) spread_ = ask(out().size(), Keep::until_backward);
  }

  void forward() override {
    const double rate = node.number("rate");
    const auto threshold = static_cast<uint32_t>(std::ceil(rate * 16777216.0));
    const auto factor = static_cast<float>(1.0 / (1.0 - rate));
    const auto seed = static_cast<uint64_t>(node.integer("seed"));
    parallel_pieces(count_, [&](int64_t first, int64_t last) {
      kernels().dropout_mask(space(mask_) + first, factor, threshold, seed, buffers->step, first, last - first);
    });
    if (spread_ >= 0) spread();
    apply(x(), y());
  }

  void backward() override {
    if (!wants(0)) return;
    if (!accumulate()) return apply(dy(), dx());
    const float* m = factors();
    for (int64_t i = 0, n = out().size(); i < n; i++) dx()[i] += dy()[i] * m[i];
  }

 private:
  const float* factors() const { return space(spread_ >= 0 ? spread_ : mask_); }

  void apply(const float* from, float* to) {
    parallel_pieces(out().size(), [&](int64_t i, int64_t end) {
      kernels().binary(Binary::multiply, from + i, 1, factors() + i, 1, to + i, end - i);
    });
  }

  // The noise under the shape of x.
  void spread() {
    const Shape& shape = out().shape;
    const Places strides = broadcast_strides(noise_, shape);
    Places index(shape.size());
    int64_t at = 0;
    for (int64_t i = 0, n = out().size(); i < n; i++) {
      space(spread_)[i] = space(mask_)[at];
      for (size_t d = shape.size(); d-- > 0;) {
        at += strides[d];
        if (++index[d] < shape[d]) break;
        at -= strides[d] * shape[d];
        index[d] = 0;
      }
    }
  }

  Shape noise_;
  int64_t count_ = 0;
  int mask_ = -1, spread_ = -1;
};

}  // namespace

void add_random(OpTable& ops) { ops["dropout"] = make_op<Dropout>; }

}  // namespace recurra
