// The functions of one element: how far from the truth, what they make of NaN and infinity; the mode of the processor.
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "networks.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace recurra;
using namespace recurra::tests;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kSmallestNormal = std::numeric_limits<float>::min();

float from_bits(uint32_t word) {
  float number;
  std::memcpy(&number, &word, sizeof number);
  return number;
}

std::vector<float> applied(Unary kind, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels().unary(kind, 1.0f, 0.0f, x.data(), y.data(), static_cast<int64_t>(x.size()));
  return y;
}

// Largest error in units in the last place of the result, over the float32 numbers of [low, high].
double worst_error(Unary kind, double (*exact)(double), float low, float high) {
  // A prime, so that the last bits vary.
  const uint64_t step = quick ? 40009 : 509;
  double worst = 0;
  std::vector<float> x;
  auto look = [&] {
    const std::vector<float> y = applied(kind, x);
    for (size_t i = 0; i < x.size(); i++) {
      const double wanted = exact(x[i]);
      if (std::fabs(wanted) < kSmallestNormal || std::fabs(wanted) > std::numeric_limits<float>::max()) continue;
      int exponent;
      std::frexp(wanted, &exponent);
      const double error = std::fabs(y[i] - wanted) / std::ldexp(1.0, exponent - 24);
      worst = error > worst || error != error ? error : worst;
    }
    x.clear();
  };
  for (uint64_t word = 0; word < uint64_t{1} << 32; word += step) {
    const float number = from_bits(static_cast<uint32_t>(word));
    if (!(number >= low && number <= high)) continue;
    if (std::fabs(number) < kSmallestNormal && number != 0) continue;
    x.push_back(number);
    if (x.size() == 4096) look();
  }
  // Densely where the curves bend.
  for (int i = -100000; i <= 100000; i++) {
    const float number = static_cast<float>(i) * 1e-3f;
    if (number >= low && number <= high) x.push_back(number);
  }
  look();
  return worst;
}

double exact_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double exact_exp(double x) { return std::exp(x); }
double exact_log(double x) { return std::log(x); }
double exact_tanh(double x) { return std::tanh(x); }

#if defined(__x86_64__)
uint64_t mode() { return _mm_getcsr() & ~0x3fu; }  // without the flags of what happened
#elif defined(__aarch64__)
uint64_t mode() {
  uint64_t now;
  asm volatile("mrs %0, fpcr" : "=r"(now));
  return now;
}
#else
uint64_t mode() { return 0; }
#endif

// y = x * x in a plan.
struct Squares {
  explicit Squares(int64_t n) {
    Graph graph;
    graph.values = {{{n}, false}, {{n}, false}, {{}, false}};
    graph.inputs = {{"x", 0}};
    graph.nodes = {{"square", {0}, {1}, {}, "tests"}};
    graph.outputs = {{"y", 1}};
    plan = std::make_unique<Plan>(graph, Bound{}, std::nullopt, false);
  }
  std::unique_ptr<Plan> plan;
};

}  // namespace

// The bounds that kernels/generic/math.h states.
TEST(functions_are_within_their_stated_error) {
  struct Bound {
    const char* name;
    Unary kind;
    double (*exact)(double);
    float low, high;
    double units;
  };
  const Bound bounds[] = {
      {"exp", Unary::exp, exact_exp, -87.3f, 88.7f, 1.25},
      {"log", Unary::log, exact_log, kSmallestNormal, std::numeric_limits<float>::max(), 1.0},
      {"sigmoid", Unary::sigmoid, exact_sigmoid, -87.3f, 200.0f, 2.5},
      {"tanh", Unary::tanh, exact_tanh, -std::numeric_limits<float>::max(), std::numeric_limits<float>::max(), 2.5},
  };
  for (const Bound& bound : bounds) {
    const double error = worst_error(bound.kind, bound.exact, bound.low, bound.high);
    std::printf("  %s: at most %.3f units in the last place\n", bound.name, error);
    CHECK(error <= bound.units, bound.name);
  }
}

TEST(nan_in_gives_nan_out) {
  // Of both signs, quiet and signalling, in every lane and in the tails.
  const uint32_t words[] = {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xff812345u, 0x7fffffffu};
  for (int kind = 0; kind <= static_cast<int>(Unary::tanh); kind++)
    for (uint32_t word : words)
      for (size_t n : {size_t{1}, size_t{15}, size_t{33}})
        for (size_t at = 0; at < n; at++) {
          std::vector<float> x(n, 0.5f);
          x[at] = from_bits(word);
          const std::vector<float> y = applied(static_cast<Unary>(kind), x);
          for (size_t i = 0; i < n; i++)
            CHECK((y[i] != y[i]) == (i == at), "function " + std::to_string(kind) + ", element " + std::to_string(i));
        }
}

TEST(nan_passes_through_every_cell) {
  for (const char* cell : {"lstm", "gru", "simple_rnn"})
    for (const char* activation : {"tanh", "relu", "hard_sigmoid", "softsign", "linear"}) {
      Network network;
      network.cell = cell;
      network.activation = activation;
      network.features = 4;
      Model model(network, Use::predict);
      std::vector<float> x(static_cast<size_t>(network.batch * network.time * network.features), 0.5f);
      const int64_t row = 2, step = 3;
      x[static_cast<size_t>((row * network.time + step) * network.features)] = kNan;
      model.plan().forward({{x.data(), network.batch, network.time * network.features * 4}}, nullptr, 0, 0);
      const float* y = model.output("y");
      for (int64_t i = 0; i < network.batch; i++)
        for (int64_t t = 0; t < network.time; t++) {
          const float value = y[(i * network.time + t) * network.outputs];
          CHECK((value != value) == (i == row && t >= step), network.name());
        }
    }
}

TEST(ends_of_functions) {
  const float most = std::numeric_limits<float>::max();
  const std::vector<float> x = {-kInfinity, -most, 0.0f, most, kInfinity};
  auto is = [&](Unary kind, std::vector<float> wanted) {
    const std::vector<float> y = applied(kind, x);
    for (size_t i = 0; i < x.size(); i++)
      CHECK(y[i] == wanted[i], "function " + std::to_string(static_cast<int>(kind)) + " at " + std::to_string(x[i]));
  };
  is(Unary::exp, {0, 0, 1, kInfinity, kInfinity});
  is(Unary::sigmoid, {0, 0, 0.5f, 1, 1});
  is(Unary::tanh, {-1, -1, 0, 1, 1});
  CHECK(std::signbit(applied(Unary::tanh, {-0.0f})[0]));
  CHECK(applied(Unary::log, {0.0f, 1.0f, kInfinity}) == (std::vector<float>{-kInfinity, 0, kInfinity}));
  CHECK(std::isnan(applied(Unary::log, {-1.0f})[0]));
}

TEST(numbers_too_small_are_zero_inside_and_the_mode_comes_back) {
  const uint64_t before = mode();
  const int64_t n = 200000;  // on all threads
  Squares squares(n);
  std::vector<float> x(static_cast<size_t>(n), 1e-20f);
  for (int again = 0; again < 3; again++) {
    squares.plan->forward({{x.data(), n, 4}}, nullptr, 0, 0);
    CHECK(mode() == before);
  }
  int64_t left = 0;
  for (int64_t i = 0; i < n; i++) left += static_cast<const float*>(squares.plan->value(1))[i] != 0;
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK(left == 0, std::to_string(left) + " of them");
#endif
  volatile float tiny = 1e-20f;
  CHECK(tiny * tiny != 0.0f, "outside they are kept");

  Network network;
  Model model(network, Use::train);
  const std::vector<Feed> feeds = model.feeds(0, network.batch);
  model.plan().train(feeds, nullptr, 0, 1, 0.01);
  CHECK(mode() == before);
  model.plan().backward();
  CHECK(mode() == before);
  model.weights[0][0] = kNan;
  CHECK_THROWS(model.plan().train(feeds, nullptr, 0, 2, 0.01), NonFinite, "layer0/kernel");
  CHECK(mode() == before, "after an error");
}
