#include "thread_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace recurra {

namespace {

void pause_a_moment() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int default_threads() {
  if (const char* wanted = getenv("RECURRA_NUM_THREADS")) {
    int count = atoi(wanted);
    if (count > 0) return count < 1024 ? count : 1024;
  }
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
#endif
  unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? static_cast<int>(count) : 1;
}

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; i++) workers_.emplace_back([this] { work(); });
  }

  ~Pool() {
    stop_.store(true);
    ticket_.fetch_add(1);
    ticket_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return threads_; }

  void run(int64_t tasks, Task task, void* data) {
    task_ = task;
    data_ = data;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    gate_.store(kOpen, std::memory_order_release);
    ticket_.fetch_add(1);  // ordered before the look at sleepers_
    if (sleepers_.load() > 0) ticket_.notify_all();
    take();
    // No worker enters any more; those inside finish their last task.
    gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
    for (int spins = 0; gate_.load(std::memory_order_acquire) != 0; spins++)
      if (spins < 20000) pause_a_moment();
      else std::this_thread::yield();
  }

 private:
  static constexpr uint32_t kOpen = 1u << 31;
  static constexpr int kSpins = 4000;  // about 0.1 ms: longer than the gap between two loops of one training step

  void take() {
    for (;;) {
      int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks_) return;
      task_(data_, i);
    }
  }

  void work() {
    FlushToZero flush;
    uint32_t seen = 0;
    for (;;) {
      uint32_t now = ticket_.load(std::memory_order_acquire);
      for (int spins = 0; now == seen && spins < kSpins; spins++) {
        pause_a_moment();
        now = ticket_.load(std::memory_order_acquire);
      }
      if (now == seen) {
        sleepers_.fetch_add(1);
        ticket_.wait(seen);
        sleepers_.fetch_sub(1);
        now = ticket_.load(std::memory_order_acquire);
      }
      if (stop_.load()) return;
      seen = now;
      uint32_t gate = gate_.load(std::memory_order_acquire);
      while ((gate & kOpen) && !gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) {
      }
      if (!(gate & kOpen)) continue;
      take();
      gate_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  const int threads_;
  std::vector<std::thread> workers_;
  Task task_ = nullptr;
  void* data_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<uint32_t> gate_{0};    // open flag, and how many workers are inside
  std::atomic<uint32_t> ticket_{0};  // changes with each job
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
};

std::mutex* guard = new std::mutex;
Pool* pool = nullptr;  // never destroyed at exit: a thread may still be inside
int wanted_threads = 0;

// A forked child has none of its parent's threads: it starts over, and leaves the parent's objects alone.
void forget_in_child() {
  guard = new std::mutex;
  pool = nullptr;
}

Pool& get_pool() {
  if (!pool) {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_in_child);
    (void)registered;
    if (!wanted_threads) wanted_threads = default_threads();
    pool = new Pool(wanted_threads);
  }
  return *pool;
}

}  // namespace

void run_tasks(int64_t tasks, Task task, void* data) {
  std::unique_lock<std::mutex> lock(*guard, std::try_to_lock);
  if (!lock.owns_lock() || get_pool().threads() == 1) {
    if (lock.owns_lock()) lock.unlock();
    for (int64_t i = 0; i < tasks; i++) task(data, i);
    return;
  }
  pool->run(tasks, task, data);
}

int num_threads() {
  if (!wanted_threads) wanted_threads = default_threads();
  return wanted_threads;
}

void set_num_threads(int count) {
  std::lock_guard<std::mutex> lock(*guard);
  if (pool && pool->threads() != count) {
    delete pool;
    pool = nullptr;
  }
  wanted_threads = count;
}

#if defined(__x86_64__)
FlushToZero::FlushToZero() : before_(_mm_getcsr()) { _mm_setcsr(static_cast<unsigned>(before_) | 0x8040u); }
FlushToZero::~FlushToZero() { _mm_setcsr(static_cast<unsigned>(before_)); }
#elif defined(__aarch64__)
FlushToZero::FlushToZero() {
  asm volatile("mrs %0, fpcr" : "=r"(before_));
  asm volatile("msr fpcr, %0" ::"r"(before_ | (1ull << 24)));
}
FlushToZero::~FlushToZero() { asm volatile("msr fpcr, %0" ::"r"(before_)); }
#else
FlushToZero::FlushToZero() : before_(0) {}
FlushToZero::~FlushToZero() {}
#endif

}  // namespace recurra
