// After its first run, a plan allocates nothing. All allocations of this program are counted, on all threads, whoever
// makes them: malloc and its relatives are defined here, and operator new calls malloc.
#include "check.h"
#include "networks.h"

#if defined(RECURRA_COUNT_ALLOCATIONS)
#include <errno.h>
#include <malloc.h>

#include <atomic>
#include <thread>

namespace { std::atomic<int64_t> allocations{0}; }

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t n) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(n, size);
}
void* realloc(void* p, size_t n) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(p, n);
}
void* memalign(size_t alignment, size_t n) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, n);
}
void* aligned_alloc(size_t alignment, size_t n) { return memalign(alignment, n); }
int posix_memalign(void** p, size_t alignment, size_t n) {
  *p = memalign(alignment, n);
  return *p || !n ? 0 : ENOMEM;
}
void free(void* p) { __libc_free(p); }
}

using namespace recurra;
using namespace recurra::tests;

namespace {

// Allocations of three runs after the first.
template <class F>
int64_t later_allocations(F run) {
  run();
  const int64_t before = allocations.load();
  for (int i = 0; i < 3; i++) run();
  return allocations.load() - before;
}

void look(const Network& network) {
  const std::vector<int64_t> rows(static_cast<size_t>(network.batch), 1);
  {
    Model model(network, Use::train);
    Plan& plan = model.plan();
    const std::vector<Feed> feeds = model.feeds(0, network.batch), all = model.feeds(0, model.data_rows());
    uint64_t step = 0;
    int64_t made = later_allocations([&] { plan.train(feeds, nullptr, 0, ++step, 0.01); });
    made += later_allocations([&] { plan.train(all, rows.data(), network.batch, ++step, 0.01); });
    CHECK(made == 0, network.name() + ": " + std::to_string(made) + " in a training step");
  }
  {
    Model model(network, Use::predict);
    const std::vector<Feed> feeds = model.feeds(0, network.batch);
    const int64_t made = later_allocations([&] { model.plan().forward(feeds, nullptr, 0, 0); });
    CHECK(made == 0, network.name() + ": " + std::to_string(made) + " in a prediction");
  }
  {
    Model model(streamable(network), Use::stream);
    std::vector<float*> pointers;
    for (auto& state : model.states) pointers.push_back(state.data());
    const std::vector<Feed> feeds = model.step_feeds(0);
    const int64_t made = later_allocations([&] {
      model.plan().use_states(pointers);
      model.plan().forward(feeds, nullptr, 0, 0);
      model.plan().apply_states();
    });
    CHECK(made == 0, network.name() + ": " + std::to_string(made) + " in a step of a stream");
  }
}

}  // namespace

TEST(allocations_are_counted_on_all_threads) {
  // Volatile, so that the compiler leaves none out.
  static int* volatile kept;
  auto allocate = [] {
    kept = new int;
    delete kept;
  };
  CHECK(later_allocations(allocate) == 3);
  CHECK(later_allocations([&] { std::thread(allocate).join(); }) >= 6);
  Network network;
  CHECK(later_allocations([&] { Model(network, Use::predict); }) > 100);
}

TEST(a_step_allocates_nothing) {
  const int before = num_threads();
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    for (size_t i = 0; i < networks().size(); i += quick ? 7 : 1) {
      Network network = networks()[i];
      look(network);
      network.recompute = true;
      if (network.cell == "lstm" && network.time >= 1000) look(network);
    }
  }
  set_num_threads(before);
}
#endif
