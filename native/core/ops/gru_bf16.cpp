// The GRU with products of tiles: recurra/ops/gru.py. The work of one thread is in kernels/generic/gru_bf16.h.
#include "recurrence_bf16.h"

#include <algorithm>

namespace recurra {

namespace {

class GruTilesOp : public RecurrenceTilesOp {
 public:
  GruTilesOp(const Node& node, const std::vector<TensorSpec>& values) : RecurrenceTilesOp(node, values, 3) {
    s_.recurrent_activation = static_cast<int>(unary_named(node.text("recurrent_activation")));
    s_.reset_after = node.flag("reset_after");
  }

  void forward() override {
    begin(x(kBias));
    s_.inner = space(inner_);
    s_.recurrent = as_tiles(space(recurrent_));
    s_.recurrent_h = as_tiles(space(recurrent_h_));
    s_.recurrent_bias = s_.reset_after && given(kBias) ? x(kBias) + width() : nullptr;
    if (pack_) pack_recurrent(0, together(), space(recurrent_));
    if (pack_ && !s_.reset_after) pack_recurrent(2 * s_.units, s_.units, space(recurrent_h_));
    over_rows(kernels().gru_tiles_forward);
  }

 protected:
  void prepare_more(bool backward) override {
    const Keep keep = backward ? Keep::until_backward : Keep::forward;
    inner_ = ask((backward ? rows() : s_.batch) * s_.units, keep);
    recurrent_ = ask(recurrent_scratch(s_.units, together()), packed_keep(Keep::forward));
    if (!s_.reset_after) recurrent_h_ = ask(recurrent_scratch(s_.units, s_.units), packed_keep(Keep::forward));
    if (!backward) return;
    recurrent_t_ = ask(recurrent_scratch(together(), s_.units), Keep::backward);
    if (s_.reset_after) d_inner_ = ask(rows() * s_.units, Keep::backward);
    else recurrent_h_t_ = ask(recurrent_scratch(s_.units, s_.units), Keep::backward);
  }

  void run_backward() override {
    const int64_t n = s_.units;
    s_.recurrent_t = as_tiles(space(recurrent_t_));
    s_.recurrent_h_t = as_tiles(space(recurrent_h_t_));
    s_.d_inner = space(d_inner_);
    pack_recurrent_transposed(0, together(), space(recurrent_t_));
    if (!s_.reset_after) pack_recurrent_transposed(2 * n, n, space(recurrent_h_t_));
    over_rows(kernels().gru_tiles_backward);
    // The h columns of R see another gradient than those of W: that of `inner`.
    if (wants(kRecurrent)) {
      recurrent_gradient(s_.before, s_.gates, 3 * n, 0, 2 * n);
      if (s_.reset_after) recurrent_gradient(s_.before, s_.d_inner, n, 2 * n, n);
      else recurrent_gradient(s_.inner, s_.gates + 2 * n, 3 * n, 2 * n, n);
    }
    if (wants(kBias)) {
      bias_gradient(s_.gates, 3 * n, 3 * n, dx(kBias));
      if (s_.reset_after) {
        bias_gradient(s_.gates, 3 * n, 2 * n, dx(kBias) + 3 * n);
        bias_gradient(s_.d_inner, n, n, dx(kBias) + 5 * n);
      }
    }
  }

 private:
  // Columns of R in one product: all three with the reset after it, z and r alone with the reset before.
  int64_t together() const { return (s_.reset_after ? 3 : 2) * s_.units; }

  int inner_ = -1, recurrent_ = -1, recurrent_h_ = -1, recurrent_t_ = -1, recurrent_h_t_ = -1, d_inner_ = -1;
};

}  // namespace

void add_gru_tiles(OpTable& ops) { ops["gru"] = make_op<GruTilesOp>; }

}  // namespace recurra
