// Several threads of a program at once, each with networks of its own, and all of them with shared ones. The thread
// sanitizer looks on.
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "check.h"
#include "networks.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

Network wide() {
  Network network;  // large enough for the pool
  network.units = 48;
  network.batch = 16;
  network.time = 20;
  network.dropout = true;
  return network;
}

void together(int threads, const std::function<void(int)>& work) {
  std::vector<std::thread> all;
  for (int i = 0; i < threads; i++) all.emplace_back(work, i);
  for (std::thread& thread : all) thread.join();
}

}  // namespace

TEST(threads_train_at_once) {
  std::vector<Network> each;
  std::vector<uint64_t> alone;
  for (const char* cell : {"lstm", "gru", "simple_rnn", "lstm"}) {
    each.push_back(wide());
    each.back().cell = cell;
    each.back().rule = each.size();
    alone.push_back(fingerprint(each.back()));
  }
  std::atomic<int> wrong{0};
  together(4, [&](int i) {
    const auto at = static_cast<size_t>(i);
    for (int again = 0; again < 3; again++) wrong += fingerprint(each[at]) != alone[at];
  });
  CHECK(wrong == 0);
}

TEST(threads_share_a_plan) {
  const Network network = wide();
  Model model(network, Use::predict);
  const std::vector<Feed> feeds = model.feeds(0, network.batch);
  auto digest = [&] {
    std::lock_guard<ForkSafeMutex> lock(model.plan().busy);
    model.plan().forward(feeds, nullptr, 0, 0);
    Digest made;
    made.add(model.copy("y"));
    return made.value();
  };
  const uint64_t alone = digest();
  std::atomic<int> wrong{0};
  together(4, [&](int) {
    for (int again = 0; again < 20; again++) wrong += digest() != alone;
  });
  CHECK(wrong == 0);
}

TEST(sessions_of_a_stream_share_its_weights) {
  const Network network = streamable(wide());
  const std::vector<float> whole = streamed(network);
  Model model(network, Use::stream);
  const int64_t width = network.outputs;
  std::atomic<int> wrong{0};
  together(4, [&](int) {
    std::vector<std::vector<float>> states(model.states.begin(), model.states.end());
    for (auto& state : states) state.assign(state.size(), 0.0f);
    std::vector<float*> pointers;
    for (auto& state : states) pointers.push_back(state.data());
    for (int64_t t = 0; t < network.time; t++) {
      std::lock_guard<ForkSafeMutex> lock(model.plan().busy);
      model.plan().use_states(pointers);
      model.plan().forward(model.step_feeds(t), nullptr, 0, 0);
      model.plan().apply_states();
      const float* y = model.output("y");
      for (int64_t i = 0; i < network.batch * width; i++)
        wrong += y[i] != whole[static_cast<size_t>((i / width * network.time + t) * width + i % width)];
    }
  });
  CHECK(wrong == 0);
}

TEST(the_number_of_threads_changes_while_others_run) {
  const int before = num_threads();
  const Network network = wide();
  const uint64_t alone = fingerprint(network);
  std::atomic<int> wrong{0};
  std::atomic<bool> done{false};
  std::thread changes([&] {
    for (int i = 0; !done; i++) {
      set_num_threads(1 + i % 4);
      std::this_thread::yield();
    }
  });
  together(2, [&](int) {
    for (int again = 0; again < 5; again++) wrong += fingerprint(network) != alone;
  });
  done = true;
  changes.join();
  set_num_threads(before);
  CHECK(wrong == 0);
}

TEST(threads_take_chains_in_order) {
  const int before = num_threads();
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (int64_t chains : {int64_t{1}, int64_t{5}, kMostChains})
      for (int64_t links : {1, 2, 33}) {
        // Not atomic: the links of a chain must come one after the other, or the thread sanitizer speaks.
        std::vector<int64_t> done(static_cast<size_t>(chains), 0);
        std::atomic<int> wrong{0};
        parallel_chains(chains, links,
                        [&](int64_t chain, int64_t link) { wrong += done[static_cast<size_t>(chain)]++ != link; });
        CHECK(wrong == 0);
        for (int64_t links_done : done) CHECK(links_done == links);
      }
  }
  set_num_threads(before);
}
