// The LSTM over a whole sequence: recurra/ops/lstm.py. Its cell is in kernels/generic/lstm.h.
#include "recurrent.h"

namespace recurra {

namespace {

class LstmOp : public RecurrentOp {
 public:
  LstmOp(const Node& node, const std::vector<TensorSpec>& values) : RecurrentOp(node, values, kernels().lstm, 4, true) {
    s_.recurrent_activation = static_cast<int>(unary_named(node.text("recurrent_activation")));
    phases_ = {{0, 4}};
    groups_ = {{0, 4, true, State::h}};
  }
};

}  // namespace

void add_lstm(OpTable& ops) { ops["lstm"] = make_op<LstmOp>; }

}  // namespace recurra
