#include "thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "../kernels/dispatch.h"

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

// Processors this process may keep busy: those it may run on, and no more than its control group pays for.
int processors() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  if (FILE* file = fopen("/sys/fs/cgroup/cpu.max", "r")) {
    double quota, period;
    if (fscanf(file, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)  // otherwise "max"
      count = std::min(count, static_cast<int>(std::ceil(quota / period)));
    fclose(file);
  }
#endif
  return std::max(count, 1);
}

int default_threads() {
  const char* wanted = getenv("RECURRA_NUM_THREADS");
  if (!wanted || !*wanted) return processors();
  char* end = nullptr;
  const long count = strtol(wanted, &end, 10);
  if (*wanted < '0' || *wanted > '9' || *end || count < 1)  // strtol takes spaces and signs before a number
    throw BadSetting("The environment variable RECURRA_NUM_THREADS must be a whole number from 1, received '" +
                     std::string(wanted) + "'. Without it there are as many threads as processors.");
  return static_cast<int>(std::min(count, 1024L));
}

// Waiting awake: it lasts for so many pauses, then it is time to sleep.
class Patience {
 public:
  explicit Patience(int spins) : left_(spins) {}
  bool lasts() {
    if (left_-- <= 0) return false;
    pause_a_moment();
    return true;
  }

 private:
  int left_;
};

class Pool {
 public:
  explicit Pool(int threads) : spins_(threads <= processors() ? kSpins : 0) {
    // Signals are for the threads of the program, whose system calls they are to interrupt.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      for (int i = 1; i < threads; i++) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system grants no more threads: go on with those there are.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Pool() {
    stop_.store(true);
    ticket_.fetch_add(1);
    ticket_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

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
    uint32_t inside = gate_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (Patience patience(spins_); inside && patience.lasts();) inside = gate_.load(std::memory_order_acquire);
    if (!inside) return;
    // A worker lost its core to someone else, who may be waiting for this one.
    waiting_.store(true);
    while ((inside = gate_.load())) gate_.wait(inside);
    waiting_.store(false, std::memory_order_relaxed);
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
      for (Patience patience(spins_); now == seen && patience.lasts();) now = ticket_.load(std::memory_order_acquire);
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
      // Ordered before the look at waiting_: the caller sets that before it looks at the gate a last time.
      if (gate_.fetch_sub(1) == 1 && waiting_.load()) gate_.notify_one();
    }
  }

  const int spins_;  // 0 with more threads than processors: who waits there keeps others from running
  std::vector<std::thread> workers_;
  Task task_ = nullptr;
  void* data_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<uint32_t> gate_{0};    // open flag, and how many workers are inside
  std::atomic<uint32_t> ticket_{0};  // changes with each job
  std::atomic<int> sleepers_{0};
  std::atomic<bool> waiting_{false};  // the caller sleeps until the last worker has left
  std::atomic<bool> stop_{false};
};

std::mutex guard;              // for the pool: held while it runs, and while it is replaced
Pool* pool = nullptr;          // never destroyed at exit: a thread may still be inside
std::atomic<int> wanted_threads{0};

// Every mutex of a plan, so that a fork can wait for the calls that are running.
std::mutex registry_guard;
std::vector<ForkSafeMutex*>& registry() {
  static auto* all = new std::vector<ForkSafeMutex*>;
  return *all;
}

// A fork waits until no plan runs: the child has copies of the memory, of which none is half written, and none of
// the threads. It makes a pool of its own.
void before_fork() {
  registry_guard.lock();
  for (ForkSafeMutex* mutex : registry()) mutex->lock();
  guard.lock();
}

void after_fork() {
  guard.unlock();
  for (ForkSafeMutex* mutex : registry()) mutex->unlock();
  registry_guard.unlock();
}

void after_fork_in_child() {
  pool = nullptr;
  after_fork();
}

const int registered = pthread_atfork(before_fork, after_fork, after_fork_in_child);

Pool& get_pool() {
  if (!pool) pool = new Pool(num_threads());
  return *pool;
}

}  // namespace

ForkSafeMutex::ForkSafeMutex() {
  std::lock_guard<std::mutex> lock(registry_guard);
  registry().push_back(this);
}

ForkSafeMutex::~ForkSafeMutex() {
  std::lock_guard<std::mutex> lock(registry_guard);
  std::erase(registry(), this);
}

void run_tasks(int64_t tasks, Task task, void* data) {
  std::unique_lock<std::mutex> lock(guard, std::try_to_lock);
  if (lock.owns_lock()) {
    Pool& mine = get_pool();
    if (mine.threads() > 1) {
      mine.run(tasks, task, data);
      return;
    }
    lock.unlock();
  }
  for (int64_t i = 0; i < tasks; i++) task(data, i);
}

void run_chains(int64_t chains, int64_t links, void (*link)(void* data, int64_t chain, int64_t link), void* data) {
  std::atomic<int64_t> states[kMostChains];  // links done, times two; and one while a thread is at the next
  for (int64_t i = 0; i < chains; i++) states[i].store(0, std::memory_order_relaxed);
  parallel_for(std::min<int64_t>(num_threads(), chains), [&](int64_t) {
    for (;;) {
      int64_t best = -1, least = 2 * links;
      for (int64_t i = 0; i < chains; i++) {
        const int64_t state = states[i].load(std::memory_order_relaxed);
        if (state % 2 == 0 && state < least) {
          best = i;
          least = state;
        }
      }
      if (best < 0) return;
      if (!states[best].compare_exchange_strong(least, least + 1, std::memory_order_acquire)) continue;
      link(data, best, least / 2);
      states[best].store(least + 2, std::memory_order_release);
    }
  });
}

int num_threads() {
  int count = wanted_threads.load(std::memory_order_relaxed);
  if (!count) {
    // Two threads that come here at once find the same number.
    count = default_threads();
    int none = 0;
    if (!wanted_threads.compare_exchange_strong(none, count)) count = none;
  }
  return count;
}

void set_num_threads(int count) {
  std::lock_guard<std::mutex> lock(guard);
  wanted_threads.store(count);
  delete pool;  // the next loop makes one of the new size
  pool = nullptr;
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
