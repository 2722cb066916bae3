// The gradients of the weights, the bias and the input of a recurrent layer, from the dz of some steps.
#include "recurrent.h"

#include <algorithm>

namespace recurra {

// d(weights) = [x, h]^T dz over all rows of these steps, and the sums of dz for the bias. Threads own panels of
// columns, and where these are few, rows of [W; R]. So many columns go through all segments and blocks at once that
// their gradient stays in the second-level cache.
void RecurrentOp::weight_gradients(int64_t step_first, int64_t step_last) {
  constexpr int64_t kColumnsAtOnce = 256;
  const int64_t threads = num_threads(), at_once = kColumnsAtOnce / (4 * kernels().width);
  auto panels_of = [&](const Group& group) { return kernels().pack_panels(group.count * s_.padded); };
  int64_t panels = 0;
  for (const Group& group : groups_) panels += panels_of(group);
  const bool alone = batch_ * (step_last - step_first) * depth() * width() < 1 << 17;
  const int64_t wanted = alone ? 1 : 2 * threads, across = std::min(panels, wanted);
  const int64_t down = std::min((depth() + 11) / 12, std::max<int64_t>(1, wanted / across));
  parallel_for(across * down, [&](int64_t i) {
    const int64_t p = i / down, row_first = depth() * (i % down) / down, row_last = depth() * (i % down + 1) / down;
    int64_t before = 0;  // panels of the groups before this one
    for (size_t j = 0; j < groups_.size(); before += panels_of(groups_[j]), j++) {
      const int64_t panel_last = std::min(panels * (p + 1) / across - before, panels_of(groups_[j]));
      for (int64_t panel = std::max<int64_t>(panels * p / across - before, 0); panel < panel_last; panel += at_once)
        for (int64_t last = step_last, first; last > step_first; last = first) {
          first = (last - 1) / segment_ * segment_;
          for (int64_t block = 0; block < s_.blocks.count(); block++)
            weight_gradients(groups_[j], s_.gates[j].kept, first, last, block, row_first, row_last, panel,
                             std::min(panel + at_once, panel_last));
        }
    }
  });
}

// Those of one segment and block.
void RecurrentOp::weight_gradients(const Group& group, const float* dz, int64_t step_first, int64_t step_last,
                                   int64_t block, int64_t row_first, int64_t row_last, int64_t panel_first,
                                   int64_t panel_last) {
  const Kernels& kernel = kernels();
  const int64_t columns = 4 * kernel.width, features = s_.features;
  const int64_t first = s_.blocks.first(block), rows = s_.blocks.rows(block), kept = step_first - s_.start;
  const bool begun = step_last < s_.time || block > 0;
  Gemm g{};
  g.n = group.count * s_.padded;
  g.k = (step_last - step_first) * rows;
  g.a_row = 1;
  g.b = dz + (first * s_.kept + kept * rows) * columns;
  g.b_depth = s_.kept * batch_;
  g.gates = group.count;
  g.gate_units = s_.units;
  g.whole_panels = true;
  g.c_row = width();
  if (group.reads_x && wants(kKernel) && row_first < features) {
    Gemm x = g;
    x.a = s_.x + (first * s_.time + place(step_first)) * features;
    x.a_col = s_.time * features;
    x.a_group = rows;
    x.a_group_step = s_.go_backwards ? -features : features;
    x.c = dx(kKernel) + group.first * s_.units;
    x.accumulate = begun || accumulate(kKernel);
    kernel.gemm(x, row_first, std::min(row_last, features), panel_first, panel_last);
  }
  if (group.reads != State::none && wants(kRecurrent) && row_last > features) {
    g.a = (group.reads == State::h ? s_.h_in : s_.gated).at(s_.blocks, block, kept);
    g.a_col = s_.padded;
    g.c = dx(kRecurrent) + group.first * s_.units;
    g.accumulate = begun || accumulate(kRecurrent);
    kernel.gemm(g, std::max(row_first, features) - features, row_last - features, panel_first, panel_last);
  }
  if (!wants(kBias) || row_first > 0) return;
  for (int64_t column = panel_first * columns; column < std::min(panel_last * columns, g.n); column += kPanel) {
    const int64_t unit = column / (group.count * kPanel) * kPanel, gate = column / kPanel % group.count;
    auto sums = [&](int64_t row) {
      kernel.column_sums(g.b + column / columns * g.b_depth * columns + column % columns, g.k, columns,
                         std::min(kPanel, s_.units - unit),
                         dx(kBias) + row * width() + (group.first + gate) * s_.units + unit,
                         begun || accumulate(kBias));
    };
    if (group.reads_x || !two_biases_) sums(0);
    if (two_biases_ && group.reads != State::none) sums(1);
  }
}

void RecurrentOp::input_gradient(int64_t step_first, int64_t step_last) {
  const Kernels& kernel = kernels();
  const int64_t panels = kernel.pack_panels(s_.features), columns = 4 * kernel.width, steps = step_last - step_first;
  in_pieces(s_.blocks.count() * steps, batch_ * steps * s_.features, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
      const int64_t block = i / steps, t = step_first + i % steps;
      const int64_t row = s_.blocks.first(block), rows = s_.blocks.rows(block);
      bool begun = accumulate(kX);
      for (size_t j = 0; j < groups_.size(); j++) {
        if (!groups_[j].reads_x) continue;
        Gemm g{};
        g.n = s_.features;
        g.k = groups_[j].count * s_.padded;
        g.a = s_.gates[j].kept + (row * s_.kept + (t - s_.start) * rows) * columns;
        g.a_row = columns;
        g.a_col = 1;
        g.a_group = columns;
        g.a_group_step = s_.kept * batch_ * columns;
        g.b = space(groups_[j].kernel_t);
        g.c = dx(kX) + (row * s_.time + place(t)) * s_.features;
        g.c_row = s_.time * s_.features;
        g.accumulate = begun;
        kernel.gemm(g, 0, rows, 0, panels);
        begun = true;
      }
    }
  });
}

}  // namespace recurra
