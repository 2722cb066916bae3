#include "models.h"

#include <cmath>
#include <cstring>

namespace recurra::tests {

namespace {

// More rows than a batch has, so that gathering picks some and leaves some.
constexpr int64_t kSpareRows = 3;

std::string size_name(const char* letter, int64_t n) { return std::string(letter) + std::to_string(n); }

}  // namespace

uint64_t mix(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;  // splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint64_t stream_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

float noise(uint64_t stream, uint64_t index) {
  const uint64_t z = mix(stream, index);
  int64_t sum = 0;
  for (int i = 0; i < 4; i++) sum += static_cast<int64_t>(z >> (16 * i) & 0xffff);
  return static_cast<float>(sum - 131070) / 131072.0f;
}

void Digest::add(const void* data, int64_t items) {
  const char* from = static_cast<const char*>(data);
  for (int64_t i = 0; i < items; i++, from += 4) {
    uint32_t word;
    std::memcpy(&word, from, 4);
    if ((word & 0x7fffffffu) > 0x7f800000u) word = 0x7fc00000u;
    state_ = (state_ ^ word) * 0xff51afd7ed558ccdull;
    state_ ^= state_ >> 32;
  }
}

std::string Network::name() const {
  std::string name = cell;
  if (cell == "gru") name += reset_after ? "_after" : "_before";
  for (const auto& [letter, n] :
       {std::pair("-b", batch), {"-t", time}, {"-f", features}, {"-u", units}, {"-o", outputs}})
    name += size_name(letter, n);
  if (layers > 1) name += size_name("-x", layers);
  const std::pair<bool, const char*> flags[] = {
      {!bias, "nobias"},        {mask, "mask"},           {zero_output, "zeros"}, {initial, "initial"},
      {returned, "returned"},   {backwards, "backwards"}, {dropout, "dropout"},   {recurrent_dropout, "rd"},
      {embedding, "embedding"}, {!every_step, "last"},    {classes, "classes"},
  };
  for (const auto& [on, flag] : flags)
    if (on) name += std::string("-") + flag;
  if (activation != "tanh") name += "-" + activation;
  if (recurrent_activation != "sigmoid") name += "-" + recurrent_activation;
  return name + "-" + rules()[rule].first;
}

const std::vector<std::pair<std::string, UpdateRule>>& rules() {
  using Constants = std::map<std::string, double>;
  const Constants adam = {{"beta_1", 0.9}, {"beta_2", 0.999}, {"epsilon", 1e-7}, {"epsilon_hat", 1}};
  auto with = [](Constants base, const Constants& more) {
    for (const auto& [name, number] : more) base[name] = number;
    return base;
  };
  static const std::vector<std::pair<std::string, UpdateRule>> all = {
      {"sgd", {"sgd", {{"momentum", 0}}, {}, {}, {}, {}}},
      {"momentum", {"sgd", {{"momentum", 0.9}, {"scaled", 1}}, {"momentum"}, {}, {}, {}}},
      {"nesterov", {"sgd", {{"momentum", 0.9}, {"nesterov", 1}}, {"momentum"}, 0.05, {}, {}}},
      {"nesterov_scaled", {"sgd", {{"momentum", 0.9}, {"nesterov", 1}, {"scaled", 1}}, {"momentum"}, {}, {}, {}}},
      {"rmsprop", {"rmsprop", {{"rho", 0.9}, {"epsilon", 1e-7}}, {"velocity"}, {}, {}, {}}},
      {"rmsprop_centered",
       {"rmsprop",
        {{"rho", 0.9}, {"epsilon", 1e-7}, {"momentum", 0.5}, {"centered", 1}},
        {"velocity", "momentum", "average"},
        {},
        0.1,
        {}}},
      {"adam", {"adam", adam, {"momentum", "velocity"}, {}, {}, {}}},
      {"adam_clip", {"adam", with(adam, {{"epsilon_hat", 0}}), {"momentum", "velocity"}, {}, {}, 0.1}},
      {"amsgrad", {"adam", with(adam, {{"amsgrad", 1}}), {"momentum", "velocity", "velocity_max"}, {}, {}, {}}},
      {"adam_decay", {"adam", with(adam, {{"weight_decay", 0.01}}), {"momentum", "velocity"}, {}, {}, {}}},
  };
  return all;
}

int Model::value(Shape shape, bool is_int) {
  graph_.values.push_back({std::move(shape), is_int});
  return static_cast<int>(graph_.values.size()) - 1;
}

int Model::input(const std::string& name, Shape shape, Kind kind, int64_t steps, int64_t classes) {
  const int id = value(shape, kind == Kind::classes);
  graph_.inputs.emplace_back(name, id);
  // A stream takes one of the steps that the data has.
  const int64_t given = graph_.values[static_cast<size_t>(id)].size() / shape[0];
  Data data;
  data.step = given;
  data.row = streams_ ? given * steps : given;
  const auto n = static_cast<size_t>(rows_ * data.row);
  const uint64_t stream = stream_of(name);
  if (kind == Kind::classes) {
    for (size_t i = 0; i < n; i++) data.ints.push_back(static_cast<int32_t>(mix(stream, i) >> 32) & 0x7fffffff);
    for (int32_t& number : data.ints) number %= static_cast<int32_t>(classes);
  } else {
    for (size_t i = 0; i < n; i++)
      data.floats.push_back(kind == Kind::numbers ? noise(stream, i) : mix(stream, i) % 4 != 0 ? 1.0f : 0.0f);
  }
  data_.push_back(std::move(data));
  return id;
}

int Model::weight(const std::string& name, Shape shape, float scale) {
  const int id = value(shape);
  std::vector<float> numbers(static_cast<size_t>(graph_.values[static_cast<size_t>(id)].size()));
  for (size_t i = 0; i < numbers.size(); i++) numbers[i] = noise(stream_of(name), i) * scale;
  weights.push_back(std::move(numbers));
  weight_names.push_back(name);
  graph_.parameters.emplace_back(name, id);
  graph_.trainable.push_back(true);
  bound_.parameters.push_back(weights.back().data());
  return id;
}

int Model::constant(Shape shape, float number) {
  const int id = value(std::move(shape));
  const std::vector<float> numbers(static_cast<size_t>(graph_.values[static_cast<size_t>(id)].size()), number);
  std::vector<char> bytes(numbers.size() * sizeof(float));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  bound_.constants.emplace_back(id, std::move(bytes));
  return id;
}

std::vector<int> Model::node(const std::string& op, std::vector<int> inputs, std::vector<Shape> outputs,
                             std::map<std::string, Attribute> attributes) {
  std::vector<int> ids;
  for (Shape& output : outputs) ids.push_back(value(std::move(output)));
  graph_.nodes.push_back({op, std::move(inputs), ids, std::move(attributes), "tests"});
  return ids;
}

int Model::one(const std::string& op, std::vector<int> inputs, Shape output,
               std::map<std::string, Attribute> attributes) {
  return node(op, std::move(inputs), {std::move(output)}, std::move(attributes))[0];
}

int Model::binary(const std::string& op, int a, int b) { return one(op, {a, b}, shape(a)); }

int Model::mean_square(int x) {
  Shape axes;
  for (size_t i = 0; i < shape(x).size(); i++) axes.push_back(static_cast<int64_t>(i));
  const int square = one("square", {x}, shape(x));
  return one("reduce_mean", {square}, {}, {{"axes", axes}, {"keepdims", int64_t{0}}});
}

int Model::last_step(int sequence) {
  const Shape whole = shape(sequence);
  const int piece = one("slice", {sequence}, {whole[0], 1, whole[2]},
                        {{"axis", int64_t{1}}, {"start", int64_t{-1}}, {"stop", std::monostate{}}});
  return one("reshape", {piece}, {whole[0], whole[2]}, {{"shape", Shape{whole[0], whole[2]}}});
}

std::vector<int> Model::layer(const Network& network, Use use, const std::string& name, int x, int mask) {
  const int64_t batch = shape(x)[0], time = shape(x)[1], features = shape(x)[2], units = network.units;
  const bool is_lstm = network.cell == "lstm", is_gru = network.cell == "gru";
  const int64_t gates = is_lstm ? 4 : is_gru ? 3 : 1;
  const float scale = 1.0f / std::sqrt(static_cast<float>(units) + 1.0f);
  const int kernel = weight(name + "/kernel", {features, gates * units}, 0.5f);
  const int recurrent = weight(name + "/recurrent", {units, gates * units}, 2.0f * scale);
  int bias = kAbsent;
  if (network.bias) {
    const bool two = is_gru && network.reset_after;
    bias = weight(name + "/bias", two ? Shape{2, 3 * units} : Shape{gates * units}, 0.5f);
  }
  std::vector<int> inputs = {x, kernel, recurrent, bias};
  for (const char* state : {"h", "c"}) {
    if (state[0] == 'c' && !is_lstm) continue;
    int start = kAbsent;
    // The same start for all rows, and trained.
    const int vector = network.initial ? weight(name + "/initial_" + state, {units}, 1.0f) : kAbsent;
    if (network.initial && use != Use::stream)
      start = one("broadcast_to", {vector}, {batch, units}, {{"shape", Shape{batch, units}}});
    if (use == Use::stream) {
      std::vector<float> numbers(static_cast<size_t>(batch * units), 0.0f);
      if (network.initial)
        for (size_t i = 0; i < numbers.size(); i++) numbers[i] = weights.back()[i % static_cast<size_t>(units)];
      states.push_back(std::move(numbers));
      start = value({batch, units});
      graph_.states.emplace_back(name + "/" + state, start);
      bound_.states.push_back(states.back().data());
    }
    inputs.push_back(start);
  }
  inputs.push_back(mask);
  int factors = kAbsent;
  if (network.recurrent_dropout && use == Use::train) {
    const int ones = constant({batch, units}, 1.0f);
    factors = one("dropout", {ones}, {batch, units},
                  {{"rate", 0.25}, {"seed", static_cast<int64_t>(stream_of(name))}, {"noise_shape", std::monostate{}}});
    // As a weight has a part in it, its gradient is asked for, too.
    const int gain = weight(name + "/gain", {units}, 0.5f);
    factors = binary("multiply", factors, gain);
  }
  inputs.push_back(factors);
  std::map<std::string, Attribute> attributes = {{"activation", network.activation},
                                                 {"go_backwards", int64_t{network.backwards}},
                                                 {"zero_output_for_mask", int64_t{network.zero_output}}};
  if (is_lstm || is_gru) attributes["recurrent_activation"] = network.recurrent_activation;
  if (is_gru) attributes["reset_after"] = int64_t{network.reset_after};
  std::vector<Shape> outputs = {{batch, time, units}, {batch, units}};
  if (is_lstm) outputs.push_back({batch, units});
  std::vector<int> made = node(network.cell, inputs, outputs, attributes);
  if (use == Use::stream)
    for (size_t i = 1; i < made.size(); i++)
      graph_.updates.emplace_back(static_cast<int>(graph_.states.size() - made.size() + i), made[i]);
  return made;
}

void Model::heads(const Network& network, Use use, int x, const std::vector<int>& last) {
  if (!network.every_step && use != Use::stream) x = last_step(x);
  Shape to = shape(x);
  to.back() = network.outputs;
  const int kernel = weight("dense/kernel", {network.units, network.outputs}, 0.5f);
  const int bias = weight("dense/bias", {network.outputs}, 0.5f);
  int y = one("dense", {x, kernel, bias}, to);
  if (use != Use::train) {
    if (network.classes) y = one("softmax", {y}, to);
    graph_.outputs.emplace_back("y", y);
    if (network.returned)
      for (size_t i = 0; i < last.size(); i++) graph_.outputs.emplace_back("state" + std::to_string(i), last[i]);
    return;
  }
  int loss;
  if (network.classes) {
    const int logits = y;
    y = one("softmax", {logits}, to);
    Shape rows(to.begin(), to.end() - 1);
    const int labels = input("labels", rows, Kind::classes, 1, network.outputs);
    const int values = one("softmax_crossentropy", {logits, y, labels}, rows, {{"low", 1e-7}, {"high", 1.0 - 1e-7}});
    Shape axes;
    for (size_t i = 0; i < rows.size(); i++) axes.push_back(static_cast<int64_t>(i));
    loss = one("reduce_mean", {values}, {}, {{"axes", axes}, {"keepdims", int64_t{0}}});
  } else {
    const int target = input("target", to, Kind::numbers, 1);
    loss = mean_square(binary("subtract", y, target));
  }
  if (network.returned)
    for (int state : last) loss = binary("add", loss, mean_square(state));
  graph_.outputs.emplace_back("loss", loss);
  graph_.outputs.emplace_back("y", y);
}

Model::Model(const Network& network, Use use, int64_t batch)
    : rows_(network.batch + kSpareRows), streams_(use == Use::stream) {
  const int64_t time = streams_ ? 1 : network.time, features = network.features;
  int x;
  if (network.embedding) {
    const int words = input("x", {batch, time}, Kind::classes, network.time, 11);
    const int table = weight("embedding", {11, features}, 1.0f);
    x = one("embedding", {words, table}, {batch, time, features});
  } else {
    x = input("x", {batch, time, features}, Kind::numbers, network.time);
  }
  const int mask = network.mask ? input("mask", {batch, time}, Kind::mask, network.time) : kAbsent;
  if (network.dropout && use == Use::train)
    x = one("dropout", {x}, {batch, time, features},
            {{"rate", 0.25}, {"seed", int64_t{-5}}, {"noise_shape", Shape{batch, 1, features}}});
  std::vector<int> last;
  for (int64_t i = 0; i < network.layers; i++) {
    const std::vector<int> made = layer(network, use, "layer" + std::to_string(i), x, mask);
    x = made[0];
    last.assign(made.begin() + 1, made.end());
  }
  heads(network, use, x, last);
  std::optional<UpdateRule> rule;
  if (use == Use::train) {
    rule = rules()[network.rule].second;
    for (size_t k = 0; k < rule->slots.size(); k++) {
      bound_.slots.emplace_back();
      for (const std::vector<float>& numbers : weights) {
        slots.emplace_back(numbers.size(), 0.0f);
        bound_.slots.back().push_back(slots.back().data());
      }
    }
  }
  plan_ = std::make_unique<Plan>(graph_, bound_, rule, use == Use::train, use == Use::stream, Precision::float32,
                                 network.recompute);
}

std::vector<Feed> Model::feeds(int64_t first, int64_t count) const {
  std::vector<Feed> all;
  for (const Data& data : data_) {
    const int64_t at = first * data.row;
    const void* from = data.ints.empty() ? static_cast<const void*>(data.floats.data() + at) : data.ints.data() + at;
    all.push_back({from, count, data.row * 4});
  }
  return all;
}

std::vector<Feed> Model::step_feeds(int64_t t) const {
  std::vector<Feed> all;
  for (const Data& data : data_) {
    const int64_t at = t * data.step;
    const void* from = data.ints.empty() ? static_cast<const void*>(data.floats.data() + at) : data.ints.data() + at;
    all.push_back({from, rows_ - kSpareRows, data.row * 4});
  }
  return all;
}

const float* Model::output(const std::string& name) const {
  for (const auto& [known, id] : plan_->graph().outputs)
    if (known == name) return static_cast<const float*>(plan_->value(id));
  return nullptr;
}

int64_t Model::output_size(const std::string& name) const {
  for (const auto& [known, id] : plan_->graph().outputs)
    if (known == name) return plan_->graph().values[static_cast<size_t>(id)].size();
  return 0;
}

std::vector<float> Model::copy(const std::string& name) const {
  const float* from = output(name);
  return {from, from + output_size(name)};
}

}  // namespace recurra::tests
