// A recurrent layer over a whole sequence: what LSTM, GRU and simple RNN share around their cells. The work of one
// thread is in kernels/generic/recurrent.h.
//
// Inputs: x, kernel, recurrent kernel, bias, initial h, (initial c,) mask, recurrent mask. Outputs: the sequence, the
// last h (and c).
#pragma once

#include <vector>

#include "../op.h"

namespace recurra {

class RecurrentOp : public Op {
 public:
  enum Input { kX, kKernel, kRecurrent, kBias, kInitialH };

  bool writes(int output) const override { return output_is_read[static_cast<size_t>(output)]; }
  bool differentiable(int input) const override { return input != mask_; }
  void prepare(bool backward) override;
  void forward() override;
  void backward() override;

 protected:
  // The products of one phase of a step: `count` gates from `first` on. See RecurrentWeights.
  struct Phase {
    int64_t first, count;
    bool apart = false;
    int weights = -1, bias = -1, ahead = -1;
  };
  enum class State { none, h, gated };
  // Gates that training keeps together, since their products read the same.
  struct Group {
    int64_t first, count;
    bool reads_x;
    State reads;
    int phase = 0;      // of the backward pass, in which their gradient flows to the state that they read,
    bool adds = false;  // added to what is there
    int kept = -1, recurrent_t = -1, kernel_t = -1;
  };

  RecurrentOp(const Node& node, const std::vector<TensorSpec>& values, const RecurrentCell& cell, int64_t gates,
              bool has_c);

  Recurrent s_{};
  std::vector<Phase> phases_;
  std::vector<Group> groups_;
  bool two_biases_ = false;  // the bias is (2, gates * units): of the products with x, and of those with h

 private:
  // Scratch of the states of so many steps.
  struct Scratches {
    int64_t steps = 0, gated_steps = 0;
    int h = -1, h_in = -1, c = -1, gated = -1;
  };

  struct Chains {
    int64_t count, links;
  };

  int64_t depth() const { return s_.features + s_.units; }
  int64_t width() const { return gates_ * s_.units; }
  int64_t weights() const { return depth() * gates_ * s_.padded; }
  bool has_c() const { return initial_c_ >= 0; }
  bool reads_gated() const { return phases_.size() > 1; }
  RowRange all_rows() const { return RowRange(s_.blocks, 0, batch_); }
  // Step t of the layer is this step of the input.
  int64_t place(int64_t t) const { return s_.go_backwards ? s_.time - 1 - t : t; }

  int64_t steps_of_a_segment() const;
  int64_t steps_ahead() const;
  Scratches ask_states(int64_t steps, int64_t gated_steps, Keep keep);
  void use_states(const Scratches& scratches, bool with_gates);
  void pack();
  void forward_by_units(int64_t step_first, int64_t step_last);
  template <class F>
  void at_first_states(int64_t t, int64_t slot, const RowRange& rows, F f);
  void keep_first_states(int64_t t, const RowRange& rows);
  void restore_first_states(int64_t t, const RowRange& rows);
  bool flows(int64_t t, int phase) const;
  void back_through(int64_t step_first, int64_t step_last);
  void pack_transposed(const Group& group, const float* weights, int64_t count, float* packed);
  void state_gradient(int input, const States& d);
  bool by_units() const;
  Chains chains_of(int64_t steps) const;
  template <class F>
  void over_rows(int64_t steps, F f);
  template <class F>
  void over_units(int64_t multiple, F f);
  // In recurrent_gradients.cpp: the gates hold dz then.
  void weight_gradients(int64_t step_first, int64_t step_last);
  void weight_gradients(const Group& group, const float* dz, int64_t step_first, int64_t step_last, int64_t block,
                        int64_t row_first, int64_t row_last, int64_t panel_first, int64_t panel_last);
  void input_gradient(int64_t step_first, int64_t step_last);

  const RecurrentCell& cell_;
  const int64_t gates_;
  const int initial_c_, mask_, recurrent_mask_;
  int64_t batch_ = 0, segment_ = 1;
  bool keeps_ = false;  // what a backward pass needs
  bool again_ = false;  // gates are not kept but made again, a segment at a time
  Scratches kept_, passing_;  // the second of a forward pass that keeps nothing
  States first_h_{}, first_c_{};  // before the first step of each segment
  int first_h_scratch_ = -1, first_c_scratch_ = -1, z_ = -1, dh_ = -1, dc_ = -1, d_gated_ = -1;
};

// Runs f(first, last) over [0, n), in one piece a thread where `work` is large.
template <class F>
void in_pieces(int64_t n, int64_t work, F f) {
  const int64_t pieces = work < 1 << 14 ? 1 : std::min<int64_t>(num_threads(), n);
  parallel_for(pieces, [&](int64_t i) { f(n * i / pieces, n * (i + 1) / pieces); });
}

}  // namespace recurra
