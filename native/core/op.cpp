#include "op.h"

#include <algorithm>
#include <cstring>

namespace recurra {

const OpTable& op_table() {
  static const OpTable table = [] {
    OpTable ops;
    add_elementwise(ops);
    add_gru(ops);
    add_linear(ops);
    add_lstm(ops);
    add_random(ops);
    add_reduction(ops);
    add_shape(ops);
    add_simple_rnn(ops);
    return ops;
  }();
  return table;
}

namespace {

constexpr int64_t kWorthThreads = 1 << 17;  // multiply-adds; below this a thread costs more than it brings

}  // namespace

int64_t matmul_scratch(int64_t k, int64_t n) { return kernels().packed_size(k, n); }

Blocks blocks_of(int64_t batch) {
  constexpr int64_t kMost = 64;
  Blocks blocks{batch, batch < 4 ? 0 : 1};
  while (2 * blocks.count() <= kMost && 2 * blocks.count() * 12 <= batch) blocks.log2_count++;
  return blocks;
}

void parallel_gemm(const Gemm& g, int64_t m) {
  const Kernels& kernel = kernels();
  const int64_t panels = kernel.pack_panels(g.n), threads = num_threads();
  if (threads == 1 || m * g.n * g.k < kWorthThreads) return kernel.gemm(g, 0, m, 0, panels);
  // Pieces of panels, since what is read of A can then be used for several; pieces of rows where panels are few.
  const int64_t wanted = 2 * threads, panel_pieces = std::min(panels, wanted);
  const int64_t row_pieces = std::max<int64_t>(1, std::min<int64_t>((m + 11) / 12, wanted / panel_pieces));
  parallel_for(panel_pieces * row_pieces, [&](int64_t i) {
    const int64_t p = i / row_pieces, r = i % row_pieces;
    kernel.gemm(g, m * r / row_pieces, m * (r + 1) / row_pieces, panels * p / panel_pieces,
                panels * (p + 1) / panel_pieces);
  });
}

void matmul(Matrix a, Matrix b, int64_t m, int64_t n, int64_t k, const float* bias, float* c, int64_t c_row,
            bool accumulate, float* packed, bool pack) {
  const Kernels& kernel = kernels();
  const int64_t panels = kernel.pack_panels(n);
  const Gemm g{n, k, a.data, a.row, a.column, packed, bias, c, c_row, accumulate};
  if (pack && (num_threads() == 1 || m * n * k < kWorthThreads)) {
    kernel.pack_b(b.data, b.row, b.column, 0, k, k, n, 0, panels, packed);
  } else if (pack) {
    constexpr int64_t kPieces = 256;
    const int64_t k_pieces = (k + kPieces - 1) / kPieces;
    parallel_for(panels * k_pieces, [&](int64_t i) {
      const int64_t panel = i / k_pieces, first = i % k_pieces * kPieces,
                    last = first + kPieces < k ? first + kPieces : k;
      kernel.pack_b(b.data + first * b.row, b.row, b.column, first, last, k, n, panel, panel + 1, packed);
    });
  }
  parallel_gemm(g, m);
}

Places broadcast_strides(const Shape& from, const Shape& to) {
  Places strides(to.size());
  int64_t stride = 1;
  for (size_t i = 0; i < from.size(); i++) {
    const size_t f = from.size() - 1 - i, t = to.size() - 1 - i;
    strides[t] = from[f] == 1 ? 0 : stride;
    stride *= from[f];
  }
  return strides;
}

void unbroadcast(const float* large, const Shape& large_shape, float* small, const Shape& small_shape,
                 bool accumulate) {
  int64_t n = 1, small_n = 1;
  for (int64_t dim : large_shape) n *= dim;
  for (int64_t dim : small_shape) small_n *= dim;
  if (!accumulate) std::memset(small, 0, static_cast<size_t>(small_n) * sizeof(float));
  if (n == 0) return;
  const Kernels& kernel = kernels();
  if (small_n == n) return kernel.axpy(1.0f, large, small, n);
  if (small_n == 1) {
    *small += static_cast<float>(kernel.sum(large, n));
    return;
  }
  // The innermost dimensions that the two share form a row; rows are added in index order.
  const Places strides = broadcast_strides(small_shape, large_shape);
  size_t rank = large_shape.size();
  int64_t row = 1;
  bool shared = strides[rank - 1] != 0 || large_shape[rank - 1] == 1;
  while (rank > 0) {
    const int64_t dim = large_shape[rank - 1];
    const bool here = dim == 1 ? shared : strides[rank - 1] != 0;
    if (here != shared) break;
    row *= dim;
    rank--;
  }
  Places index(rank);
  int64_t at = 0;
  for (int64_t done = 0; done < n; done += row, large += row) {
    if (shared) kernel.axpy(1.0f, large, small + at, row);
    else small[at] += static_cast<float>(kernel.sum(large, row));
    for (size_t d = rank; d-- > 0;) {
      at += strides[d];
      if (++index[d] < large_shape[d]) break;
      at -= strides[d] * large_shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace recurra
