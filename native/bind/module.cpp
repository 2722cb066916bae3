// The Python module: it checks and hands over buffers, nothing else.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstring>
#include <memory>

#include "../core/plan.h"
#include "../kernels/dispatch.h"
#include "numpy.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace recurra {
namespace {

using FloatArray = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using AnyArray = nb::ndarray<nb::ro, nb::device::cpu>;
using DenseArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Attribute attribute(nb::handle value) {
  if (value.is_none()) return std::monostate{};
  if (nb::isinstance<nb::bool_>(value)) return static_cast<int64_t>(nb::cast<bool>(value));
  if (nb::isinstance<nb::int_>(value)) {
    // A 64-bit seed may exceed the signed range: keep its bits.
    return static_cast<int64_t>(PyLong_AsUnsignedLongLongMask(value.ptr()));
  }
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
  return nb::cast<Shape>(value);
}

// Values: (shape, is_int); nodes: (op, inputs, outputs, attributes, scope), as recurra/engines/native/program.py makes
// them.
Graph make_graph(nb::list values, nb::list nodes, std::vector<std::pair<std::string, int>> inputs,
                 std::vector<std::pair<std::string, int>> outputs, std::vector<std::pair<std::string, int>> parameters,
                 std::vector<bool> trainable, std::vector<std::pair<std::string, int>> states,
                 std::vector<std::pair<int, int>> updates) {
  Graph graph;
  for (nb::handle value : values) {
    auto pair = nb::cast<nb::tuple>(value);
    graph.values.push_back({nb::cast<Shape>(pair[0]), nb::cast<bool>(pair[1])});
  }
  for (nb::handle item : nodes) {
    auto parts = nb::cast<nb::tuple>(item);
    Node node;
    node.op = nb::cast<std::string>(parts[0]);
    node.inputs = nb::cast<std::vector<int>>(parts[1]);
    node.outputs = nb::cast<std::vector<int>>(parts[2]);
    for (auto [key, value] : nb::cast<nb::dict>(parts[3]))
      node.attributes[nb::cast<std::string>(key)] = attribute(value);
    node.scope = nb::cast<std::string>(parts[4]);
    graph.nodes.push_back(std::move(node));
  }
  graph.inputs = std::move(inputs);
  graph.outputs = std::move(outputs);
  graph.parameters = std::move(parameters);
  graph.trainable = std::move(trainable);
  graph.states = std::move(states);
  graph.updates = std::move(updates);
  return graph;
}

std::optional<UpdateRule> make_rule(nb::object rule) {
  if (rule.is_none()) return std::nullopt;
  UpdateRule made;
  made.kind = nb::cast<std::string>(rule.attr("kind"));
  made.constants = nb::cast<std::map<std::string, double>>(rule.attr("constants"));
  made.slots = nb::cast<std::vector<std::string>>(rule.attr("slots"));
  made.clipvalue = nb::cast<std::optional<double>>(rule.attr("clipvalue"));
  made.clipnorm = nb::cast<std::optional<double>>(rule.attr("clipnorm"));
  made.global_clipnorm = nb::cast<std::optional<double>>(rule.attr("global_clipnorm"));
  if (made.kind != "adam" && made.kind != "rmsprop" && made.kind != "sgd")
    throw Unsupported("update rule '" + made.kind + "'");
  return made;
}

Precision precision_named(const std::string& name) {
  if (name == "float32") return Precision::float32;
  if (name != "bf16x3" && name != "bf16") throw InvalidData("There is no precision '" + name + "'.");
  if (!kernels().tile_gemm)
    throw InvalidData("The precision '" + name + "' does not run here: " + tiles_missing() + ".");
  return name == "bf16" ? Precision::bf16 : Precision::bf16x3;
}

// A plan and the Python objects whose memory it uses.
class BoundPlan {
 public:
  BoundPlan(nb::list values, nb::list nodes, std::vector<std::pair<std::string, int>> inputs,
            std::vector<std::pair<std::string, int>> outputs, std::vector<std::pair<std::string, int>> parameters,
            std::vector<bool> trainable, std::vector<std::pair<std::string, int>> states,
            std::vector<std::pair<int, int>> updates, std::vector<FloatArray> parameter_arrays,
            std::vector<FloatArray> state_arrays, nb::dict constants, nb::object rule,
            std::vector<std::vector<std::optional<FloatArray>>> slots, bool backward, bool resident,
            const std::string& precision, bool recompute)
      : parameters_(std::move(parameter_arrays)), states_(std::move(state_arrays)), slots_(std::move(slots)) {
    Graph graph = make_graph(values, nodes, std::move(inputs), std::move(outputs), std::move(parameters),
                             std::move(trainable), std::move(states), std::move(updates));
    Bound bound;
    auto check = [](const FloatArray& array, const TensorSpec& spec, const std::string& name) {
      if (static_cast<int64_t>(array.size()) != spec.size())
        throw InvalidData("The array of '" + name + "' has " + std::to_string(array.size()) + " elements, expected " +
                          std::to_string(spec.size()) + ".");
    };
    for (size_t i = 0; i < parameters_.size(); i++) {
      check(parameters_[i], graph.values.at(static_cast<size_t>(graph.parameters.at(i).second)),
            graph.parameters[i].first);
      bound.parameters.push_back(parameters_[i].data());
    }
    for (size_t i = 0; i < states_.size(); i++) {
      check(states_[i], graph.values.at(static_cast<size_t>(graph.states.at(i).second)), graph.states[i].first);
      bound.states.push_back(states_[i].data());
    }
    for (auto& of_slot : slots_) {
      std::vector<float*> pointers;
      for (size_t i = 0; i < of_slot.size(); i++) {
        if (of_slot[i])
          check(*of_slot[i], graph.values.at(static_cast<size_t>(graph.parameters.at(i).second)),
                graph.parameters[i].first);
        pointers.push_back(of_slot[i] ? of_slot[i]->data() : nullptr);
      }
      bound.slots.push_back(std::move(pointers));
    }
    for (auto [id, array] : constants) {
      auto data = nb::cast<DenseArray>(array);
      std::vector<char> bytes(data.nbytes());
      std::memcpy(bytes.data(), data.data(), data.nbytes());
      bound.constants.emplace_back(nb::cast<int>(id), std::move(bytes));
    }
    plan_ = std::make_unique<Plan>(std::move(graph), std::move(bound), make_rule(rule), backward, resident,
                                   precision_named(precision), recompute);
  }

  nb::list predict(nb::list feeds, std::optional<Rows> rows, uint64_t step, bool keep_states) {
    return run(feeds, rows, [&](const std::vector<Feed>& given, const int64_t* at, int64_t count) {
      plan_->forward(given, at, count, step);
      if (!keep_states) plan_->apply_states();
    });
  }

  nb::list train(nb::list feeds, std::optional<Rows> rows, uint64_t step, double learning_rate) {
    return run(feeds, rows, [&](const std::vector<Feed>& given, const int64_t* at, int64_t count) {
      plan_->train(given, at, count, step, learning_rate);
    });
  }

  // Several steps in one call: (steps made, one row of outputs a step, text of the failure or None).
  nb::tuple train_steps(nb::list feeds, Rows rows, int64_t batch, uint64_t first_step,
                        nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu> learning_rates,
                        double seconds) {
    const Graph& graph = plan_->graph();
    const auto steps = static_cast<int64_t>(learning_rates.size());
    if (batch < 1 || static_cast<int64_t>(rows.size()) != steps * batch || steps < 1)
      throw InvalidData("train_steps needs as many rows as steps times the batch size, and at least one step.");
    for (const auto& [name, id] : graph.outputs)
      if (graph.values[static_cast<size_t>(id)].size() != 1 || graph.values[static_cast<size_t>(id)].is_int)
        throw InvalidData("train_steps returns numbers, but the output '" + name + "' is an array.");
    std::vector<float> outputs(static_cast<size_t>(steps) * graph.outputs.size());
    std::string failed;
    int64_t made = 0;
    with_feeds(feeds, rows.data(), batch, [&](const std::vector<Feed>& given) {
      made = plan_->train_steps(given, rows.data(), batch, steps, first_step, learning_rates.data(), seconds,
                                outputs.data(), &failed);
    });
    TensorSpec spec{{made, static_cast<int64_t>(graph.outputs.size())}, false};
    return nb::make_tuple(made, array_of(spec, outputs.data()), failed.empty() ? nb::none() : nb::cast(failed));
  }

  nb::tuple gradients(nb::list feeds, std::optional<Rows> rows, uint64_t step) {
    std::vector<std::vector<float>> copies;
    nb::list outputs = run(feeds, rows, [&](const std::vector<Feed>& given, const int64_t* at, int64_t count) {
      plan_->forward(given, at, count, step);
      plan_->backward();
      const Graph& graph = plan_->graph();
      for (size_t i = 0; i < graph.parameters.size(); i++) {
        const auto n = static_cast<size_t>(graph.values[static_cast<size_t>(graph.parameters[i].second)].size());
        const float* g = plan_->parameter_gradient(i);
        copies.emplace_back(n, 0.0f);
        if (g) std::copy(g, g + n, copies.back().begin());
      }
    });
    nb::list made;
    const Graph& graph = plan_->graph();
    for (size_t i = 0; i < copies.size(); i++)
      made.append(graph.trainable[i]
                      ? array_of(graph.values[static_cast<size_t>(graph.parameters[i].second)], copies[i].data())
                      : nb::none());
    return nb::make_tuple(outputs, made);
  }

  // One step of a stream: one input, the states of a session, and where each output goes. Allocates nothing.
  void step(const void* x, const std::vector<float*>& states, char* const* outputs) {
    nb::gil_scoped_release release;
    std::lock_guard<ForkSafeMutex> lock(plan_->busy);
    step_feed_[0].data = x;
    plan_->use_states(states);
    plan_->forward(step_feed_, nullptr, 0, 0);
    plan_->apply_states();
    const Graph& graph = plan_->graph();
    for (size_t i = 0; i < graph.outputs.size(); i++) {
      const int id = graph.outputs[i].second;
      std::memcpy(outputs[i], plan_->value(id), bytes_of(graph, id));
    }
  }

  const Graph& graph() const { return plan_->graph(); }
  int64_t arena_bytes() const { return plan_->arena_bytes(); }

  void measure(bool on) {
    std::lock_guard lock(plan_->busy);
    plan_->measure(on);
  }

  // Seconds by phase since `measure(true)`: (phase, index of the node or -1, seconds).
  nb::list seconds() {
    std::lock_guard lock(plan_->busy);
    nb::list phases;
    const std::vector<double>& spent = plan_->seconds();
    const size_t nodes = spent.empty() ? 0 : (spent.size() - 2) / 2;
    for (size_t i = 0; i < spent.size(); i++) {
      const char* phase = i == 0 ? "gather" : i == 1 ? "update" : i < 2 + nodes ? "forward" : "backward";
      phases.append(nb::make_tuple(phase, i < 2 ? -1 : static_cast<int>((i - 2) % nodes), spent[i]));
    }
    return phases;
  }

 private:
  static nb::object empty(const TensorSpec& spec, char** data) {
    return Numpy::get().empty(NumpyShape(spec.shape.begin(), spec.shape.end()), spec.is_int, data);
  }

  static nb::object array_of(const TensorSpec& spec, const void* data) {
    char* to;
    nb::object array = empty(spec, &to);
    if (spec.size()) std::memcpy(to, data, static_cast<size_t>(spec.size()) * 4);
    return array;
  }

  // One feed as an array of the type and shape that the plan was made for, each row of it contiguous.
  static AnyArray checked(nb::handle feed, const std::string& name, const TensorSpec& spec, const int64_t* rows,
                          int64_t count) {
    AnyArray array;
    const bool is_array = nb::try_cast<AnyArray>(feed, array, false);
    bool typed = is_array && array.dtype() == (spec.is_int ? nb::dtype<int32_t>() : nb::dtype<float>());
    int64_t inner = 1;
    for (size_t d = is_array && array.size() ? array.ndim() : 0; typed && d-- > 1;
         inner *= static_cast<int64_t>(array.shape(d)))
      typed = array.shape(d) == 1 || array.stride(d) == inner;
    typed = typed && (array.ndim() == 0 || array.shape(0) <= 1 || array.stride(0) >= 0);
    if (!typed)
      throw InvalidData("The array for the input '" + name + "' must hold " + (spec.is_int ? "int32" : "float32") +
                        " numbers, each row of it contiguous; received " +
                        std::string(nb::str(nb::getattr(feed, "dtype", feed.type())).c_str()) +
                        (is_array ? "." : ", which is no such array."));
    bool fits = array.ndim() == spec.shape.size() && (!rows || (!spec.shape.empty() && count == spec.shape[0]));
    for (size_t d = rows ? 1 : 0; fits && d < spec.shape.size(); d++)
      fits = static_cast<int64_t>(array.shape(d)) == spec.shape[d];
    if (!fits) throw InvalidData("The array for the input '" + name + "' does not fit the plan.");
    return array;
  }

  // Checks the feeds against the plan and calls f with the interpreter's lock released.
  template <class F>
  void with_feeds(nb::list feeds, const int64_t* rows, int64_t count, F f) {
    const Graph& graph = plan_->graph();
    std::vector<AnyArray> arrays;
    std::vector<Feed> given;
    if (feeds.size() != graph.inputs.size()) throw InvalidData("Wrong number of arrays for the inputs of the graph.");
    for (nb::handle feed : feeds) {
      const auto& [name, id] = graph.inputs[arrays.size()];
      arrays.push_back(checked(feed, name, graph.values[static_cast<size_t>(id)], rows, count));
      const AnyArray& array = arrays.back();
      given.push_back({array.data(), array.ndim() ? static_cast<int64_t>(array.shape(0)) : 0,
                       array.ndim() ? array.stride(0) * 4 : 0});
    }
    nb::gil_scoped_release release;
    std::lock_guard<ForkSafeMutex> lock(plan_->busy);
    f(given);
  }

  template <class F>
  nb::list run(nb::list feeds, const std::optional<Rows>& rows, F f) {
    const Graph& graph = plan_->graph();
    const int64_t* at = rows ? rows->data() : nullptr;
    const int64_t count = rows ? static_cast<int64_t>(rows->size()) : 0;
    nb::list outputs;
    std::vector<char*> to(graph.outputs.size());
    for (size_t i = 0; i < to.size(); i++)
      outputs.append(empty(graph.values[static_cast<size_t>(graph.outputs[i].second)], &to[i]));
    with_feeds(feeds, at, count, [&](const std::vector<Feed>& given) {
      f(given, at, count);
      // Copied while the plan is ours: another Python thread may run it right afterwards.
      for (size_t i = 0; i < to.size(); i++) {
        const int id = graph.outputs[i].second;
        if (const size_t bytes = bytes_of(graph, id)) std::memcpy(to[i], plan_->value(id), bytes);
      }
    });
    return outputs;
  }

  static size_t bytes_of(const Graph& graph, int id) {
    return static_cast<size_t>(graph.values[static_cast<size_t>(id)].size()) * 4;
  }

  std::vector<Feed> step_feed_{{nullptr, 1, 0}};
  std::vector<FloatArray> parameters_, states_;
  std::vector<std::vector<std::optional<FloatArray>>> slots_;
  std::unique_ptr<Plan> plan_;
};

// The states of one stream over a plan that others share.
class Session {
 public:
  // `convert` makes an array of `shape` of what a step is given; `outputs` are the shapes of what a step returns.
  Session(nb::object plan, std::vector<FloatArray> states, nb::object convert, NumpyShape shape,
          std::vector<NumpyShape> outputs)
      : owner_(plan),
        plan_(nb::cast<BoundPlan*>(plan)),
        states_(std::move(states)),
        convert_(convert),
        shape_(std::move(shape)),
        output_shapes_(std::move(outputs)) {
    const Graph& graph = plan_->graph();
    if (states_.size() != graph.states.size() || graph.inputs.size() != 1 ||
        output_shapes_.size() != graph.outputs.size())
      throw InvalidData("A stream needs one input, an array for each state and a shape for each output.");
    for (size_t i = 0; i < states_.size(); i++) {
      if (static_cast<int64_t>(states_[i].size()) != spec(graph.states[i].second).size())
        throw InvalidData("The array of the state '" + graph.states[i].first + "' has a wrong size.");
      pointers_.push_back(states_[i].data());
    }
    input_is_int_ = spec(graph.inputs[0].second).is_int;
    check(shape_, graph.inputs[0].second);
    for (size_t i = 0; i < output_shapes_.size(); i++) {
      check(output_shapes_[i], graph.outputs[i].second);
      output_is_int_.push_back(spec(graph.outputs[i].second).is_int);
    }
  }

  nb::object step(nb::handle feed, nb::handle out) {
    const Numpy& numpy = Numpy::get();
    nb::object converted;
    const char* x = numpy.memory(feed, shape_, input_is_int_);
    DenseArray array;
    if (!x) {
      converted = convert_(feed);
      if (!nb::try_cast<DenseArray>(converted, array, false) ||
          static_cast<int64_t>(array.size()) != spec(plan_->graph().inputs[0].second).size() ||
          array.dtype() != (input_is_int_ ? nb::dtype<int32_t>() : nb::dtype<float>()))
        throw InvalidData("The array does not fit the stream.");
      x = static_cast<const char*>(array.data());
    }
    if (output_shapes_.size() == 1) {
      char* to;
      nb::object y = target(out, 0, &to);
      plan_->step(x, pointers_, &to);
      return y;
    }
    if (out.is_none()) {
      nb::list ys;
      std::vector<char*> to(output_shapes_.size());
      for (size_t i = 0; i < to.size(); i++) ys.append(target(out, i, &to[i]));
      plan_->step(x, pointers_, to.data());
      return ys;
    }
    if (!(nb::isinstance<nb::list>(out) || nb::isinstance<nb::tuple>(out)) || nb::len(out) != output_shapes_.size())
      refuse_out();
    write_into(out, x);
    return nb::borrow(out);
  }

 private:
  const TensorSpec& spec(int id) const { return plan_->graph().values[static_cast<size_t>(id)]; }

  void check(const NumpyShape& shape, int id) const {
    int64_t size = 1;
    for (auto n : shape) size *= n;
    if (size != spec(id).size()) throw InvalidData("A shape does not fit the stream.");
  }

  // A step into several arrays of the caller. They are held meanwhile: the caller's list may change. As many as models
  // usually have take no memory from outside.
  void write_into(nb::handle out, const char* x) {
    constexpr size_t kFew = 8;
    const size_t n = output_shapes_.size();
    std::array<nb::object, kFew> few_held;
    std::array<char*, kFew> few;
    std::vector<nb::object> many_held(n > kFew ? n : 0);
    std::vector<char*> many(n > kFew ? n : 0);
    nb::object* held = n > kFew ? many_held.data() : few_held.data();
    char** to = n > kFew ? many.data() : few.data();
    for (size_t i = 0; i < n; i++) {
      const nb::object one = out[i];
      if (one.is_none()) refuse_out();
      held[i] = target(one, i, &to[i]);
    }
    plan_->step(x, pointers_, to);
  }

  // The array for an output: what the caller gave, or a new one.
  nb::object target(nb::handle out, size_t i, char** to) const {
    if (out.is_none()) return Numpy::get().empty(output_shapes_[i], output_is_int_[i], to);
    *to = Numpy::get().memory(out, output_shapes_[i], output_is_int_[i], true);
    if (!*to) refuse_out();
    return nb::borrow(out);
  }

  [[noreturn]] void refuse_out() const {
    std::string wanted;
    for (size_t i = 0; i < output_shapes_.size(); i++) {
      wanted += i ? ", (" : "(";
      for (size_t d = 0; d < output_shapes_[i].size(); d++)
        wanted += (d ? ", " : "") + std::to_string(output_shapes_[i][d]);
      wanted +=
          std::string(output_shapes_[i].size() == 1 ? ",)" : ")") + (output_is_int_[i] ? " of int32" : " of float32");
    }
    throw InvalidData(
        "out must be " +
        std::string(output_shapes_.size() == 1 ? "a writable C-contiguous array" : "a list of such arrays") +
        ", of shape " + wanted + ".");
  }

  nb::object owner_;
  BoundPlan* plan_;
  std::vector<FloatArray> states_;
  std::vector<float*> pointers_;
  nb::object convert_;
  NumpyShape shape_;
  bool input_is_int_ = false;
  std::vector<NumpyShape> output_shapes_;
  std::vector<bool> output_is_int_;
};

}  // namespace
}  // namespace recurra

NB_MODULE(_native, module) {
  using namespace recurra;
  // Errors for users are those of recurra.errors; only Unsupported is completed in Python.
  nb::object errors = nb::module_::import_("recurra.errors");
  nb::object* classes = new nb::object[3]{errors.attr("ArgumentError"), errors.attr("NonFiniteError"),
                                          errors.attr("EngineError")};  // never freed
  nb::register_exception_translator(
      [](const std::exception_ptr& error, void* data) {
        auto* raised = static_cast<nb::object*>(data);
        try {
          std::rethrow_exception(error);
        } catch (const InvalidData& e) {
          PyErr_SetString(raised[0].ptr(), e.what());
        } catch (const NonFinite& e) {
          PyErr_SetString(raised[1].ptr(), e.what());
        } catch (const BadSetting& e) {
          PyErr_SetString(raised[2].ptr(), e.what());
        }
      },
      classes);
  nb::exception<Unsupported>(module, "Unsupported", PyExc_NotImplementedError);
  nb::class_<BoundPlan>(module, "Plan")
      .def(nb::init<nb::list, nb::list, std::vector<std::pair<std::string, int>>,
                    std::vector<std::pair<std::string, int>>, std::vector<std::pair<std::string, int>>,
                    std::vector<bool>, std::vector<std::pair<std::string, int>>, std::vector<std::pair<int, int>>,
                    std::vector<FloatArray>, std::vector<FloatArray>, nb::dict, nb::object,
                    std::vector<std::vector<std::optional<FloatArray>>>, bool, bool, const std::string&, bool>(),
           "values"_a, "nodes"_a, "inputs"_a, "outputs"_a, "parameters"_a, "trainable"_a, "states"_a, "updates"_a,
           "parameter_arrays"_a, "state_arrays"_a, "constants"_a, "rule"_a.none(), "slots"_a, "backward"_a,
           "resident"_a, "precision"_a, "recompute"_a)
      .def("predict", &BoundPlan::predict, "feeds"_a, "rows"_a.none(), "step"_a, "keep_states"_a)
      .def("train", &BoundPlan::train, "feeds"_a, "rows"_a.none(), "step"_a, "learning_rate"_a)
      .def("train_steps", &BoundPlan::train_steps, "feeds"_a, "rows"_a, "batch"_a, "first_step"_a, "learning_rates"_a,
           "seconds"_a)
      .def("gradients", &BoundPlan::gradients, "feeds"_a, "rows"_a.none(), "step"_a)
      .def("measure", &BoundPlan::measure, "on"_a)
      .def("seconds", &BoundPlan::seconds)
      .def_prop_ro("arena_bytes", &BoundPlan::arena_bytes);
  nb::class_<Session>(module, "Session")
      .def(nb::init<nb::object, std::vector<FloatArray>, nb::object, NumpyShape, std::vector<NumpyShape>>(), "plan"_a,
           "states"_a, "convert"_a, "shape"_a, "outputs"_a)
      .def("step", &Session::step, "x"_a.none(), "out"_a.none() = nb::none());
  module.def("ops", [] {
    std::vector<std::string> names;
    for (const auto& [name, make] : op_table()) names.push_back(name);
    return names;
  });
  module.def("instruction_set", [] { return std::string(kernels().name); });
  module.def("instruction_sets", &instruction_sets);
  module.def("tiles_missing", &tiles_missing);
  module.def("num_threads", &num_threads);
  // It waits for a loop that runs in another thread, which may take long.
  module.def("set_num_threads", &set_num_threads, "count"_a, nb::call_guard<nb::gil_scoped_release>());
}
