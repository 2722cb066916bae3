// What cannot be computed is an error that changes nothing, and the step after it is the step that would have been.
#include <cmath>
#include <limits>

#include "check.h"
#include "networks.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint64_t everything(const Model& model) {
  Digest digest;
  for (const auto& numbers : model.weights) digest.add(numbers);
  for (const auto& numbers : model.slots) digest.add(numbers);
  return digest.value();
}

void train(Model& model, const std::vector<Feed>& feeds, uint64_t step) {
  model.plan().train(feeds, nullptr, 0, step, 0.01);
}

Network training(const char* cell, size_t rule) {
  Network network;
  network.cell = cell;
  network.rule = rule;
  network.units = 19;
  network.dropout = network.recurrent_dropout = network.initial = true;
  return network;
}

}  // namespace

TEST(numbers_that_are_not_finite_change_nothing) {
  for (const char* cell : {"lstm", "gru", "simple_rnn"})
    for (size_t rule = 0; rule < rules().size(); rule++) {
      const Network network = training(cell, rule);
      Model model(network, Use::train), other(network, Use::train);
      const std::vector<Feed> good = model.feeds(0, network.batch);
      train(model, good, 1);
      train(other, good, 1);
      const uint64_t before = everything(model);
      std::vector<float> x(static_cast<size_t>(network.batch * network.time * network.features), 0.5f);
      for (float bad : {kNan, kInfinity, -kInfinity}) {
        x[17] = bad;
        std::vector<Feed> feeds = good;
        feeds[0].data = x.data();
        // The gates squash infinity; then it is the gradient that is not finite.
        CHECK_THROWS(train(model, feeds, 2), NonFinite, "is not finite. The input 'x' holds NaN or infinity");
        CHECK(everything(model) == before, network.name());
      }
      train(model, good, 2);
      train(other, good, 2);
      CHECK(everything(model) == everything(other), network.name());
    }
}

TEST(a_weight_that_is_not_finite_is_named) {
  const Network network = training("gru", 6);
  Model model(network, Use::train);
  for (size_t i = 0; i < model.weights.size(); i++) {
    if (model.weight_names[i] != "dense/kernel" && model.weight_names[i] != "layer0/recurrent") continue;
    const float good = model.weights[i][3];
    model.weights[i][3] = kNan;
    const uint64_t before = everything(model);
    CHECK_THROWS(train(model, model.feeds(0, network.batch), 1), NonFinite,
                 "The weight '" + model.weight_names[i] + "' holds NaN or infinity already");
    CHECK(everything(model) == before);
    model.weights[i][3] = good;
  }
  train(model, model.feeds(0, network.batch), 1);
}

TEST(numbers_that_overflow_are_traced_to_their_op) {
  const Network network = training("lstm", 5);
  Model model(network, Use::train);
  for (size_t i = 0; i < model.weights.size(); i++)
    if (model.weight_names[i].rfind("dense", 0) == 0)
      for (float& number : model.weights[i]) number = 3e38f;
  const uint64_t before = everything(model);
  CHECK_THROWS(train(model, model.feeds(0, network.batch), 1), NonFinite, "It began in 'tests', op ");
  CHECK(everything(model) == before);
}

TEST(many_steps_stop_before_the_one_that_fails) {
  Network network;
  network.batch = 2;
  Model model(network, Use::train), other(network, Use::train);
  std::vector<Feed> feeds = model.feeds(0, model.data_rows());
  std::vector<float> x(static_cast<size_t>(model.data_rows() * network.time * network.features), 0.25f);
  feeds[0].data = x.data();
  x.back() = kNan;
  const int64_t rows[] = {0, 1, 2, 3, 3, 4, 1, 2};
  const double rates[] = {0.01, 0.02, 0.03, 0.04};
  float losses[4 * 100];
  std::string failed;
  CHECK(model.plan().train_steps(feeds, rows, 2, 4, 1, rates, 1e9, losses, &failed) == 2);
  CHECK(failed.find("The loss is not finite") == 0, failed);
  other.plan().train(feeds, rows, 2, 1, rates[0]);
  other.plan().train(feeds, rows + 2, 2, 2, rates[1]);
  CHECK(everything(model) == everything(other));
}

TEST(rows_out_of_range_are_refused) {
  Network network;
  Model model(network, Use::train);
  const uint64_t before = everything(model);
  for (int64_t bad : {int64_t{-1}, model.data_rows(), int64_t{1} << 40}) {
    const int64_t rows[] = {0, 1, bad, 2, 3};
    CHECK_THROWS(model.plan().train(model.feeds(0, model.data_rows()), rows, 5, 1, 0.01), InvalidData,
                 "received " + std::to_string(bad));
  }
  CHECK(everything(model) == before);
}

TEST(indices_out_of_range_are_refused) {
  Network network;
  network.embedding = network.classes = true;
  Model model(network, Use::train);
  const uint64_t before = everything(model);
  std::vector<int32_t> words(static_cast<size_t>(network.batch * network.time), 1);
  for (size_t input : {size_t{0}, size_t{1}}) {
    std::vector<Feed> feeds = model.feeds(0, network.batch);
    feeds[input].data = words.data();
    for (int32_t bad : {-1, 11, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
      words[4] = bad;
      CHECK_THROWS(train(model, feeds, 1), InvalidData, "received " + std::to_string(bad));
    }
    words[4] = 1;
  }
  CHECK(everything(model) == before);
}

TEST(what_the_engine_lacks_is_said) {
  Graph graph;
  graph.values = {{{2}, false}, {{2}, false}};
  graph.inputs = {{"x", 0}};
  graph.nodes = {{"frobnicate", {0}, {1}, {}, "somewhere"}};
  CHECK_THROWS(Plan(graph, {}, std::nullopt, false), Unsupported, "op 'frobnicate'");
  Network network;
  network.activation = "frobnicate";
  CHECK_THROWS(Model(network, Use::predict), Unsupported, "activation 'frobnicate'");
}
