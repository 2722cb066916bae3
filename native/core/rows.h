// Walking two arrays under their broadcast shape.
#pragma once

#include "op.h"

namespace recurra {

// How two arrays are walked under their common broadcast shape: as rows in which each of them is either contiguous
// or repeats one element. Worked out once for a plan.
class Rows {
 public:
  Rows() = default;
  Rows(const Shape& shape, const Shape& a_shape, const Shape& b_shape) {
    const Places a = broadcast_strides(a_shape, shape), b = broadcast_strides(b_shape, shape);
    for (size_t i = 0; i < shape.size(); i++) {
      total_ *= shape[i];
      if (shape[i] == 1) continue;
      const bool joins = !dims_.empty() && a_.back() == a[i] * shape[i] && b_.back() == b[i] * shape[i];
      if (joins) {
        dims_.back() *= shape[i];
        a_.back() = a[i];
        b_.back() = b[i];
      } else {
        dims_.push_back(shape[i]);
        a_.push_back(a[i]);
        b_.push_back(b[i]);
      }
    }
    if (dims_.empty()) dims_ = a_ = b_ = {1};
  }

  // f(place in a, step in a, place in b, step in b, place in the result, elements), for pieces of rows or for several
  // rows one by one, on all threads where the result is large.
  template <class F>
  void walk(F f) const {
    if (total_ == 0) return;
    const int64_t row = dims_.back(), a_step = a_.back(), b_step = b_.back();
    if (dims_.size() == 1)
      return parallel_pieces(row,
                             [&](int64_t i, int64_t end) { f(i * a_step, a_step, i * b_step, b_step, i, end - i); });
    const int64_t rows = total_ / row, piece = total_ <= 2 * kPiece || row >= kPiece ? rows : kPiece / row;
    parallel_for((rows + piece - 1) / piece,
                 [&](int64_t i) { some_rows(i * piece, (i + 1) * piece < rows ? (i + 1) * piece : rows, f); });
  }

 private:
  template <class F>
  void some_rows(int64_t first, int64_t last, F& f) const {
    const int64_t row = dims_.back(), a_step = a_.back(), b_step = b_.back();
    const size_t rank = dims_.size() - 1;
    Places index(rank);
    int64_t a = 0, b = 0, rest = first;
    for (size_t d = rank; d-- > 0; rest /= dims_[d]) {
      index[d] = rest % dims_[d];
      a += index[d] * a_[d];
      b += index[d] * b_[d];
    }
    for (int64_t i = first; i < last; i++) {
      f(a, a_step, b, b_step, i * row, row);
      for (size_t d = rank; d-- > 0;) {
        a += a_[d];
        b += b_[d];
        if (++index[d] < dims_[d]) break;
        a -= a_[d] * dims_[d];
        b -= b_[d] * dims_[d];
        index[d] = 0;
      }
    }
  }

  int64_t total_ = 1;
  Shape dims_, a_, b_;
};

}  // namespace recurra
