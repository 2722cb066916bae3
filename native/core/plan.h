// A graph with bound sizes, ready to run: ops made, buffers laid out in one arena, nothing allocated afterwards.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "op.h"

namespace recurra {

struct UpdateRule {
  std::string kind;
  std::map<std::string, double> constants;
  std::vector<std::string> slots;
  std::optional<double> clipvalue, clipnorm, global_clipnorm;
};

// Arrays that live outside and are read and changed in place.
struct Bound {
  std::vector<float*> parameters, states;
  std::vector<std::vector<float*>> slots;               // [slot][parameter]; null for those not trained
  std::vector<std::pair<int, std::vector<char>>> constants;  // value id, bytes
};

// An array the batch is taken from. Each of its rows is contiguous; the rows may lie anywhere apart, and may overlap,
// as sliding windows over a series do.
struct Feed {
  const void* data;
  int64_t rows;
  int64_t stride;  // bytes from row to row
};

class Plan {
 public:
  // With `backward`, gradients of the output "loss" for the trainable parameters can be computed. With `resident`,
  // the parameters never change, and what is packed of them at the first run stays. Any precision but float32 needs an
  // instruction set with tiles. With `recompute`, ops that can keep only a part of what their backward pass needs, and
  // make the rest again; it changes no number.
  Plan(Graph graph, Bound bound, std::optional<UpdateRule> rule, bool backward, bool resident = false,
       Precision precision = Precision::float32, bool recompute = false);

  // Runs forward. With `rows` (as many as the plan's batch) each feed is gathered first.
  void forward(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count, uint64_t step);
  void apply_states();
  // Lets the next runs read and change these states, one pointer for each state of the graph.
  void use_states(const std::vector<float*>& states);
  void backward();
  // One whole training step; the outputs stay readable. Throws NonFinite, having changed nothing.
  void train(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count, uint64_t step, double learning_rate);

  // Consecutive steps on pieces of `batch` rows, until they are done or `seconds` have passed; at least one.
  // `learning_rates` and `outputs` hold one number a step, and one for each output of the graph, which are scalars.
  // Returns how many steps were made; with `failed`, a step met NonFinite and its text is there instead of thrown.
  int64_t train_steps(const std::vector<Feed>& feeds, const int64_t* rows, int64_t batch, int64_t steps,
                      uint64_t first_step, const double* learning_rates, double seconds, float* outputs,
                      std::string* failed);

  // Seconds spent since measuring began, by phase: "gather", "update", and "forward" and "backward" of each node.
  void measure(bool on);
  const std::vector<double>& seconds() const { return seconds_; }

  const void* value(int id) const { return buffers_.values[static_cast<size_t>(id)]; }
  const float* parameter_gradient(size_t parameter) const;  // null where the loss does not depend on it
  const Graph& graph() const { return graph_; }
  int64_t arena_bytes() const { return static_cast<int64_t>(arena_size_); }

  ForkSafeMutex busy;  // one run at a time

 private:
  struct Interval {
    size_t bytes;
    int first, last;
    size_t offset = 0;
  };

  void find_gradients();
  void find_readers();
  void lay_out();
  void gather(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count);
  [[noreturn]] void diagnose(const std::string& what);
  void prepare_update();
  void clip_gradients();
  void update(double learning_rate, int64_t step);
  size_t parameters() const { return graph_.parameters.size(); }
  // Runs f, and adds its time to a phase where times are measured.
  template <class F>
  void timed(size_t phase, F f);

  // One trained parameter: what an update reads and changes.
  struct Trained {
    size_t parameter;
    int64_t size;
    float* value;
    float* gradient;  // zeros where the loss does not depend on the parameter
    float *momentum, *velocity, *velocity_max, *average;
  };

  Graph graph_;
  Bound bound_;
  std::optional<UpdateRule> rule_;
  const bool backward_;
  std::vector<std::unique_ptr<Op>> ops_;
  std::vector<bool> has_gradient_;  // by value id: a gradient flows into it
  Buffers buffers_;
  std::unique_ptr<char[]> storage_;
  size_t arena_size_ = 0;
  std::vector<std::vector<char>> gathered_;  // per input
  std::vector<float> fresh_states_;          // room for the new states, before any old one is overwritten
  int loss_ = kAbsent;
  std::vector<size_t> backward_order_;  // the ops that run backward, last first
  std::vector<Trained> trained_;
  std::vector<float> zeros_;
  SgdStep sgd_{};
  RmspropStep rmsprop_{};
  AdamStep adam_{};
  double beta_1_ = 0, beta_2_ = 0, weight_decay_ = 0;
  bool epsilon_hat_ = false;
  bool measured_ = false;
  std::vector<double> seconds_;  // gather, update, forward of each node, backward of each node
};

}  // namespace recurra
