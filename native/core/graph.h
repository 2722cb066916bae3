// The graph as the engine receives it: bound sizes, ids, attributes. It mirrors recurra/graph.py.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace recurra {

constexpr int kAbsent = -1;

using Shape = std::vector<int64_t>;
// none, whole number or truth value, number, text, shape or axes
using Attribute = std::variant<std::monostate, int64_t, double, std::string, Shape>;

struct TensorSpec {
  Shape shape;
  bool is_int = false;

  int64_t size() const {
    int64_t n = 1;
    for (int64_t dim : shape) n *= dim;
    return n;
  }
};

struct Node {
  std::string op;
  std::vector<int> inputs, outputs;
  std::map<std::string, Attribute> attributes;
  std::string scope;

  int64_t integer(const std::string& name) const { return std::get<int64_t>(attributes.at(name)); }
  bool flag(const std::string& name) const { return integer(name) != 0; }
  double number(const std::string& name) const { return std::get<double>(attributes.at(name)); }
  const std::string& text(const std::string& name) const { return std::get<std::string>(attributes.at(name)); }
  const Shape& shape(const std::string& name) const { return std::get<Shape>(attributes.at(name)); }
  bool has(const std::string& name) const {
    auto found = attributes.find(name);
    return found != attributes.end() && !std::holds_alternative<std::monostate>(found->second);
  }
  std::string where() const { return (scope.empty() ? "" : "'" + scope + "', ") + "op " + op; }
};

struct Graph {
  std::vector<TensorSpec> values;
  std::vector<Node> nodes;
  std::vector<std::pair<std::string, int>> inputs;  // name, value id
  std::vector<std::pair<std::string, int>> outputs;
  std::vector<std::pair<std::string, int>> parameters;
  std::vector<std::pair<std::string, int>> states;
  std::vector<std::pair<int, int>> updates;  // index among states, value id
  std::vector<bool> trainable;               // per parameter
};

// Data the user gave cannot be used: becomes ArgumentError in Python.
struct InvalidData : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// NaN or infinity: becomes NonFiniteError in Python.
struct NonFinite : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An op or an attribute the engine lacks: becomes UnsupportedOpError in Python.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace recurra
