// A small pool of threads for the engine's own loops.
//
// Tasks are handed out one by one; since every task owns its outputs, the order in which they run changes no bit.
// One caller at a time uses the pool; a second caller (another Python thread) runs its tasks itself, so that no more
// threads compute than there are callers and workers. Workers wait awake for about 0.1 ms after a job, then sleep.
#pragma once

#include <cstdint>
#include <mutex>
#include <type_traits>

namespace recurra {

// Runs task(i) for 0 <= i < tasks. Tasks must not throw.
using Task = void (*)(void* data, int64_t index);
void run_tasks(int64_t tasks, Task task, void* data);

template <class F>
void parallel_for(int64_t tasks, F&& f) {
  if (tasks <= 1) {
    if (tasks == 1) f(static_cast<int64_t>(0));
    return;
  }
  using Function = std::remove_reference_t<F>;
  run_tasks(tasks, [](void* data, int64_t index) { (*static_cast<Function*>(data))(index); }, &f);
}

constexpr int64_t kMostChains = 256;

// Runs f(chain, link) for 0 <= chain < chains <= kMostChains and 0 <= link < links: the links of a chain one after the
// other, of all chains the least advanced first. With more chains than threads, one that is slow, or comes late, has
// done fewer links in the end, and no other waits for it.
void run_chains(int64_t chains, int64_t links, void (*link)(void* data, int64_t chain, int64_t link), void* data);

template <class F>
void parallel_chains(int64_t chains, int64_t links, F&& f) {
  using Function = std::remove_reference_t<F>;
  run_chains(
      chains, links, [](void* data, int64_t chain, int64_t link) { (*static_cast<Function*>(data))(chain, link); }, &f);
}

int num_threads();
void set_num_threads(int count);

// A mutex for what runs on the pool. A fork of the process waits until all of them are free, so that the child finds
// nothing half done and nothing locked for ever.
class ForkSafeMutex {
 public:
  ForkSafeMutex();
  ~ForkSafeMutex();
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// While it lives, results too small for normal numbers become 0 in this thread: a converged network would
// otherwise run many times slower. The former setting comes back afterwards.
class FlushToZero {
 public:
  FlushToZero();
  ~FlushToZero();
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
  uint64_t before_;
};

}  // namespace recurra
