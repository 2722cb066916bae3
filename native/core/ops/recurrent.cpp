#include "recurrent.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace recurra {

namespace {

constexpr int64_t kFlowUnits = 64;  // columns that a product of any vector width takes whole
constexpr int64_t kManyWeights = 1 << 20;  // 4 MiB, more than the caches of one core

}  // namespace

RecurrentOp::RecurrentOp(const Node& node, const std::vector<TensorSpec>& values, const RecurrentCell& cell,
                         int64_t gates, bool has_c)
    : Op(node, values),
      cell_(cell),
      gates_(gates),
      initial_c_(has_c ? kInitialH + 1 : kAbsent),
      mask_(kInitialH + 1 + has_c),
      recurrent_mask_(mask_ + 1) {
  batch_ = in(kX).shape[0];
  s_.blocks = blocks_of(batch_);
  s_.time = in(kX).shape[1];
  s_.features = in(kX).shape[2];
  s_.units = in(kRecurrent).shape[0];
  s_.padded = round_up(s_.units, kPanel);
  s_.activation = static_cast<int>(unary_named(node.text("activation")));
  s_.go_backwards = node.flag("go_backwards");
  s_.zero_output_for_mask = node.flag("zero_output_for_mask");
  segment_ = steps_of_a_segment();
}

// Weight gradients are sums over segments of steps, the last one first, so that they are the same whether a segment is
// made again or was kept. With the square root of all steps in a segment there are as many segments as steps in one. It
// is not so short that products would be over fewer than kLeastRows rows.
int64_t RecurrentOp::steps_of_a_segment() const {
  constexpr int64_t kLeastRows = 256;
  const int64_t rows = std::max<int64_t>(1, batch_ >> s_.blocks.log2_count);
  const auto root = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(s_.time))));
  return std::max<int64_t>(1, std::min(s_.time, std::max(root, (kLeastRows + rows - 1) / rows)));
}

// How many steps make their products with x at once, for not more than so many rows: where a step has one row alone,
// for which it would read all weights; and where vectors are short and the weights leave the caches between two steps.
// (Long vectors have more rows a tile: there it took 7 % longer.)
int64_t RecurrentOp::steps_ahead() const {
  constexpr int64_t kRows = 512, kMost = 64;
  const bool worth = batch_ == 1 ? weights() >= 1 << 16 : weights() >= kManyWeights && kernels().width == 8;
  const int64_t steps = std::min({s_.time, kRows / std::max<int64_t>(1, batch_), kMost});
  return worth && steps > 1 ? steps : 0;
}

RecurrentOp::Scratches RecurrentOp::ask_states(int64_t steps, int64_t gated_steps, Keep keep) {
  auto states = [&](int64_t n) { return ask(States::size(s_.blocks, n, s_.padded), keep); };
  Scratches scratches{steps, gated_steps};
  scratches.h = states(steps);
  if (given(recurrent_mask_)) scratches.h_in = states(steps);
  if (has_c()) scratches.c = states(steps);
  if (reads_gated()) scratches.gated = states(gated_steps);
  return scratches;
}

void RecurrentOp::prepare(bool backward) {
  keeps_ = backward;
  again_ = recompute && backward && segment_ < s_.time;
  s_.kept = again_ ? segment_ : s_.time;
  s_.phases = static_cast<int>(phases_.size());
  s_.ahead = steps_ahead();
  const Keep keep = backward ? Keep::until_backward : Keep::forward, kept = again_ ? Keep::backward : keep;
  auto states = [&](int64_t steps) { return States::size(s_.blocks, steps, s_.padded); };
  const Keep packed = packed_keep(again_ ? keep : Keep::forward);
  for (Phase& phase : phases_) {
    phase.weights = ask(depth() * phase.count * s_.padded, packed);
    phase.bias = ask((phase.count + phase.apart) * s_.padded, packed);
    if (s_.ahead)
      phase.ahead = ask(s_.ahead * batch_ * (phase.count + phase.apart) * s_.padded, again_ ? keep : Keep::forward);
  }
  kept_ = ask_states(backward ? s_.kept + 1 : 2, backward ? s_.kept : 1, kept);
  if (reads_gated()) z_ = ask(states(1), keep);
  if (!backward) return;
  if (again_) {
    const int64_t segments = (s_.time + segment_ - 1) / segment_;
    passing_ = ask_states(2, 1, Keep::forward);
    first_h_scratch_ = ask(states(segments), keep);
    if (has_c()) first_c_scratch_ = ask(states(segments), keep);
    first_h_ = first_c_ = {nullptr, segments, s_.padded};
  }
  for (Group& group : groups_) {
    const int64_t columns = group.count * s_.padded;
    group.kept = ask(batch_ * s_.kept * round_up(columns, 4 * kernels().width), kept);
    if (group.reads != State::none) group.recurrent_t = ask(kernels().packed_size(columns, s_.units), Keep::backward);
    if (group.reads_x && wants(kX)) group.kernel_t = ask(kernels().packed_size(columns, s_.features), Keep::backward);
  }
  dh_ = ask(states(2), Keep::backward);
  if (has_c()) dc_ = ask(states(1), Keep::backward);
  if (reads_gated()) d_gated_ = ask(states(1), Keep::backward);
}

// Without gates there are two states of each, by turns.
void RecurrentOp::use_states(const Scratches& scratches, bool with_gates) {
  s_.h = {space(scratches.h), scratches.steps, s_.padded};
  s_.h_in = {space(given(recurrent_mask_) ? scratches.h_in : scratches.h), scratches.steps, s_.padded};
  s_.c = {space(scratches.c), scratches.steps, s_.padded};
  s_.gated = {space(scratches.gated), scratches.gated_steps, s_.padded};
  for (size_t i = 0; i < groups_.size(); i++) {
    const Group& group = groups_[i];
    s_.gates[i] = {group.count,
                   with_gates ? space(group.kept) : nullptr,
                   space(group.recurrent_t),
                   group.phase,
                   group.reads == State::gated,
                   group.adds};
  }
}

void RecurrentOp::pack() {
  for (const Phase& phase : phases_) {
    const RecurrentWeights weights{x(kKernel),
                                   x(kRecurrent),
                                   x(kBias),
                                   two_biases_ && given(kBias) ? x(kBias) + width() : nullptr,
                                   s_.features,
                                   s_.units,
                                   gates_,
                                   phase.first,
                                   phase.count,
                                   phase.apart,
                                   space(phase.weights),
                                   space(phase.bias)};
    in_pieces(s_.padded / kPanel, depth() * s_.units,
              [&](int64_t first, int64_t last) { kernels().recurrent_pack(weights, first, last); });
  }
}

void RecurrentOp::forward() {
  s_.x = x(kX);
  for (size_t i = 0; i < phases_.size(); i++) {
    s_.weights[i] = space(phases_[i].weights);
    s_.bias[i] = space(phases_[i].bias);
    s_.ahead_sums[i] = space(phases_[i].ahead);
  }
  s_.initial_h = x(kInitialH);
  s_.initial_c = has_c() ? x(initial_c_) : nullptr;
  s_.mask = x(mask_);
  s_.recurrent_mask = x(recurrent_mask_);
  s_.sequence = writes(0) ? y(0) : nullptr;
  s_.last_h = writes(1) ? y(1) : nullptr;
  s_.last_c = has_c() && writes(2) ? y(2) : nullptr;
  s_.z = {space(z_), 1, s_.padded};
  s_.start = 0;
  // Sums of gradients follow the blocks. Without gradients there are no more of them than chains of rows: tiles of
  // large blocks have fewer rows left over.
  if (!keeps_)
    for (s_.blocks = blocks_of(batch_); s_.blocks.count() > chains_of(s_.time).count;) s_.blocks.log2_count--;
  if (again_) use_states(passing_, false);
  else use_states(kept_, true);
  first_h_.data = space(first_h_scratch_);
  first_c_.data = space(first_c_scratch_);
  if (must_pack()) pack();
  if (!by_units()) {
    over_rows(s_.time, [&](const RowRange& rows, int64_t step_first, int64_t step_last) {
      if (step_first == 0) kernels().recurrent_start(s_, rows);
      for (int64_t t = step_first, last; t < step_last; t = last) {
        last = again_ ? std::min((t / s_.kept + 1) * s_.kept, step_last) : step_last;
        if (again_ && t % s_.kept == 0) keep_first_states(t, rows);
        cell_.forward(s_, {t, last, 0, s_.phases, rows, 0, s_.padded});
      }
    });
  } else {
    kernels().recurrent_start(s_, all_rows());
    for (int64_t t = 0; t < s_.time; t += s_.kept) {
      if (again_) keep_first_states(t, all_rows());
      forward_by_units(t, std::min(t + s_.kept, s_.time));
    }
  }
}

void RecurrentOp::forward_by_units(int64_t step_first, int64_t step_last) {
  const RowRange all = all_rows();
  for (int64_t t = step_first; t < step_last; t++)
    for (int phase = 0; phase < s_.phases; phase++)
      over_units(kPanel, [&](int64_t first, int64_t last) {
        cell_.forward(s_, {t, t + 1, phase, phase + 1, all, first, last});
      });
}

void RecurrentOp::backward() {
  s_.d_sequence = dy(0);
  s_.d_last_h = dy(1);
  s_.d_last_c = has_c() ? dy(2) : nullptr;
  s_.dh = {space(dh_), 2, s_.padded};
  s_.dc = {space(dc_), 1, s_.padded};
  s_.d_gated = {space(d_gated_), 1, s_.padded};
  for (const Group& group : groups_) {
    if (group.reads != State::none && flows(s_.time - 1, group.phase))
      pack_transposed(group, x(kRecurrent), s_.units, space(group.recurrent_t));
    if (group.reads_x && wants(kX)) pack_transposed(group, x(kKernel), s_.features, space(group.kernel_t));
  }
  s_.d_recurrent_mask = dx(recurrent_mask_);
  if (wants(recurrent_mask_) && !accumulate(recurrent_mask_))
    std::memset(dx(recurrent_mask_), 0, static_cast<size_t>(batch_ * s_.units) * sizeof(float));
  kernels().recurrent_start_backward(s_, all_rows());
  if (again_) {
    // What others have written where the outputs were must stay.
    s_.sequence = s_.last_h = s_.last_c = nullptr;
    use_states(kept_, true);
  }
  for (int64_t last = s_.time; last > 0; last = s_.start) {
    s_.start = (last - 1) / s_.kept * s_.kept;
    back_through(s_.start, last);
    weight_gradients(s_.start, last);
    if (wants(kX)) input_gradient(s_.start, last);
  }
  if (wants(kInitialH)) state_gradient(kInitialH, s_.dh);
  if (has_c() && wants(initial_c_)) state_gradient(initial_c_, s_.dc);
}

// Makes the gates of these steps again where they were not kept, then turns them into dz.
void RecurrentOp::back_through(int64_t step_first, int64_t step_last) {
  const Kernels& kernel = kernels();
  if (!by_units()) {
    const int64_t steps = step_last - step_first, again = again_ ? steps : 0;
    over_rows(again + steps, [&](const RowRange& rows, int64_t first, int64_t last) {
      if (first < again) {
        if (first == 0) restore_first_states(step_first, rows);
        cell_.forward(s_, {step_first + first, step_first + std::min(last, again), 0, s_.phases, rows, 0, s_.padded});
      }
      for (int64_t t = step_last - 1 - std::max<int64_t>(first - again, 0); t >= step_last - (last - again); t--)
        for (int phase = 0; phase < s_.phases; phase++) {
          const Part part{t, t + 1, phase, phase + 1, rows, 0, s_.padded};
          cell_.slopes(s_, part);
          if (flows(t, phase)) kernel.recurrent_flow(s_, part);
        }
    });
  } else {
    const RowRange all = all_rows();
    if (again_) {
      restore_first_states(step_first, all);
      forward_by_units(step_first, step_last);
    }
    for (int64_t t = step_last - 1; t >= step_first; t--)
      for (int phase = 0; phase < s_.phases; phase++) {
        over_units(kPanel, [&](int64_t first, int64_t last) {
          cell_.slopes(s_, {t, t + 1, phase, phase + 1, all, first, last});
        });
        if (!flows(t, phase)) continue;
        over_units(kFlowUnits, [&](int64_t first, int64_t last) {
          kernel.recurrent_flow(s_, {t, t + 1, phase, phase + 1, all, first, last});
        });
      }
  }
}

// Whether the gradient of this phase must flow on to the state: beyond the last phase of the first step, what reaches
// the initial state may not be asked for.
bool RecurrentOp::flows(int64_t t, int phase) const {
  return t > 0 || phase < s_.phases - 1 || wants(kInitialH) || wants(recurrent_mask_);
}

// f(in the segments, in what is kept now, floats) for the states before step t, of some rows.
template <class F>
void RecurrentOp::at_first_states(int64_t t, int64_t slot, const RowRange& rows, F f) {
  for (int64_t block = rows.block_first; block < rows.block_last; block++) {
    const int64_t from = rows.first(block), start = from * s_.padded;
    const int64_t n = (rows.last(s_.blocks, block) - from) * s_.padded;
    f(first_h_.at(s_.blocks, block, t / segment_) + start, s_.h.at(s_.blocks, block, slot) + start, n);
    if (has_c()) f(first_c_.at(s_.blocks, block, t / segment_) + start, s_.c.at(s_.blocks, block, slot) + start, n);
  }
}

void RecurrentOp::keep_first_states(int64_t t, const RowRange& rows) {
  at_first_states(t, t & 1, rows, [](float* segment, const float* now, int64_t n) {
    std::memcpy(segment, now, static_cast<size_t>(n) * sizeof(float));
  });
}

void RecurrentOp::restore_first_states(int64_t t, const RowRange& rows) {
  at_first_states(t, 0, rows, [](const float* segment, float* now, int64_t n) {
    std::memcpy(now, segment, static_cast<size_t>(n) * sizeof(float));
  });
  if (!s_.recurrent_mask) return;
  for (int64_t block = rows.block_first; block < rows.block_last; block++)
    for (int64_t row = rows.first(block); row < rows.last(s_.blocks, block); row++) {
      const float* h = s_.h.at(s_.blocks, block, 0) + row * s_.padded;
      const float* factor = s_.recurrent_mask + (s_.blocks.first(block) + row) * s_.units;
      float* to = s_.h_in.at(s_.blocks, block, 0) + row * s_.padded;
      for (int64_t u = 0; u < s_.units; u++) to[u] = h[u] * factor[u];
    }
}

// The rows of the batch in chains, which go through so many steps each, in so many links.
//
// With more chains than threads, the slowest thread does not keep the others waiting: up to 12 % less time, the more
// the less equal the cores are. Not with few rows in each, which fill tiles worse (8 rows: 3 to 13 % more time; in
// inference, where blocks are larger, 16 rows: 3 %), nor with many weights, which each chain reads.
RecurrentOp::Chains RecurrentOp::chains_of(int64_t steps) const {
  constexpr int64_t kLeast = 1 << 18;  // multiply-adds of a thread
  constexpr int64_t kLinks = 16;
  const int64_t work = batch_ * steps * depth() * width(), rows = keeps_ ? 12 : 24;
  const int64_t threads = std::min({work / kLeast, static_cast<int64_t>(num_threads()), batch_, kMostChains / 2});
  if (threads <= 1) return {1, 1};
  if (batch_ < 2 * threads * rows || weights() >= kManyWeights) return {threads, 1};
  return {2 * threads, std::clamp<int64_t>(work / (2 * threads * kLeast), 1, std::min(steps, kLinks))};
}

// Rows of the batch over threads: f(rows, first step, last) in order of steps. No row reads another.
template <class F>
void RecurrentOp::over_rows(int64_t steps, F f) {
  const Chains chains = chains_of(steps);
  if (chains.count == 1) return f(all_rows(), 0, steps);
  parallel_chains(chains.count, chains.links, [&](int64_t chain, int64_t link) {
    const RowRange rows(s_.blocks, batch_ * chain / chains.count, batch_ * (chain + 1) / chains.count);
    f(rows, steps * link / chains.links, steps * (link + 1) / chains.links);
  });
}

// Units over threads, in multiples of `multiple`.
template <class F>
void RecurrentOp::over_units(int64_t multiple, F f) {
  const int64_t n = (s_.padded + multiple - 1) / multiple, pieces = std::min<int64_t>(num_threads(), n);
  parallel_for(pieces,
               [&](int64_t i) { f(n * i / pieces * multiple, std::min(n * (i + 1) / pieces * multiple, s_.padded)); });
}

// Units are divided over the threads, who then wait for each other after each step, where the batch has too few rows to
// divide: the more weights, each thread of which would read all, the more rows it takes to be worth that.
bool RecurrentOp::by_units() const {
  const int64_t threads = num_threads();
  if (threads == 1 || s_.padded < 2 * kFlowUnits || weights() < 1 << 16) return false;
  return batch_ < threads * std::clamp<int64_t>(weights() >> 16, 2, 32);
}

// Packs the transpose of `count` rows of weights for a product of dz by it: row (panel, gate, unit) of the packed
// matrix is a column of the weights, or 0 beyond the last unit.
void RecurrentOp::pack_transposed(const Group& group, const float* weights, int64_t count, float* packed) {
  const Kernels& kernel = kernels();
  const int64_t k = group.count * s_.padded, panels = kernel.pack_panels(count);
  in_pieces(s_.padded / kPanel, count * s_.units, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; p++)
      for (int64_t gate = 0; gate < group.count; gate++) {
        const int64_t at = (p * group.count + gate) * kPanel, unit = p * kPanel;
        const int64_t valid = std::min(kPanel, s_.units - unit);
        kernel.pack_b(weights + (group.first + gate) * s_.units + unit, 1, width(), at, at + valid, k, count, 0, panels,
                      packed);
        static const float zero = 0.0f;
        if (valid < kPanel) kernel.pack_b(&zero, 0, 0, at + valid, at + kPanel, k, count, 0, panels, packed);
      }
  });
}

// The gradient of an initial state, (batch, units): what has flowed to the beginning.
void RecurrentOp::state_gradient(int input, const States& d) {
  for (int64_t block = 0; block < s_.blocks.count(); block++)
    for (int64_t row = 0; row < s_.blocks.rows(block); row++)
      for (int64_t u = 0; u < s_.units; u++) {
        float total = 0.0f;
        for (int64_t step = 0; step < d.steps; step++) total += d.at(s_.blocks, block, step)[row * s_.padded + u];
        float* to = dx(input) + (s_.blocks.first(block) + row) * s_.units + u;
        *to = accumulate(input) ? *to + total : total;
      }
}

}  // namespace recurra
