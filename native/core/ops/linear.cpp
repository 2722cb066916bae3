// Dense and embedding: recurra/ops/linear.py.
#include <cstring>

#include "../tiles.h"

namespace recurra {

namespace {

class Dense : public Op {
 public:
  using Op::Op;

  void prepare(bool backward) override {
    inputs_ = in(1).shape[0];
    units_ = in(1).shape[1];
    rows_ = units_ ? out().size() / units_ : 0;
    packed_ = ask(matmul_scratch(precision, rows_, inputs_, units_), packed_keep(Keep::forward));
    if (backward)
      packed_backward_ = ask(std::max(matmul_scratch(precision, rows_, units_, inputs_),
                                      matmul_scratch(precision, inputs_, rows_, units_)),
                             Keep::backward);
  }

  void forward() override {
    matmul(precision, {x(0), inputs_, 1}, {x(1), units_, 1}, rows_, units_, inputs_, x(2), y(), units_, false,
           space(packed_), must_pack());
  }

  // dx = dy W^T;  dW = x^T dy;  db = the sum of dy over rows
  void backward() override {
    float* packed = space(packed_backward_);
    if (wants(0))
      matmul(precision, {dy(), units_, 1}, {x(1), 1, units_}, rows_, inputs_, units_, nullptr, dx(0), inputs_,
             accumulate(0), packed);
    if (wants(1))
      matmul(precision, {x(0), 1, inputs_}, {dy(), units_, 1}, inputs_, units_, rows_, nullptr, dx(1), units_,
             accumulate(1), packed);
    if (wants(2)) kernels().column_sums(dy(), rows_, units_, units_, dx(2), accumulate(2));
  }

 private:
  int64_t inputs_ = 0, units_ = 0, rows_ = 0;
  int packed_ = -1, packed_backward_ = -1;
};

class Embedding : public Op {
 public:
  using Op::Op;

  void forward() override {
    const int64_t rows = in(1).shape[0], units = in(1).shape[1], n = in(0).size();
    for (int64_t i = 0; i < n; i++) {
      const int64_t index = x_int(0)[i];
      if (index < 0 || index >= rows)
        throw InvalidData("An index is out of range (" + node.where() + "): expected 0 <= index < " +
                          std::to_string(rows) + ", the rows of the table, received " + std::to_string(index) + ".");
      std::memcpy(y() + i * units, x(1) + index * units, static_cast<size_t>(units) * sizeof(float));
    }
  }

  void backward() override {
    if (!wants(1)) return;
    const int64_t units = in(1).shape[1], n = in(0).size();
    if (!accumulate(1)) std::memset(dx(1), 0, static_cast<size_t>(in(1).size()) * sizeof(float));
    for (int64_t i = 0; i < n; i++) kernels().axpy(1.0f, dy() + i * units, dx(1) + x_int(0)[i] * units, units);
  }
};

}  // namespace

void add_linear(OpTable& ops) {
  ops["dense"] = make_op<Dense>;
  ops["embedding"] = make_op<Embedding>;
}

}  // namespace recurra
