// Equal bits: any number of threads, any split of the batch, streamed or whole. Equal bits of instruction sets are
// checked between processes, by the fingerprints (tools/native-tests.sh).
#include <algorithm>
#include <set>

#include "check.h"
#include "networks.h"

using namespace recurra;
using namespace recurra::tests;

namespace {

// Every network, or where time is short every seventh.
template <class F>
void for_networks(F f) {
  for (size_t i = 0; i < networks().size(); i += quick ? 7 : 1) f(networks()[i]);
}

// Which of the numbers differ, for a message.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  Digest of_a, of_b;
  of_a.add(a);
  of_b.add(b);
  return a.size() == b.size() && of_a.value() == of_b.value();
}

}  // namespace

TEST(networks_cover_what_they_should) {
  std::set<std::string> names;
  std::set<size_t> rules_used;
  int masks = 0, initials = 0, backwards = 0, recurrent_dropouts = 0, embeddings = 0, returned = 0;
  for (const Network& network : networks()) {
    names.insert(network.name());
    rules_used.insert(network.rule);
    masks += network.mask;
    initials += network.initial;
    backwards += network.backwards;
    recurrent_dropouts += network.recurrent_dropout;
    embeddings += network.embedding;
    returned += network.returned;
  }
  CHECK(names.size() == networks().size());
  CHECK(names.size() >= 200, std::to_string(names.size()));
  CHECK(rules_used.size() == rules().size());
  CHECK(std::min({masks, initials, backwards, recurrent_dropouts, embeddings, returned}) >= 20);
}

TEST(recomputation_changes_nothing_but_memory) {
  int made_again = 0;
  for_networks([&](const Network& network) {
    if (network.cell != "lstm" || network.time < 1000) return;
    Network again = network;
    again.recompute = true;
    CHECK(fingerprint(again) == fingerprint(network), network.name());
    Model less(again, Use::train), all(network, Use::train);
    CHECK(less.plan().arena_bytes() < all.plan().arena_bytes(), network.name());
    made_again++;
  });
  CHECK(made_again > 0);
}

TEST(fingerprints_see_every_difference) {
  Network network;
  std::set<uint64_t> seen = {fingerprint(network)};
  CHECK(seen.count(fingerprint(network)) == 1, "the same network has two fingerprints");
  std::vector<Network> others(12, network);
  others[0].cell = "gru";
  others[1].cell = "simple_rnn";
  others[2].mask = true;
  others[3].initial = true;
  others[4].backwards = true;
  others[5].dropout = true;
  others[6].recurrent_dropout = true;
  others[7].returned = true;
  others[8].classes = true;
  others[9].rule = 6;
  others[10].activation = "relu";
  others[11].mask = others[11].zero_output = true;
  for (const Network& other : others) CHECK(seen.insert(fingerprint(other)).second, other.name());
}

TEST(threads_change_no_bit) {
  const int before = num_threads();
  for_networks([&](const Network& network) {
    set_num_threads(1);
    const uint64_t alone = fingerprint(network);
    for (int threads : {2, 3, 7}) {
      set_num_threads(threads);
      CHECK(fingerprint(network) == alone, network.name() + " with " + std::to_string(threads) + " threads");
    }
  });
  set_num_threads(before);
}

TEST(pieces_of_a_batch_change_no_bit) {
  for_networks([&](const Network& network) {
    const std::vector<float> whole = predicted(network, network.batch);
    for (int64_t piece : {1, 2, 7})
      if (piece < network.batch)
        CHECK(same(predicted(network, piece), whole), network.name() + " in pieces of " + std::to_string(piece));
  });
}

TEST(a_stream_gives_the_bits_of_the_whole_sequence) {
  for_networks([&](const Network& drawn) {
    const Network network = streamable(drawn);
    CHECK(same(streamed(network), predicted(network, network.batch)), network.name());
  });
}

TEST(gathered_rows_are_the_rows) {
  Network network;
  network.mask = network.embedding = true;
  Model gathered(network, Use::predict), straight(network, Use::predict);
  const int64_t rows[] = {7, 0, 3, 3, 5};
  gathered.plan().forward(gathered.feeds(0, gathered.data_rows()), rows, 5, 0);
  const std::vector<float> picked = gathered.copy("y");
  const size_t width = picked.size() / 5;
  for (size_t i = 0; i < 5; i++) {
    Model one(network, Use::predict, 1);
    one.plan().forward(one.feeds(rows[i], 1), nullptr, 0, 0);
    const auto from = picked.begin() + static_cast<std::ptrdiff_t>(i * width);
    CHECK(same(one.copy("y"), {from, from + static_cast<std::ptrdiff_t>(width)}));
  }
}
