// One operation of a plan: it asks for scratch space once, then runs forward and backward on planned buffers.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>

#include "../kernels/kernels.h"
#include "graph.h"
#include "thread_pool.h"

namespace recurra {

// How long a scratch buffer must keep its contents.
enum class Keep { forward, until_backward, backward, always };

// What the planner works out for an op before it asks for scratch.
struct Gradient {
  int id = kAbsent;         // the value the gradient belongs to, kAbsent where none is wanted
  bool accumulate = false;  // another node has written before
};

struct Scratch {
  int64_t floats;
  Keep keep;
  size_t offset = 0;
};

// The pointers of a run, by value id.
struct Buffers {
  std::vector<void*> values;
  std::vector<float*> gradients;
  char* arena = nullptr;
  uint64_t step = 0;
};

class Op {
 public:
  Op(const Node& node, const std::vector<TensorSpec>& values) : node(node), values_(values) {}
  virtual ~Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  // Whether a gradient flows from the outputs to this input.
  virtual bool differentiable(int input) const { return !in(input).is_int; }
  // Asks for scratch; `backward` says whether the backward pass will run.
  virtual void prepare(bool backward) { (void)backward; }
  // Whether this output is written. One that nothing reads may be left out.
  virtual bool writes(int output) const {
    (void)output;
    return true;
  }
  virtual void forward() = 0;
  virtual void backward() {}

  const Node node;
  std::vector<Gradient> input_gradients;
  std::vector<bool> output_has_gradient, output_is_read;
  std::vector<Scratch> scratch;
  Buffers* buffers = nullptr;
  bool resident = false;  // the parameters never change: what is packed once stays
  bool recompute = false;  // training keeps less between forward and backward, and makes it again
  Precision precision = Precision::float32;  // of the operands of matrix products

 protected:
  bool given(int input) const {
    return input < static_cast<int>(node.inputs.size()) && node.inputs[static_cast<size_t>(input)] != kAbsent;
  }
  const TensorSpec& in(int input) const { return values_[index(node.inputs, input)]; }
  const TensorSpec& out(int output = 0) const { return values_[index(node.outputs, output)]; }
  const float* x(int input = 0) const {
    return given(input) ? static_cast<const float*>(buffers->values[index(node.inputs, input)]) : nullptr;
  }
  const int32_t* x_int(int input) const {
    return static_cast<const int32_t*>(buffers->values[index(node.inputs, input)]);
  }
  float* y(int output = 0) const { return static_cast<float*>(buffers->values[index(node.outputs, output)]); }
  int32_t* y_int(int output = 0) const { return static_cast<int32_t*>(buffers->values[index(node.outputs, output)]); }
  // Gradient of an output, or null where nothing depends on it.
  const float* dy(int output = 0) const {
    return output_has_gradient[static_cast<size_t>(output)] ? buffers->gradients[index(node.outputs, output)] : nullptr;
  }
  bool wants(int input) const { return given(input) && input_gradients[static_cast<size_t>(input)].id != kAbsent; }
  float* dx(int input = 0) const { return wants(input) ? buffers->gradients[index(node.inputs, input)] : nullptr; }
  bool accumulate(int input = 0) const { return input_gradients[static_cast<size_t>(input)].accumulate; }

  // For packed parameters: how long they are kept, and whether they must be packed now.
  Keep packed_keep(Keep otherwise) const { return resident ? Keep::always : otherwise; }
  bool must_pack() {
    const bool must = !resident || !packed_once_;
    packed_once_ = true;
    return must;
  }

  int ask(int64_t floats, Keep keep) {
    scratch.push_back({floats, keep});
    return static_cast<int>(scratch.size()) - 1;
  }
  float* space(int asked) const {
    return asked < 0 ? nullptr : reinterpret_cast<float*>(buffers->arena + scratch[static_cast<size_t>(asked)].offset);
  }

 private:
  static size_t index(const std::vector<int>& ids, int i) { return static_cast<size_t>(ids[static_cast<size_t>(i)]); }
  const std::vector<TensorSpec>& values_;
  bool packed_once_ = false;
};

using MakeOp = std::unique_ptr<Op> (*)(const Node&, const std::vector<TensorSpec>&);
template <class T>
std::unique_ptr<Op> make_op(const Node& node, const std::vector<TensorSpec>& values) {
  return std::make_unique<T>(node, values);
}

using OpTable = std::map<std::string, MakeOp>;
void add_elementwise(OpTable&);
void add_gru(OpTable&);
void add_linear(OpTable&);
void add_lstm(OpTable&);
void add_random(OpTable&);
void add_reduction(OpTable&);
void add_shape(OpTable&);
void add_simple_rnn(OpTable&);
const OpTable& op_table();

// --- helpers shared by ops ---

// The activation of that name, as a recurrent op or an elementwise op names it.
Unary unary_named(const std::string& name);

// A matrix given by its strides.
struct Matrix {
  const float* data;
  int64_t row, column;
};

// The product for rows [0, m), on all threads where it is worth it.
void parallel_gemm(const Gemm& g, int64_t m);

// Floats of scratch that `matmul` needs for its second operand.
int64_t matmul_scratch(int64_t k, int64_t n);
// C = A B (+ bias, or + C), on all threads where it is worth it. Without `pack`, `packed` holds B already.
void matmul(Matrix a, Matrix b, int64_t m, int64_t n, int64_t k, const float* bias, float* c, int64_t c_row,
            bool accumulate, float* packed, bool pack = true);

// The blocks in which a recurrent op keeps its batch: two from four rows on, later a power of two of 12 rows or more.
Blocks blocks_of(int64_t batch);

constexpr int64_t kPiece = 16384;  // elements that a thread takes at a time

// Runs f(first, last) over [0, n) in pieces, on all threads where n is large.
template <class F>
void parallel_pieces(int64_t n, F&& f) {
  if (n <= 2 * kPiece) {
    f(static_cast<int64_t>(0), n);
    return;
  }
  parallel_for((n + kPiece - 1) / kPiece,
               [&](int64_t i) { f(i * kPiece, (i + 1) * kPiece < n ? (i + 1) * kPiece : n); });
}

// One number for each dimension of an array, 0 at first: strides, or where a walk stands. The usual ranks take no
// memory from outside, so that a step which walks allocates nothing.
class Places {
 public:
  explicit Places(size_t rank = 0) : many_(rank > few_.size() ? rank : 0) {}
  int64_t& operator[](size_t i) { return many_.empty() ? few_[i] : many_[i]; }
  int64_t operator[](size_t i) const { return many_.empty() ? few_[i] : many_[i]; }

 private:
  std::array<int64_t, 8> few_{};
  std::vector<int64_t> many_;
};

// Strides, in elements, of an array of shape `from` seen under the broadcast shape `to`.
Places broadcast_strides(const Shape& from, const Shape& to);
// small[...] (+)= the sum of large[...] over the broadcast dimensions, in index order.
void unbroadcast(const float* large, const Shape& large_shape, float* small, const Shape& small_shape, bool accumulate);

}  // namespace recurra
