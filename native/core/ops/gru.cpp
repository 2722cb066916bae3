// The GRU over a whole sequence: recurra/ops/gru.py. Its cells are in kernels/generic/gru.h.
#include "recurrent.h"

namespace recurra {

namespace {

class GruOp : public RecurrentOp {
 public:
  GruOp(const Node& node, const std::vector<TensorSpec>& values)
      : RecurrentOp(node, values, node.flag("reset_after") ? kernels().gru : kernels().gru_reset_before, 3, false) {
    s_.recurrent_activation = static_cast<int>(unary_named(node.text("recurrent_activation")));
    if (node.flag("reset_after")) {
      two_biases_ = true;
      phases_ = {{0, 3, true}};
      // What x and h give to the last gate has gradients of its own.
      groups_ = {{0, 2, true, State::h}, {2, 1, true, State::none}, {2, 1, false, State::h, 0, true}};
    } else {
      phases_ = {{0, 2}, {2, 1}};
      groups_ = {{0, 2, true, State::h, 1, true}, {2, 1, true, State::gated, 0}};
    }
  }
};

}  // namespace

void add_gru(OpTable& ops) { ops["gru"] = make_op<GruOp>; }

}  // namespace recurra
