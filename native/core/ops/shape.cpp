// Operations that move elements without changing them: recurra/ops/shape.py.
#include "../op.h"

#include <cstring>

namespace recurra {

namespace {

class Reshape : public Op {
 public:
  using Op::Op;
  void forward() override {
    std::memcpy(buffers->values[static_cast<size_t>(node.outputs[0])],
                buffers->values[static_cast<size_t>(node.inputs[0])], static_cast<size_t>(out().size()) * 4);
  }
  void backward() override {
    if (!wants(0)) return;
    if (accumulate()) kernels().axpy(1.0f, dy(), dx(), out().size());
    else std::memcpy(dx(), dy(), static_cast<size_t>(out().size()) * sizeof(float));
  }
};

// Every output element is one input element: f(index in y) walks x with fixed strides from a start.
class Move : public Op {
 public:
  using Op::Op;

  void prepare(bool) override {
    const Shape& from = in(0).shape;
    Places strides(from.size());
    int64_t stride = 1;
    for (size_t i = from.size(); i-- > 0; stride *= from[i]) strides[i] = stride;
    strides_ = strides;
    if (node.op == "permute") {
      for (size_t i = 0; i < from.size(); i++) strides_[i] = strides[static_cast<size_t>(node.shape("axes")[i])];
    } else if (node.op == "broadcast_to") {
      strides_ = broadcast_strides(from, out().shape);
    } else {
      const auto axis = static_cast<size_t>(node.integer("axis"));
      if (node.op == "reverse") {
        start_ = (from[axis] - 1) * strides[axis];
        strides_[axis] = -strides[axis];
      } else {
        const int64_t first = node.integer("start");
        start_ = (first < 0 ? first + from[axis] : first) * strides[axis];
      }
    }
  }

  void forward() override {
    walk([&](int64_t i, int64_t at) { y()[i] = x()[at]; });
  }

  void backward() override {
    if (!wants(0)) return;
    if (!accumulate()) std::memset(dx(), 0, static_cast<size_t>(in(0).size()) * sizeof(float));
    walk([&](int64_t i, int64_t at) { dx()[at] += dy()[i]; });
  }

 private:
  template <class F>
  void walk(F f) {
    const Shape& shape = out().shape;
    const int64_t n = out().size();
    if (n == 0) return;
    if (shape.empty()) return f(0, start_);
    const int64_t row = shape.back(), step = strides_[shape.size() - 1];
    const size_t rank = shape.size() - 1;
    Places index(rank);
    int64_t at = start_;
    for (int64_t done = 0; done < n; done += row) {
      for (int64_t i = 0; i < row; i++) f(done + i, at + i * step);
      for (size_t d = rank; d-- > 0;) {
        at += strides_[d];
        if (++index[d] < shape[d]) break;
        at -= strides_[d] * shape[d];
        index[d] = 0;
      }
    }
  }

  Places strides_;
  int64_t start_ = 0;
};

class Concatenate : public Op {
 public:
  using Op::Op;

  void forward() override {
    each([&](int input, int64_t outer, int64_t width, int64_t to) {
      std::memcpy(y() + to, x(input) + outer * width, static_cast<size_t>(width) * sizeof(float));
    });
  }

  void backward() override {
    each([&](int input, int64_t outer, int64_t width, int64_t from) {
      if (!wants(input)) return;
      float* to = dx(input) + outer * width;
      if (accumulate(input)) kernels().axpy(1.0f, dy() + from, to, width);
      else std::memcpy(to, dy() + from, static_cast<size_t>(width) * sizeof(float));
    });
  }

 private:
  // f(input, index of the outer dimensions, floats, place in y)
  template <class F>
  void each(F f) {
    const auto axis = static_cast<size_t>(node.integer("axis"));
    int64_t outer = 1, inner = 1;
    for (size_t i = 0; i < axis; i++) outer *= out().shape[i];
    for (size_t i = axis + 1; i < out().shape.size(); i++) inner *= out().shape[i];
    int64_t at = 0;
    for (int input = 0; input < static_cast<int>(node.inputs.size()); input++) {
      const int64_t width = in(input).shape[axis] * inner;
      for (int64_t o = 0; o < outer; o++) f(input, o, width, o * out().shape[axis] * inner + at);
      at += width;
    }
  }
};

}  // namespace

void add_shape(OpTable& ops) {
  ops["reshape"] = make_op<Reshape>;
  ops["concatenate"] = make_op<Concatenate>;
  for (const char* name : {"permute", "reverse", "slice", "broadcast_to"}) ops[name] = make_op<Move>;
}

}  // namespace recurra
