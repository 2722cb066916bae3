// Models for the tests, built as Python builds them: nodes, weights, data. All numbers come from integers by exact
// arithmetic, so that they are the same on every machine.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "../core/plan.h"

namespace recurra::tests {

// Element `index` of the stream `name`: in [-1, 1), about bell-shaped.
float noise(uint64_t stream, uint64_t index);
uint64_t stream_of(const std::string& name);
uint64_t mix(uint64_t seed, uint64_t index);

// A 64-bit digest of float32 numbers. All NaNs count as one: their sign and payload are the machine's business.
class Digest {
 public:
  void add(const void* data, int64_t items);
  void add(const std::vector<float>& data) { add(data.data(), static_cast<int64_t>(data.size())); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15ull;
};

// What a network is made of. Every combination is valid.
struct Network {
  std::string cell = "lstm";  // lstm, gru, simple_rnn
  bool reset_after = true;
  int64_t batch = 5, time = 7, features = 3, units = 16, outputs = 2, layers = 1;
  bool bias = true, mask = false, zero_output = false, initial = false, returned = false, backwards = false;
  bool dropout = false, recurrent_dropout = false, embedding = false, every_step = true, classes = false;
  std::string activation = "tanh", recurrent_activation = "sigmoid";
  size_t rule = 0;  // of `rules()`
  bool recompute = false;  // changes no number, so it has no part in the name

  std::string name() const;
};

const std::vector<std::pair<std::string, UpdateRule>>& rules();

enum class Use { train, predict, stream };

// A network with weights and data, and the plan that runs it.
class Model {
 public:
  // For streams, `batch` is the number of series that go on at once, and a step takes one time step.
  Model(const Network& network, Use use, int64_t batch);
  Model(const Network& network, Use use) : Model(network, use, network.batch) {}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Plan& plan() { return *plan_; }
  // The data from row `first`, as `count` rows. There are `data_rows` of them.
  std::vector<Feed> feeds(int64_t first, int64_t count) const;
  // What a stream reads at time `t`.
  std::vector<Feed> step_feeds(int64_t t) const;
  int64_t data_rows() const { return rows_; }
  const float* output(const std::string& name) const;
  int64_t output_size(const std::string& name) const;
  std::vector<float> copy(const std::string& name) const;

  // Weights, then slots: what training changes.
  std::deque<std::vector<float>> weights, slots, states;
  std::vector<std::string> weight_names;

 private:
  // The rows of one input: float32, or int32 below `classes`.
  struct Data {
    int64_t row;   // elements
    int64_t step;  // elements of one time step
    std::vector<float> floats;
    std::vector<int32_t> ints;
  };

  int value(Shape shape, bool is_int = false);
  enum class Kind { numbers, mask, classes };
  int input(const std::string& name, Shape shape, Kind kind, int64_t steps, int64_t classes = 0);
  int weight(const std::string& name, Shape shape, float scale);
  int constant(Shape shape, float number);
  std::vector<int> node(const std::string& op, std::vector<int> inputs, std::vector<Shape> outputs,
                        std::map<std::string, Attribute> attributes = {});
  int one(const std::string& op, std::vector<int> inputs, Shape output,
          std::map<std::string, Attribute> attributes = {});
  const Shape& shape(int id) const { return graph_.values[static_cast<size_t>(id)].shape; }
  int binary(const std::string& op, int a, int b);
  int mean_square(int x);
  // One recurrent layer: its outputs, then its last states.
  std::vector<int> layer(const Network& network, Use use, const std::string& name, int x, int mask);
  int last_step(int sequence);
  void heads(const Network& network, Use use, int x, const std::vector<int>& last);

  int64_t rows_;
  bool streams_;
  Graph graph_;
  Bound bound_;
  std::deque<Data> data_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace recurra::tests
