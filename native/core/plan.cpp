#include "plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "tiles.h"

namespace recurra {

namespace {

constexpr size_t kAlign = 64;
constexpr size_t kItem = 4;  // both element types have four bytes

size_t aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

}  // namespace

Plan::Plan(Graph graph, Bound bound, std::optional<UpdateRule> rule, bool backward, bool resident, Precision precision,
           bool recompute)
    : graph_(std::move(graph)), bound_(std::move(bound)), rule_(std::move(rule)), backward_(backward) {
  for (const auto& [name, id] : graph_.outputs)
    if (name == "loss") loss_ = id;
  const OpTable& table = precision == Precision::float32 ? op_table() : tile_op_table();
  for (const Node& node : graph_.nodes) {
    auto found = table.find(node.op);
    if (found == table.end()) throw Unsupported("op '" + node.op + "'");
    ops_.push_back(found->second(node, graph_.values));
  }
  buffers_.values.assign(graph_.values.size(), nullptr);
  buffers_.gradients.assign(graph_.values.size(), nullptr);
  for (size_t i = 0; i < parameters(); i++)
    buffers_.values[static_cast<size_t>(graph_.parameters[i].second)] = bound_.parameters[i];
  for (size_t i = 0; i < graph_.states.size(); i++)
    buffers_.values[static_cast<size_t>(graph_.states[i].second)] = bound_.states[i];
  for (auto& [id, bytes] : bound_.constants) buffers_.values[static_cast<size_t>(id)] = bytes.data();
  gathered_.resize(graph_.inputs.size());
  int64_t state_floats = 0;
  for (const auto& [state, id] : graph_.updates) state_floats += graph_.values[static_cast<size_t>(id)].size();
  fresh_states_.resize(static_cast<size_t>(state_floats));
  find_gradients();
  find_readers();
  for (size_t i = 0; i < ops_.size(); i++) {
    const std::vector<bool>& flows = ops_[i]->output_has_gradient;
    ops_[i]->buffers = &buffers_;
    ops_[i]->resident = resident && !backward;
    ops_[i]->precision = precision;
    ops_[i]->recompute = recompute;
    ops_[i]->prepare(std::find(flows.begin(), flows.end(), true) != flows.end());
  }
  lay_out();
  for (size_t k = ops_.size(); k-- > 0;) {
    const std::vector<bool>& flows = ops_[k]->output_has_gradient;
    if (std::find(flows.begin(), flows.end(), true) != flows.end()) backward_order_.push_back(k);
  }
  if (rule_) prepare_update();
}

// Which values a gradient flows into, and which node writes each of them first in the backward pass.
void Plan::find_gradients() {
  const size_t n = graph_.values.size();
  std::vector<bool> wanted(n, false);
  if (backward_)
    for (size_t i = 0; i < parameters(); i++)
      if (graph_.trainable[i]) wanted[static_cast<size_t>(graph_.parameters[i].second)] = true;
  for (const auto& op : ops_) {
    bool any = false;
    for (size_t i = 0; i < op->node.inputs.size(); i++) {
      const int id = op->node.inputs[i];
      any |= id != kAbsent && wanted[static_cast<size_t>(id)] && op->differentiable(static_cast<int>(i));
    }
    for (int id : op->node.outputs)
      wanted[static_cast<size_t>(id)] = any && !graph_.values[static_cast<size_t>(id)].is_int;
  }
  has_gradient_.assign(n, false);
  if (backward_ && loss_ != kAbsent && wanted[static_cast<size_t>(loss_)])
    has_gradient_[static_cast<size_t>(loss_)] = true;
  for (size_t k = ops_.size(); k-- > 0;) {
    Op& op = *ops_[k];
    bool any = false;
    for (int id : op.node.outputs) {
      op.output_has_gradient.push_back(has_gradient_[static_cast<size_t>(id)]);
      any |= has_gradient_[static_cast<size_t>(id)];
    }
    for (size_t i = 0; i < op.node.inputs.size(); i++) {
      Gradient gradient;
      const int id = op.node.inputs[i];
      if (any && id != kAbsent && wanted[static_cast<size_t>(id)] && op.differentiable(static_cast<int>(i))) {
        gradient.id = id;
        gradient.accumulate = has_gradient_[static_cast<size_t>(id)];
        has_gradient_[static_cast<size_t>(id)] = true;
      }
      op.input_gradients.push_back(gradient);
    }
  }
}

// Which outputs of nodes anything reads.
void Plan::find_readers() {
  std::vector<bool> is_read(graph_.values.size(), false);
  auto reads = [&](int id) {
    if (id != kAbsent) is_read[static_cast<size_t>(id)] = true;
  };
  for (const Node& node : graph_.nodes)
    for (int id : node.inputs) reads(id);
  for (const auto& [name, id] : graph_.outputs) reads(id);
  for (const auto& [state, id] : graph_.updates) reads(id);
  for (const auto& op : ops_)
    for (int id : op->node.outputs) op->output_is_read.push_back(is_read[static_cast<size_t>(id)]);
}

// Gives every buffer a place in one arena. Node i runs forward at time i and backward at time 2n - 1 - i; buffers
// whose times do not overlap share memory.
void Plan::lay_out() {
  const int n = static_cast<int>(ops_.size()), end = 2 * n;
  std::vector<Interval> intervals;
  std::vector<int> place(graph_.values.size(), -1), gradient_place(graph_.values.size(), -1);
  auto runs_backward = [&](const Op& op) {
    return std::find(op.output_has_gradient.begin(), op.output_has_gradient.end(), true) !=
           op.output_has_gradient.end();
  };
  for (int i = 0; i < n; i++) {
    const Op& op = *ops_[static_cast<size_t>(i)];
    const int last = runs_backward(op) ? end - 1 - i : i;
    for (int id : op.node.inputs)
      if (id != kAbsent && place[static_cast<size_t>(id)] >= 0) {
        Interval& interval = intervals[static_cast<size_t>(place[static_cast<size_t>(id)])];
        interval.last = std::max(interval.last, last);
      }
    for (size_t k = 0; k < op.node.outputs.size(); k++) {
      if (!op.writes(static_cast<int>(k))) continue;
      const auto id = static_cast<size_t>(op.node.outputs[k]);
      place[id] = static_cast<int>(intervals.size());
      intervals.push_back({static_cast<size_t>(graph_.values[id].size()) * kItem, i, last});
    }
  }
  auto keep_to_the_end = [&](int id) {
    if (place[static_cast<size_t>(id)] >= 0) intervals[static_cast<size_t>(place[static_cast<size_t>(id)])].last = end;
  };
  for (const auto& [name, id] : graph_.outputs) keep_to_the_end(id);
  for (const auto& [state, id] : graph_.updates) keep_to_the_end(id);
  auto add_gradient = [&](int id, int first, int last) {
    gradient_place[static_cast<size_t>(id)] = static_cast<int>(intervals.size());
    intervals.push_back({static_cast<size_t>(graph_.values[static_cast<size_t>(id)].size()) * kItem, first, last});
  };
  if (loss_ != kAbsent && has_gradient_[static_cast<size_t>(loss_)]) add_gradient(loss_, n, end);
  for (int i = n - 1; i >= 0; i--) {
    const Op& op = *ops_[static_cast<size_t>(i)];
    const int now = end - 1 - i;
    for (const Gradient& gradient : op.input_gradients)
      if (gradient.id != kAbsent && gradient_place[static_cast<size_t>(gradient.id)] < 0)
        add_gradient(gradient.id, now, end);
    // The gradients of this node's outputs have been read.
    for (int id : op.node.outputs)
      if (gradient_place[static_cast<size_t>(id)] >= 0 && id != loss_)
        intervals[static_cast<size_t>(gradient_place[static_cast<size_t>(id)])].last = now;
  }
  std::vector<std::pair<int, size_t>> scratch_of;  // op, its scratch
  const size_t first_scratch = intervals.size();
  for (int i = 0; i < n; i++) {
    const Op& op = *ops_[static_cast<size_t>(i)];
    for (size_t k = 0; k < op.scratch.size(); k++) {
      const Scratch& asked = op.scratch[k];
      const int back = end - 1 - i;
      int first = asked.keep == Keep::backward ? back : i;
      int last = asked.keep == Keep::forward || !runs_backward(op) ? std::max(i, first) : back;
      if (asked.keep == Keep::always) {
        first = 0;
        last = end;
      }
      scratch_of.emplace_back(i, k);
      intervals.push_back({static_cast<size_t>(asked.floats) * kItem, first, last});
    }
  }

  std::vector<size_t> order(intervals.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return intervals[a].bytes > intervals[b].bytes; });
  std::vector<size_t> placed;
  for (size_t i : order) {
    Interval& mine = intervals[i];
    std::vector<std::pair<size_t, size_t>> taken;
    for (size_t j : placed) {
      const Interval& other = intervals[j];
      if (other.first <= mine.last && mine.first <= other.last)
        taken.emplace_back(other.offset, other.offset + aligned(other.bytes));
    }
    std::sort(taken.begin(), taken.end());
    size_t offset = 0;
    for (const auto& [from, to] : taken) {
      if (offset + aligned(mine.bytes) <= from) break;
      offset = std::max(offset, to);
    }
    mine.offset = offset;
    arena_size_ = std::max(arena_size_, offset + aligned(mine.bytes));
    placed.push_back(i);
  }

  storage_ = std::make_unique<char[]>(arena_size_ + kAlign);
  char* arena = storage_.get();
  arena += (kAlign - reinterpret_cast<uintptr_t>(arena) % kAlign) % kAlign;
  buffers_.arena = arena;
  for (size_t id = 0; id < place.size(); id++) {
    if (place[id] >= 0) buffers_.values[id] = arena + intervals[static_cast<size_t>(place[id])].offset;
    if (gradient_place[id] >= 0)
      buffers_.gradients[id] =
          reinterpret_cast<float*>(arena + intervals[static_cast<size_t>(gradient_place[id])].offset);
  }
  for (size_t k = 0; k < scratch_of.size(); k++)
    ops_[static_cast<size_t>(scratch_of[k].first)]->scratch[scratch_of[k].second].offset =
        intervals[first_scratch + k].offset;
}

void Plan::measure(bool on) {
  measured_ = on;
  seconds_.assign(on ? 2 + 2 * ops_.size() : 0, 0.0);
}

template <class F>
void Plan::timed(size_t phase, F f) {
  if (!measured_) return f();
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  f();
  seconds_[phase] += std::chrono::duration<double>(Clock::now() - start).count();
}

void Plan::gather(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count) {
  for (size_t i = 0; i < feeds.size(); i++) {
    const Feed& feed = feeds[i];
    const auto id = static_cast<size_t>(graph_.inputs[i].second);
    const size_t bytes = static_cast<size_t>(graph_.values[id].size()) * kItem;
    const int64_t taken = rows ? count : feed.rows;
    const size_t row = taken ? bytes / static_cast<size_t>(taken) : 0;
    if (!rows && (taken <= 1 || feed.stride == static_cast<int64_t>(row))) {
      buffers_.values[id] = const_cast<void*>(feed.data);
      continue;
    }
    if (gathered_[i].size() < bytes + kAlign) gathered_[i].resize(bytes + kAlign);
    char* to = gathered_[i].data();
    to += (kAlign - reinterpret_cast<uintptr_t>(to) % kAlign) % kAlign;
    for (int64_t k = 0; k < taken; k++) {
      const int64_t from = rows ? rows[k] : k;
      if (from < 0 || from >= feed.rows)
        throw InvalidData("A row is out of range for the input '" + graph_.inputs[i].first + "': expected 0 <= row < " +
                          std::to_string(feed.rows) + ", received " + std::to_string(from) + ".");
      std::memcpy(to + static_cast<size_t>(k) * row, static_cast<const char*>(feed.data) + from * feed.stride, row);
    }
    buffers_.values[id] = to;
  }
}

void Plan::forward(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count, uint64_t step) {
  buffers_.step = step;
  timed(0, [&] { gather(feeds, rows, count); });
  FlushToZero flush;
  for (size_t k = 0; k < ops_.size(); k++) timed(2 + k, [&] { ops_[k]->forward(); });
}

void Plan::apply_states() {
  if (graph_.updates.empty()) return;
  // An update may be another state's present value, so all are read before any is written.
  auto size = [&](int id) { return graph_.values[static_cast<size_t>(id)].size(); };
  float* to = fresh_states_.data();
  for (const auto& [state, id] : graph_.updates) {
    const auto* from = static_cast<const float*>(value(id));
    to = std::copy(from, from + size(id), to);
  }
  const float* from = fresh_states_.data();
  for (const auto& [state, id] : graph_.updates) {
    std::copy(from, from + size(id), bound_.states[static_cast<size_t>(state)]);
    from += size(id);
  }
}

void Plan::use_states(const std::vector<float*>& states) {
  for (size_t i = 0; i < states.size(); i++) {
    bound_.states[i] = states[i];
    buffers_.values[static_cast<size_t>(graph_.states[i].second)] = states[i];
  }
}

void Plan::backward() {
  if (loss_ == kAbsent || !has_gradient_[static_cast<size_t>(loss_)]) return;
  FlushToZero flush;
  *buffers_.gradients[static_cast<size_t>(loss_)] = 1.0f;
  for (size_t k : backward_order_) timed(2 + ops_.size() + k, [&] { ops_[k]->backward(); });
}

const float* Plan::parameter_gradient(size_t parameter) const {
  const auto id = static_cast<size_t>(graph_.parameters[parameter].second);
  return has_gradient_[id] ? buffers_.gradients[id] : nullptr;
}

void Plan::train(const std::vector<Feed>& feeds, const int64_t* rows, int64_t count, uint64_t step,
                 double learning_rate) {
  forward(feeds, rows, count, step);
  if (!std::isfinite(*static_cast<const float*>(value(loss_)))) diagnose("The loss");
  backward();
  const Kernels& kernel = kernels();
  for (const Trained& t : trained_)
    if (!kernel.all_finite(t.gradient, t.size))
      diagnose("The gradient of '" + graph_.parameters[t.parameter].first + "'");
  timed(1, [&] { update(learning_rate, static_cast<int64_t>(step)); });
  apply_states();
}

int64_t Plan::train_steps(const std::vector<Feed>& feeds, const int64_t* rows, int64_t batch, int64_t steps,
                          uint64_t first_step, const double* learning_rates, double seconds, float* outputs,
                          std::string* failed) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (int64_t i = 0; i < steps; i++) {
    try {
      train(feeds, rows + i * batch, batch, first_step + static_cast<uint64_t>(i), learning_rates[i]);
    } catch (const NonFinite& error) {
      *failed = error.what();
      return i;
    }
    for (const auto& [name, id] : graph_.outputs) *outputs++ = *static_cast<const float*>(value(id));
    if (Clock::now() >= end) return i + 1;
  }
  return steps;
}

// Runs forward once more, looking at each value as it is made, to say where NaN or infinity began.
void Plan::diagnose(const std::string& what) {
  const Kernels& kernel = kernels();
  auto finite = [&](int id) {
    const TensorSpec& spec = graph_.values[static_cast<size_t>(id)];
    return spec.is_int || !value(id) || kernel.all_finite(static_cast<const float*>(value(id)), spec.size());
  };
  const std::string start = what + " is not finite. ";
  const std::string end = " Nothing was changed by this step.";
  for (const auto& [name, id] : graph_.inputs)
    if (!finite(id))
      throw NonFinite(start + "The input '" + name + "' holds NaN or infinity: clean the data, or mask those steps." +
                      end);
  for (const auto& [name, id] : graph_.parameters)
    if (!finite(id)) throw NonFinite(start + "The weight '" + name + "' holds NaN or infinity already." + end);
  for (const auto& [name, id] : graph_.states)
    if (!finite(id)) throw NonFinite(start + "The state '" + name + "' holds NaN or infinity: reset the states." + end);
  FlushToZero flush;
  for (const auto& op : ops_) {
    op->forward();
    for (int id : op->node.outputs)
      if (!finite(id))
        throw NonFinite(start + "It began in " + op->node.where() +
                        ", whose inputs were finite. Lower the learning rate, clip gradients (global_clipnorm=1.0) or "
                        "scale the data." +
                        end);
  }
  throw NonFinite(start +
                  "All values were finite, so it began in the backward pass. Lower the learning rate, clip "
                  "gradients (global_clipnorm=1.0) or scale the data." +
                  end);
}

void Plan::prepare_update() {
  const UpdateRule& rule = *rule_;
  auto constant = [&](const char* name) {
    auto found = rule.constants.find(name);
    return found == rule.constants.end() ? 0.0 : found->second;
  };
  auto number = [&](const char* name) { return static_cast<float>(constant(name)); };
  weight_decay_ = constant("weight_decay");
  beta_1_ = constant("beta_1");
  beta_2_ = constant("beta_2");
  epsilon_hat_ = constant("epsilon_hat") != 0.0;
  auto left = [&](const char* name) { return static_cast<float>(1.0 - constant(name)); };
  adam_ = {left("beta_1"), left("beta_2"), 0.0f, 1.0f, number("epsilon")};
  rmsprop_ = {number("rho"), left("rho"), number("momentum"), number("epsilon"), 0.0f};
  sgd_ = {number("momentum"), 0.0f, constant("nesterov") != 0.0, constant("scaled") != 0.0};
  int64_t most = 0;
  for (size_t i = 0; i < parameters(); i++) {
    if (!graph_.trainable[i]) continue;
    auto slot = [&](const char* name) -> float* {
      for (size_t k = 0; k < rule.slots.size(); k++)
        if (rule.slots[k] == name) return bound_.slots[k][i];
      return nullptr;
    };
    const int64_t size = graph_.values[static_cast<size_t>(graph_.parameters[i].second)].size();
    trained_.push_back({i, size, bound_.parameters[i], const_cast<float*>(parameter_gradient(i)), slot("momentum"),
                        slot("velocity"), slot("velocity_max"), slot("average")});
    if (!trained_.back().gradient) most = std::max(most, size);
  }
  // A parameter the loss does not depend on has the gradient 0: its slots and its decay go on.
  zeros_.assign(static_cast<size_t>(most), 0.0f);
  for (Trained& t : trained_)
    if (!t.gradient) t.gradient = zeros_.data();
}

void Plan::clip_gradients() {
  const UpdateRule& rule = *rule_;
  if (!rule.clipvalue && !rule.clipnorm && !rule.global_clipnorm) return;
  const Kernels& kernel = kernels();
  double total = 0.0;
  for (const Trained& t : trained_) {
    if (rule.clipvalue) kernel.clip(t.gradient, static_cast<float>(*rule.clipvalue), t.size);
    if (rule.clipnorm) {
      const double norm = std::sqrt(kernel.sum_squares(t.gradient, t.size));
      if (norm > *rule.clipnorm) kernel.scale(t.gradient, static_cast<float>(*rule.clipnorm / norm), t.size);
    }
    if (rule.global_clipnorm) total += kernel.sum_squares(t.gradient, t.size);
  }
  const double norm = std::sqrt(total);
  if (rule.global_clipnorm && norm > *rule.global_clipnorm)
    for (const Trained& t : trained_)
      kernel.scale(t.gradient, static_cast<float>(*rule.global_clipnorm / norm), t.size);
}

void Plan::update(double learning_rate, int64_t step) {
  FlushToZero flush;
  clip_gradients();
  const Kernels& kernel = kernels();
  const bool is_adam = rule_->kind == "adam", is_rmsprop = rule_->kind == "rmsprop";
  AdamStep adam = adam_;
  RmspropStep rmsprop = rmsprop_;
  SgdStep sgd = sgd_;
  rmsprop.learning_rate = sgd.learning_rate = static_cast<float>(learning_rate);
  if (is_adam) {
    const double left_1 = 1.0 - std::pow(beta_1_, static_cast<double>(step));
    const double left_2 = 1.0 - std::pow(beta_2_, static_cast<double>(step));
    adam.scale = static_cast<float>(epsilon_hat_ ? learning_rate * std::sqrt(left_2) / left_1 : learning_rate / left_1);
    adam.root_scale = static_cast<float>(epsilon_hat_ ? 1.0 : 1.0 / std::sqrt(left_2));
  }
  const auto decay = static_cast<float>(1.0 - learning_rate * weight_decay_);
  for (const Trained& t : trained_) {
    parallel_pieces(t.size, [&](int64_t first, int64_t last) {
      auto at = [&](float* array) { return array ? array + first : nullptr; };
      const int64_t n = last - first;
      float* p = t.value + first;
      const float* g = t.gradient + first;
      if (weight_decay_ != 0.0) kernel.scale(p, decay, n);
      if (is_adam) kernel.adam(adam, p, g, at(t.momentum), at(t.velocity), at(t.velocity_max), n);
      else if (is_rmsprop) kernel.rmsprop(rmsprop, p, g, at(t.velocity), at(t.momentum), at(t.average), n);
      else kernel.sgd(sgd, p, g, at(t.momentum), n);
    });
  }
}

}  // namespace recurra
