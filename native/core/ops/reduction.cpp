// Reductions and what looks along the last dimension: recurra/ops/reduction.py.
#include "../op.h"
#include "../rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace recurra {

namespace {

class Reduce : public Op {
 public:
  using Op::Op;

  void prepare(bool backward) override {
    is_max_ = node.op == "reduce_max";
    is_mean_ = node.op == "reduce_mean";
    for (size_t i = 0; i < in(0).shape.size(); i++) {
      const Shape& axes = node.shape("axes");
      const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
      kept_.push_back(reduced ? 1 : in(0).shape[i]);
    }
    spread_ = Rows(in(0).shape, kept_, in(0).shape);
    if (backward && is_max_) taken_ = ask(2 * out().size(), Keep::backward);
  }

  void forward() override {
    if (is_max_) return largest();
    if (in(0).size() == 0) throw InvalidData("A reduction met an empty tensor (" + node.where() + ").");
    unbroadcast(x(), in(0).shape, y(), kept_, false);
    if (is_mean_) kernels().scale(y(), scale(), out().size());
  }

  void backward() override {
    if (!wants(0)) return;
    if (is_max_) return largest_backward();
    const float factor = is_mean_ ? scale() : 1.0f;
    spread_.walk([&](int64_t from, int64_t step, int64_t, int64_t, int64_t at, int64_t n) {
      const float* d = dy() + from;
      float* to = dx() + at;
      if (!accumulate()) return kernels().binary(Binary::multiply, d, step, &factor, 0, to, n);
      for (int64_t i = 0; i < n; i++) to[i] += d[i * step] * factor;
    });
  }

 private:
  float scale() const {
    return static_cast<float>(static_cast<double>(out().size()) / static_cast<double>(in(0).size()));
  }

  void largest() {
    std::fill_n(y(), out().size(), -HUGE_VALF);
    walk([&](int64_t i, int64_t at) {
      if (x()[i] > y()[at] || x()[i] != x()[i]) y()[at] = x()[i];
    });
  }

  // The first of equals takes the gradient: what is still to be given away is 0 then.
  void largest_backward() {
    float* rest = space(taken_);
    std::memcpy(rest, dy(), static_cast<size_t>(out().size()) * sizeof(float));
    walk([&](int64_t i, int64_t at) {
      const bool mine = x()[i] == y()[at] || (x()[i] != x()[i] && y()[at] != y()[at]);
      const float d = mine ? rest[at] : 0.0f;
      if (mine) rest[at] = 0.0f;
      dx()[i] = accumulate() ? dx()[i] + d : d;
    });
  }

  // f(index in x, index in y) in the order of x.
  template <class F>
  void walk(F f) {
    const Shape& shape = in(0).shape;
    const Places strides = broadcast_strides(kept_, shape);
    Places index(shape.size());
    int64_t at = 0;
    for (int64_t i = 0, n = in(0).size(); i < n; i++) {
      f(i, at);
      for (size_t d = shape.size(); d-- > 0;) {
        at += strides[d];
        if (++index[d] < shape[d]) break;
        at -= strides[d] * shape[d];
        index[d] = 0;
      }
    }
  }

  Shape kept_;
  Rows spread_;  // the result over the argument
  int taken_ = -1;
  bool is_max_ = false, is_mean_ = false;
};

// f(first, last) over rows of n numbers, on all threads where they are many.
template <class F>
void over_rows(int64_t rows, int64_t n, F f) {
  const int64_t piece = std::max<int64_t>(1, 8192 / n);
  parallel_for((rows + piece - 1) / piece, [&](int64_t i) { f(i * piece, std::min((i + 1) * piece, rows)); });
}

class Softmax : public Op {
 public:
  using Op::Op;
  void forward() override {
    if (width() == 0) return;
    over_rows(rows(), width(), [&](int64_t first, int64_t last) {
      kernels().softmax(x() + first * width(), y() + first * width(), last - first, width(), log());
    });
  }
  void backward() override {
    if (!wants(0) || width() == 0) return;
    over_rows(rows(), width(), [&](int64_t first, int64_t last) {
      const int64_t at = first * width();
      kernels().softmax_backward(y() + at, dy() + at, dx() + at, last - first, width(), log(), accumulate());
    });
  }

 private:
  bool log() const { return node.op == "log_softmax"; }
  int64_t width() const { return out().shape.back(); }
  int64_t rows() const { return out().size() / width(); }
};

class Argmax : public Op {
 public:
  using Op::Op;
  bool differentiable(int) const override { return false; }
  void forward() override {
    const int64_t n = in(0).shape.back();
    for (int64_t row = 0; row < out().size(); row++) {
      const float* from = x() + row * n;
      int64_t best = 0;
      for (int64_t i = 1; i < n && from[best] == from[best]; i++)
        if (from[i] > from[best] || from[i] != from[i]) best = i;
      y_int()[row] = static_cast<int32_t>(best);
    }
  }
};

int64_t checked(const Node& node, int64_t index, int64_t size) {
  if (index < 0 || index >= size)
    throw InvalidData("An index is out of range (" + node.where() + "): expected 0 <= index < " + std::to_string(size) +
                      ", received " + std::to_string(index) + ".");
  return index;
}

class SoftmaxCrossentropy : public Op {
 public:
  SoftmaxCrossentropy(const Node& node, const std::vector<TensorSpec>& values)
      : Op(node, values),
        n_(in(0).shape.back()),
        low_(static_cast<float>(node.number("low"))),
        high_(static_cast<float>(node.number("high"))) {}

  bool differentiable(int input) const override { return input != 1 && !in(input).is_int; }

  void forward() override {
    if (in(2).is_int)
      for (int64_t i = 0; i < out().size(); i++) checked(node, x_int(2)[i], n_);
    if (n_ == 0) {
      std::fill_n(y(), out().size(), 0.0f);
      return;
    }
    const Crossentropy c = call();
    over_rows(out().size(), n_, [&](int64_t first, int64_t last) { kernels().crossentropy(c, first, last); });
  }

  void backward() override {
    if (n_ == 0) return;
    Crossentropy c = call();
    c.d_loss = dy();
    c.dx = dx(0);
    c.d_targets = dx(2);
    c.accumulate = c.dx && accumulate(0);
    c.accumulate_targets = c.d_targets && accumulate(2);
    over_rows(out().size(), n_, [&](int64_t first, int64_t last) { kernels().crossentropy_backward(c, first, last); });
  }

 private:
  Crossentropy call() const {
    Crossentropy c{};
    c.n = n_;
    c.low = low_;
    c.high = high_;
    c.x = x(0);
    c.y = x(1);
    if (in(2).is_int) c.classes = x_int(2);
    else c.targets = x(2);
    c.loss = y();
    return c;
  }

  int64_t n_;
  float low_, high_;
};

class OneHot : public Op {
 public:
  using Op::Op;
  bool differentiable(int) const override { return false; }
  void forward() override {
    const int64_t depth = node.integer("depth");
    std::memset(y(), 0, static_cast<size_t>(out().size()) * sizeof(float));
    for (int64_t i = 0; i < in(0).size(); i++) y()[i * depth + checked(node, x_int(0)[i], depth)] = 1.0f;
  }
};

class TakeAlongLast : public Op {
 public:
  using Op::Op;
  void forward() override {
    const int64_t n = in(0).shape.back();
    for (int64_t i = 0; i < out().size(); i++) y()[i] = x(0)[i * n + checked(node, x_int(1)[i], n)];
  }
  void backward() override {
    if (!wants(0)) return;
    const int64_t n = in(0).shape.back();
    if (!accumulate()) std::memset(dx(), 0, static_cast<size_t>(in(0).size()) * sizeof(float));
    for (int64_t i = 0; i < out().size(); i++) dx()[i * n + x_int(1)[i]] += dy()[i];
  }
};

}  // namespace

void add_reduction(OpTable& ops) {
  for (const char* name : {"reduce_sum", "reduce_mean", "reduce_max"}) ops[name] = make_op<Reduce>;
  for (const char* name : {"softmax", "log_softmax"}) ops[name] = make_op<Softmax>;
  ops["softmax_crossentropy"] = make_op<SoftmaxCrossentropy>;
  ops["argmax"] = make_op<Argmax>;
  ops["one_hot"] = make_op<OneHot>;
  ops["take_along_last"] = make_op<TakeAlongLast>;
}

}  // namespace recurra
