// Elementwise operations and broadcasting arithmetic: recurra/ops/elementwise.py.
#include "../op.h"
#include "../rows.h"

#include <cstring>

namespace recurra {

namespace {

const std::map<std::string, Unary>& unaries() {
  static const std::map<std::string, Unary> names = {
      {"absolute", Unary::absolute},
      {"clip", Unary::clip},
      {"elu", Unary::elu},
      {"exp", Unary::exp},
      {"gelu", Unary::gelu},
      {"hard_sigmoid", Unary::hard_sigmoid},
      {"hard_sigmoid_tfjs", Unary::hard_sigmoid_tfjs},
      {"leaky_relu", Unary::leaky_relu},
      {"linear", Unary::linear},
      {"log", Unary::log},
      {"mish", Unary::mish},
      {"negative", Unary::negative},
      {"relu", Unary::relu},
      {"relu6", Unary::relu6},
      {"selu", Unary::selu},
      {"sigmoid", Unary::sigmoid},
      {"silu", Unary::silu},
      {"softplus", Unary::softplus},
      {"softsign", Unary::softsign},
      {"sqrt", Unary::sqrt},
      {"square", Unary::square},
      {"tanh", Unary::tanh},
  };
  return names;
}

const std::map<std::string, Binary>& binaries() {
  static const std::map<std::string, Binary> names = {
      {"add", Binary::add},           {"subtract", Binary::subtract},
      {"multiply", Binary::multiply}, {"divide", Binary::divide},
      {"maximum", Binary::maximum},   {"minimum", Binary::minimum},
      {"greater", Binary::greater},   {"greater_equal", Binary::greater_equal},
      {"equal", Binary::equal},
  };
  return names;
}

class UnaryOp : public Op {
 public:
  UnaryOp(const Node& node, const std::vector<TensorSpec>& values) : Op(node, values), kind_(unary_named(node.op)) {
    for (const char* name : {"alpha", "negative_slope", "low"})
      if (node.has(name)) p0_ = static_cast<float>(node.number(name));
    if (node.has("high")) p1_ = static_cast<float>(node.number("high"));
    if (node.has("approximate") && node.flag("approximate")) kind_ = Unary::gelu_tanh;
  }

  void forward() override {
    parallel_pieces(out().size(),
                    [&](int64_t i, int64_t end) { kernels().unary(kind_, p0_, p1_, x() + i, y() + i, end - i); });
  }

  void backward() override {
    if (!wants(0)) return;
    parallel_pieces(out().size(), [&](int64_t i, int64_t end) {
      kernels().unary_backward(kind_, p0_, p1_, x() + i, y() + i, dy() + i, dx() + i, accumulate(), end - i);
    });
  }

 private:
  Unary kind_;
  float p0_ = 1.0f, p1_ = 0.0f;
};

void combine(Binary kind, const Rows& rows, const float* a, const float* b, float* y) {
  rows.walk([&](int64_t ai, int64_t a_step, int64_t bi, int64_t b_step, int64_t at, int64_t n) {
    kernels().binary(kind, a + ai, a_step, b + bi, b_step, y + at, n);
  });
}

class BinaryOp : public Op {
 public:
  BinaryOp(const Node& node, const std::vector<TensorSpec>& values) : Op(node, values), kind_(binaries().at(node.op)) {}

  bool differentiable(int) const override {
    return kind_ != Binary::greater && kind_ != Binary::greater_equal && kind_ != Binary::equal;
  }

  void prepare(bool backward) override {
    const Shape &shape = out().shape, &a = in(0).shape, &b = in(1).shape;
    forward_ = Rows(shape, a, b);
    if (!backward) return;
    work_ = ask(2 * out().size(), Keep::backward);
    with_a_ = Rows(shape, shape, a);
    with_b_ = Rows(shape, shape, b);
    swapped_ = Rows(shape, b, a);
    with_one_ = Rows(shape, shape, {});
    whole_ = Rows(shape, shape, shape);
  }

  void forward() override {
    if (in(0).is_int) return compare_ints();
    combine(kind_, forward_, x(0), x(1), y());
  }

  void backward() override {
    const Shape& shape = out().shape;
    float *first = space(work_), *second = first + out().size();
    const float minus = -1.0f;
    if (wants(0)) {
      const float* flow = dy();
      if (kind_ == Binary::multiply || kind_ == Binary::divide) {
        combine(kind_, with_b_, dy(), x(1), first);
        flow = first;
      } else if (kind_ == Binary::maximum || kind_ == Binary::minimum) {
        flow = chosen(first, true);
      }
      unbroadcast(flow, shape, dx(0), in(0).shape, accumulate(0));
    }
    if (wants(1)) {
      const float* flow = first;
      switch (kind_) {
        case Binary::add: flow = dy(); break;
        case Binary::subtract: combine(Binary::multiply, with_one_, dy(), &minus, first); break;
        case Binary::multiply: combine(Binary::multiply, with_a_, dy(), x(0), first); break;
        case Binary::divide:  // -dy y / b
          combine(Binary::divide, with_b_, y(), x(1), second);
          combine(Binary::multiply, whole_, dy(), second, first);
          combine(Binary::multiply, with_one_, first, &minus, first);
          break;
        default: flow = chosen(first, false);
      }
      unbroadcast(flow, shape, dx(1), in(1).shape, accumulate(1));
    }
  }

 private:
  // dy where the first (or the second) operand was taken, otherwise 0. Of equals the first is taken.
  const float* chosen(float* to, bool first) {
    const Binary test = first ? Binary::greater_equal : Binary::greater;
    if ((kind_ == Binary::maximum) == first) combine(test, forward_, x(0), x(1), to);
    else combine(test, swapped_, x(1), x(0), to);
    combine(Binary::multiply, whole_, dy(), to, to);
    return to;
  }

  void compare_ints() {
    forward_.walk([&](int64_t a, int64_t a_step, int64_t b, int64_t b_step, int64_t at, int64_t n) {
      for (int64_t i = 0; i < n; i++) y()[at + i] = x_int(0)[a + i * a_step] == x_int(1)[b + i * b_step] ? 1.0f : 0.0f;
    });
  }

  Rows forward_, with_a_, with_b_, swapped_, with_one_, whole_;
  Binary kind_;
  int work_ = -1;
};

class Where : public Op {
 public:
  using Op::Op;

  bool differentiable(int input) const override { return input > 0; }

  void prepare(bool backward) override {
    if (backward) work_ = ask(out().size(), Keep::backward);
  }

  void forward() override {
    walk([&](int64_t at, int64_t c, int64_t a, int64_t b) { y()[at] = x(0)[c] != 0.0f ? x(1)[a] : x(2)[b]; });
  }

  void backward() override {
    for (int input = 1; input <= 2; input++) {
      if (!wants(input)) continue;
      float* flow = space(work_);
      walk([&](int64_t at, int64_t c, int64_t, int64_t) {
        flow[at] = (x(0)[c] != 0.0f) == (input == 1) ? dy()[at] : 0.0f;
      });
      unbroadcast(flow, out().shape, dx(input), in(input).shape, accumulate(input));
    }
  }

 private:
  template <class F>
  void walk(F f) {
    const Shape& shape = out().shape;
    Places strides[3], index(shape.size());
    int64_t at[3] = {};
    for (int i = 0; i < 3; i++) strides[i] = broadcast_strides(in(i).shape, shape);
    for (int64_t done = 0, n = out().size(); done < n; done++) {
      f(done, at[0], at[1], at[2]);
      for (size_t d = shape.size(); d-- > 0;) {
        for (int i = 0; i < 3; i++) at[i] += strides[i][d];
        if (++index[d] < shape[d]) break;
        for (int i = 0; i < 3; i++) at[i] -= strides[i][d] * shape[d];
        index[d] = 0;
      }
    }
  }

  int work_ = -1;
};

class Cast : public Op {
 public:
  using Op::Op;
  bool differentiable(int) const override { return false; }
  void forward() override {
    for (int64_t i = 0, n = out().size(); i < n; i++) {
      if (in(0).is_int && out().is_int) y_int()[i] = x_int(0)[i];
      else if (in(0).is_int) y()[i] = static_cast<float>(x_int(0)[i]);
      else if (!out().is_int) y()[i] = x()[i];
      else {
        const float v = x()[i];
        if (!(v > -2147483648.0f && v < 2147483648.0f))
          throw InvalidData("Cannot turn " + std::to_string(v) + " into an int32 (" + node.where() + ").");
        y_int()[i] = static_cast<int32_t>(v);
      }
    }
  }
};

class StopGradient : public Op {
 public:
  using Op::Op;
  bool differentiable(int) const override { return false; }
  void forward() override { std::memcpy(y(), x(), static_cast<size_t>(out().size()) * sizeof(float)); }
};

}  // namespace

Unary unary_named(const std::string& name) {
  auto found = unaries().find(name);
  if (found == unaries().end()) throw Unsupported("activation '" + name + "'");
  return found->second;
}

void add_elementwise(OpTable& ops) {
  for (const auto& [name, kind] : unaries())
    if (kind != Unary::linear) ops[name] = make_op<UnaryOp>;
  for (const auto& [name, kind] : binaries()) ops[name] = make_op<BinaryOp>;
  ops["where"] = make_op<Where>;
  ops["cast"] = make_op<Cast>;
  ops["stop_gradient"] = make_op<StopGradient>;
}

}  // namespace recurra
