// A block of self-attention in canonical form.
#pragma once

#include <numeric>

#include "unit/explain/support.h"

namespace relprop::test {

inline ValueId sliceOf(Build& b, ValueId x, const Ints& from, const Ints& to) {
  const Ints ones(from.size(), 1);
  Ints axes(from.size());
  std::iota(axes.begin(), axes.end(), 0);
  return b.add(Op::Slice, {x}, {{"axes", axes}, {"starts", from}, {"ends", to}, {"steps", ones}});
}

// Two heads of self-attention over tokens of width 12 (two images), with a class token in front.
inline void selfAttention(Build& b) {
  const std::int64_t width = 12, heads = 2, part = width / heads;
  std::vector<float> row(static_cast<std::size_t>(width), 0.3f), both = row;
  both.insert(both.end(), row.begin(), row.end());
  const ValueId x = b.add(Op::Concat, {b.floats({2, 1, width}, both), b.x()}, {{"axis", std::int64_t{1}}});
  const ValueId all = b.add(Op::Dense, {x, b.random({3 * width, width}), b.random({3 * width})});
  inferShapes(b.graph);
  const std::int64_t count = b.graph.value(x).shape[1];
  const auto head = [&](std::int64_t k, const Ints& perm) {
    sliceOf(b, all, {0, 0, k * width}, {2, count, (k + 1) * width});
    return b.add(Op::Transpose, {reshaped(b, {2, count, heads, part})}, {{"perm", perm}});
  };
  const ValueId q = head(0, {0, 2, 1, 3}), k = head(1, {0, 2, 3, 1}), v = head(2, {0, 2, 1, 3});
  const ValueId weights = b.add(Op::Softmax, {b.add(Op::MatMul, {q, k})}, {{"axis", std::int64_t{3}}});
  b.add(Op::Transpose, {b.add(Op::MatMul, {weights, v})}, {{"perm", Ints{0, 2, 1, 3}}});
  b.add(Op::Add, {reshaped(b, {2, count, width}), x});
}

}  // namespace relprop::test
