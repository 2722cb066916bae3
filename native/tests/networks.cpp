#include "networks.h"

#include <algorithm>
#include <cstring>

namespace recurra::tests {

namespace {

// Multiply-adds of one run forward; more would make the tests slow where processors are emulated.
constexpr int64_t kMostWork = 3'000'000;

std::vector<Network> make_networks() {
  std::vector<Network> all;
  auto add = [&](const Network& base) {
    const int64_t gates = base.cell == "lstm" ? 4 : base.cell == "gru" ? 3 : 1;
    if (base.batch * base.time * (base.units + 8) * gates * base.units > kMostWork) return;
    Network network = base;
    const uint64_t seed = stream_of(base.name());
    uint64_t drawn = 0;
    auto draw = [&](uint64_t n) { return mix(seed, drawn++) % n; };
    network.features = static_cast<int64_t>(1 + draw(12));
    network.outputs = static_cast<int64_t>(1 + draw(70));
    network.layers = draw(5) == 0 ? 2 : 1;
    network.bias = draw(8) != 0;
    network.mask = draw(3) == 0;
    network.zero_output = draw(2) == 0;
    network.initial = draw(3) == 0;
    network.returned = draw(3) == 0;
    network.backwards = draw(5) == 0;
    network.dropout = draw(3) == 0;
    network.recurrent_dropout = draw(4) == 0;
    network.embedding = draw(5) == 0;
    network.every_step = draw(3) != 0;
    network.classes = draw(2) == 0;
    const char* activations[] = {"relu", "elu", "selu", "softsign", "softplus", "linear", "hard_sigmoid", "sigmoid"};
    // Those that may grow without bound stay with short sequences.
    if (draw(4) == 0) network.activation = base.time > 100 ? "softsign" : activations[draw(8)];
    if (draw(4) == 0) network.recurrent_activation = draw(2) ? "hard_sigmoid" : "hard_sigmoid_tfjs";
    network.rule = draw(rules().size());
    all.push_back(network);
  };
  for (const auto& [cell, reset_after] : {std::pair("lstm", true), {"gru", true}, {"gru", false}, {"simple_rnn", true}})
    for (int64_t units : {1, 7, 16, 33, 64, 100}) {
      Network network;
      network.cell = cell;
      network.reset_after = reset_after;
      network.units = units;
      for (int64_t batch : {1, 2, 5, 31})
        for (int64_t time : {1, 2, 30, 1000}) {
          network.batch = batch;
          network.time = time;
          add(network);
        }
      network.batch = 100;  // rows for more chains than threads
      network.time = 17;
      add(network);
    }
  return all;
}

std::vector<float> outputs(const Model& model) {
  std::vector<float> all;
  const Graph& graph = const_cast<Model&>(model).plan().graph();
  for (const auto& [name, id] : graph.outputs) {
    const std::vector<float> one = model.copy(name);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace

const std::vector<Network>& networks() {
  static const std::vector<Network> all = make_networks();
  return all;
}

Network streamable(Network network) {
  network.backwards = network.mask = network.returned = false;
  network.every_step = true;
  return network;
}

std::vector<float> predicted(const Network& network, int64_t piece) {
  std::vector<float> all;
  for (int64_t first = 0; first < network.batch; first += piece) {
    const int64_t count = std::min(piece, network.batch - first);
    Model model(network, Use::predict, count);
    model.plan().forward(model.feeds(first, count), nullptr, 0, 0);
    // States, where they are returned, follow in pieces, too; only y stands in the order of rows.
    const std::vector<float> y = model.copy("y");
    all.insert(all.end(), y.begin(), y.end());
  }
  return all;
}

std::vector<float> streamed(const Network& network) {
  Model model(network, Use::stream);
  const int64_t width = network.outputs;
  std::vector<float> all(static_cast<size_t>(network.batch * network.time * width));
  for (int64_t t = 0; t < network.time; t++) {
    model.plan().forward(model.step_feeds(t), nullptr, 0, 0);
    model.plan().apply_states();
    const float* y = model.output("y");
    for (int64_t row = 0; row < network.batch; row++)
      std::memcpy(&all[static_cast<size_t>((row * network.time + t) * width)], y + row * width,
                  static_cast<size_t>(width) * sizeof(float));
  }
  return all;
}

uint64_t fingerprint(const Network& network) {
  Digest digest;
  {
    Model model(network, Use::predict);
    model.plan().forward(model.feeds(0, network.batch), nullptr, 0, 0);
    digest.add(outputs(model));
  }
  Model model(network, Use::train);
  Plan& plan = model.plan();
  plan.forward(model.feeds(1, network.batch), nullptr, 0, 7);
  plan.backward();
  digest.add(outputs(model));
  for (size_t i = 0; i < model.weights.size(); i++)
    if (const float* gradient = plan.parameter_gradient(i))
      digest.add(gradient, static_cast<int64_t>(model.weights[i].size()));
  std::vector<int64_t> rows(static_cast<size_t>(network.batch));
  for (uint64_t step = 1; step <= 3; step++) {
    for (size_t i = 0; i < rows.size(); i++)
      rows[i] = static_cast<int64_t>((i * 3 + step * 2) % static_cast<uint64_t>(model.data_rows()));
    plan.train(model.feeds(0, model.data_rows()), rows.data(), network.batch, step, 0.01);
    digest.add(outputs(model));
  }
  for (const auto& numbers : model.weights) digest.add(numbers);
  for (const auto& numbers : model.slots) digest.add(numbers);
  digest.add(streamed(streamable(network)));
  return digest.value();
}

uint64_t functions_fingerprint() {
  Digest digest;
  const Kernels& kernel = kernels();
  // Every exponent that float32 has, both signs; the lengths leave tails for every width of vectors.
  std::vector<float> x;
  for (uint32_t exponent = 1; exponent < 255; exponent++)
    for (uint32_t i = 0; i < 13; i++) {
      const uint64_t z = mix(exponent, i);
      const uint32_t digits = static_cast<uint32_t>(z >> 40) & 0x7fffffu;
      const uint32_t bits = digits | exponent << 23 | (i % 2 ? 0x80000000u : 0u);
      float number;
      std::memcpy(&number, &bits, 4);
      x.push_back(number);
    }
  for (uint64_t i = 0; i < 4001; i++) x.push_back(noise(3, i) * 12.0f);
  const auto n = static_cast<int64_t>(x.size());
  std::vector<float> y(x.size()), d(x.size()), dx(x.size());
  for (size_t i = 0; i < d.size(); i++) d[i] = noise(4, i);
  FlushToZero flush;
  for (int kind = 0; kind <= static_cast<int>(Unary::tanh); kind++) {
    const float p0 = static_cast<Unary>(kind) == Unary::clip ? -1.5f : 0.75f;
    kernel.unary(static_cast<Unary>(kind), p0, 2.5f, x.data(), y.data(), n);
    digest.add(y);
    kernel.unary_backward(static_cast<Unary>(kind), p0, 2.5f, x.data(), y.data(), d.data(), dx.data(), false, n);
    digest.add(dx);
  }
  for (int kind = 0; kind <= static_cast<int>(Binary::equal); kind++) {
    kernel.binary(static_cast<Binary>(kind), x.data(), 1, d.data(), 1, y.data(), n);
    digest.add(y);
    kernel.binary(static_cast<Binary>(kind), x.data() + 3300, 0, d.data(), 1, y.data(), n - 1);
    digest.add(y);
  }
  for (int64_t size : {1, 2, 15, 16, 17, 100, 4001}) {
    const float* from = d.data();
    const double sums[] = {kernel.sum(from, size), kernel.sum_squares(from, size)};
    digest.add(sums, 4);
    for (bool log : {false, true}) {
      kernel.softmax(x.data() + 3302, y.data(), 1, size, log);
      digest.add(y);
      kernel.softmax_backward(y.data(), d.data(), dx.data(), 1, size, log, false);
      digest.add(dx);
    }
  }
  for (int64_t size : {1, 2, 15, 16, 17, 100}) {
    constexpr int64_t rows = 37;
    const float* logits = x.data() + 3302;
    std::vector<float> loss(rows), slope(d.begin(), d.begin() + rows), flow(d.size());
    std::vector<int32_t> classes;
    for (int64_t i = 0; i < rows; i++) classes.push_back(static_cast<int32_t>(i * 7 % size));
    kernel.softmax(logits, y.data(), rows, size, false);
    for (float low : {0.0f, 1e-4f}) {
      for (bool one : {false, true}) {
        Crossentropy c{};
        c.n = size;
        c.low = low;
        c.high = 1.0f - low;
        c.x = logits;
        c.y = y.data();
        if (one) c.classes = classes.data();
        else c.targets = d.data() + 11;
        c.loss = loss.data();
        kernel.crossentropy(c, 0, rows);
        digest.add(loss);
        c.d_loss = slope.data();
        c.dx = dx.data();
        if (!one) c.d_targets = flow.data();
        for (bool accumulate : {false, true}) {
          c.accumulate = c.accumulate_targets = accumulate;
          kernel.crossentropy_backward(c, 0, rows);
          digest.add(dx.data(), rows * size);
          digest.add(flow.data(), one ? 0 : rows * size);
        }
      }
    }
  }
  for (int64_t first : {0, 1, 5, 1000003}) {
    kernel.dropout_mask(y.data(), 1.25f, 1u << 22, 0xfeedfacecafebeefull, 3, first, n);
    digest.add(y);
  }
  return digest.value();
}

}  // namespace recurra::tests
