// The simple RNN with products of tiles: recurra/ops/simple_rnn.py. The work of one thread is in
// kernels/generic/simple_rnn_bf16.h.
#include "recurrence_bf16.h"

namespace recurra {

namespace {

class SimpleRnnTilesOp : public RecurrenceTilesOp {
 public:
  SimpleRnnTilesOp(const Node& node, const std::vector<TensorSpec>& values) : RecurrenceTilesOp(node, values, 1) {}

  void forward() override {
    begin(x(kBias));
    s_.recurrent = as_tiles(space(recurrent_));
    if (pack_) pack_recurrent(0, s_.units, space(recurrent_));
    over_rows(kernels().simple_rnn_tiles_forward);
  }

 protected:
  void prepare_more(bool backward) override {
    recurrent_ = ask(recurrent_scratch(s_.units, s_.units), packed_keep(Keep::forward));
    if (backward) recurrent_t_ = ask(recurrent_scratch(s_.units, s_.units), Keep::backward);
  }

  void run_backward() override {
    s_.recurrent_t = as_tiles(space(recurrent_t_));
    pack_recurrent_transposed(0, s_.units, space(recurrent_t_));
    over_rows(kernels().simple_rnn_tiles_backward);
    if (wants(kRecurrent)) recurrent_gradient(s_.before, s_.gates, s_.units, 0, s_.units);
    if (wants(kBias)) bias_gradient(s_.gates, s_.units, s_.units, dx(kBias));
  }

 private:
  int recurrent_ = -1, recurrent_t_ = -1;
};

}  // namespace

void add_simple_rnn_tiles(OpTable& ops) { ops["simple_rnn"] = make_op<SimpleRnnTilesOp>; }

}  // namespace recurra
