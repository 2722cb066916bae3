// The simple RNN over a whole sequence: recurra/ops/simple_rnn.py. Its cell is in kernels/generic/simple_rnn.h.
#include "recurrent.h"

namespace recurra {

namespace {

class SimpleRnnOp : public RecurrentOp {
 public:
  SimpleRnnOp(const Node& node, const std::vector<TensorSpec>& values)
      : RecurrentOp(node, values, kernels().simple_rnn, 1, false) {
    phases_ = {{0, 1}};
    groups_ = {{0, 1, true, State::h}};
  }
};

}  // namespace

void add_simple_rnn(OpTable& ops) { ops["simple_rnn"] = make_op<SimpleRnnOp>; }

}  // namespace recurra
