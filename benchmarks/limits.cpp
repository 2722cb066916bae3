// What this machine can do at best: fused multiply-adds from registers, and reading memory of several sizes.
// Prints one JSON object. Built by limits.py with -O3 -march=native.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * kLanes)));

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Twelve independent chains hide the latency of the multiply-add. They have names of their own: those of an array would lie
// in memory, and a third of the rate be seen.
double multiply_adds(double seconds) {
  Vector factor, addend;
  for (int lane = 0; lane < kLanes; ++lane) factor[lane] = 0.999f, addend[lane] = 1e-3f;
  Vector a = addend, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
  const auto step = [&](Vector& vector) {
    vector = vector * factor + addend;
    asm volatile("" : "+x"(vector));  // Keeps every one.
  };
  const double begin = now();
  double end = begin;
  long rounds = 0;
  while (end - begin < seconds) {
    for (int round = 0; round < 20000; ++round) {
      step(a), step(b), step(c), step(d), step(e), step(f);
      step(g), step(h), step(i), step(j), step(k), step(l);
    }
    rounds += 20000;
    end = now();
  }
  return 2.0 * 12 * kLanes * double(rounds) / (end - begin);
}

double read(std::size_t bytes, double seconds) {
  std::vector<float> data(bytes / sizeof(float), 1.0f);
  const double begin = now();
  double end = begin;
  double total = 0;
  while (end - begin < seconds) {
    const std::size_t repeats = std::max<std::size_t>(1, (std::size_t(16) << 20) / bytes);
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
      Vector sum[8] = {};
      const Vector* from = reinterpret_cast<const Vector*>(
          (reinterpret_cast<std::size_t>(data.data()) + sizeof(Vector) - 1) / sizeof(Vector) * sizeof(Vector));
      const std::size_t count = bytes / sizeof(Vector) - 8;
      for (std::size_t i = 0; i + 8 <= count; i += 8)
        for (int j = 0; j < 8; ++j) sum[j] += from[i + j];
      for (Vector& vector : sum) asm volatile("" : "+x"(vector));
      total += double(count) * sizeof(Vector);
    }
    end = now();
  }
  return total / (end - begin);
}

template <class Work>
double together(int threads, Work work) {
  std::vector<double> found(threads);
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) running.emplace_back([&, i] { found[i] = work(); });
  double total = 0;
  for (int i = 0; i < threads; ++i) running[i].join(), total += found[i];
  return total;
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  const double seconds = count > 2 ? std::atof(arguments[2]) : 0.3;
  const struct {
    const char* name;
    std::size_t bytes;
  } sizes[] = {{"L1", 16u << 10}, {"L2", 256u << 10}, {"L3", 6u << 20}, {"memory", 256u << 20}};
  std::printf("{\"lanes\": %d", kLanes);
  for (int used : {1, threads}) {
    std::printf(", \"flops_%s\": %.4g", used == 1 ? "one" : "all",
                together(used, [&] { return multiply_adds(seconds); }));
    for (const auto& size : sizes)
      std::printf(", \"%s_%s\": %.4g", size.name, used == 1 ? "one" : "all",
                  together(used, [&] { return read(size.bytes, seconds); }));
    if (threads == 1) break;
  }
  std::printf("}\n");
}
