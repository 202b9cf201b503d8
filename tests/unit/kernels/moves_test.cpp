// Strided copies, fills and resizing: what lands where, and that the way back is the transpose.
#include <algorithm>
#include <numeric>
#include <random>

#include "kernels/backend.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

double dot(const Floats& a, const Floats& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

CopySpec turned(CopySpec s) {
  std::swap(s.srcStrides, s.dstStrides);
  std::swap(s.srcOffset, s.dstOffset);
  s.accumulate = true;
  return s;
}

class Moves : public testing::Test {
 protected:
  Floats apply(const KernelPtr& k, const Floats& in, std::int64_t out, float before = 0) {
    Buffer y(out, before);
    run(*k, {in.data()}, {y.data()});
    return y.values();
  }
  std::unique_ptr<Backend> backend_ = makeOneDnnBackend();
};

TEST_F(Moves, CopyTransposes) {
  const CopySpec s{.extents = {3, 2}, .srcStrides = {1, 3}, .dstStrides = {2, 1}};
  EXPECT_EQ(apply(backend_->copy(s), {1, 2, 3, 4, 5, 6}, 6), (Floats{1, 4, 2, 5, 3, 6}));
}

TEST_F(Moves, CopyLeavesTheRestAlone) {
  const CopySpec s{.extents = {2}, .srcStrides = {-2}, .dstStrides = {3}, .srcOffset = 3, .dstOffset = 1};
  EXPECT_EQ(apply(backend_->copy(s), {10, 11, 12, 13}, 6, 9), (Floats{9, 13, 9, 9, 11, 9}));
}

TEST_F(Moves, CopyAddsUp) {
  const CopySpec s{.extents = {2, 3}, .srcStrides = {3, 1}, .dstStrides = {0, 1}, .accumulate = true};
  EXPECT_EQ(apply(backend_->copy(s), {1, 2, 3, 10, 20, 30}, 3, 100), (Floats{111, 122, 133}));
}

TEST_F(Moves, CopyInReverseIsTheTranspose) {
  const std::vector<CopySpec> specs = {
      {.extents = {4, 3, 2}, .srcStrides = {6, 2, 1}, .dstStrides = {1, 4, 12}},
      {.extents = {2, 3}, .srcStrides = {9, -2}, .dstStrides = {3, 1}, .srcOffset = 5, .dstOffset = 7},
      {.extents = {5, 4}, .srcStrides = {0, 1}, .dstStrides = {4, 1}}};
  const Floats x = randomFloats(24, 1), r = randomFloats(24, 2);
  for (const CopySpec& s : specs)
    EXPECT_NEAR(dot(apply(backend_->copy(s), x, 24), r), dot(x, apply(backend_->copy(turned(s)), r, 24)), 1e-5);
}

// Boxes between a plain tensor and one whose axes lie in any order, with gaps, from behind or all on one place: what is
// read and written in squares, runs, lines and single numbers.
CopySpec randomBox(std::mt19937& random) {
  const auto upTo = [&random](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const bool large = upTo(3) == 0;
  CopySpec s;
  for (int axis = 1 + upTo(large ? 1 : 3); axis > 0; --axis) s.extents.push_back(1 + upTo(large ? 60 : 5));
  const std::size_t count = s.extents.size();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  const auto placed = [&](std::vector<std::int64_t>& strides, std::int64_t& offset) {
    std::shuffle(order.begin(), order.end(), random);
    strides.resize(count);
    std::int64_t step = 1 + (upTo(4) == 0 ? 2 : 0);
    for (const std::size_t axis : order) {
      const bool reversed = upTo(7) == 0;
      strides[axis] = reversed ? -step : step;
      if (reversed) offset += step * (s.extents[axis] - 1);
      step *= s.extents[axis] + upTo(1);
    }
  };
  placed(s.srcStrides, s.srcOffset);
  placed(s.dstStrides, s.dstOffset);
  for (std::size_t axis = 0; axis < count; ++axis)
    if (upTo(3) == 0 && s.srcStrides[axis] > 0) s.srcStrides[axis] = 0;
  s.accumulate = upTo(1) == 0;
  for (std::size_t axis = 0; axis < count; ++axis)
    if (upTo(3) == 0 && s.accumulate && s.dstStrides[axis] > 0) s.dstStrides[axis] = 0;
  return s;
}

std::int64_t reached(const CopySpec& s, const std::vector<std::int64_t>& strides, std::int64_t offset) {
  for (std::size_t axis = 0; axis < strides.size(); ++axis)
    offset += std::max<std::int64_t>(0, strides[axis]) * (s.extents[axis] - 1);
  return offset + 1;
}

TEST_F(Moves, AnyBoxIsMovedAsPlainLoopsMoveIt) {
  std::mt19937 random(7);
  const auto slow = makeReferenceBackend();
  for (int k = 0; k < 600; ++k) {
    const CopySpec s = randomBox(random);
    const Floats x = randomFloats(reached(s, s.srcStrides, s.srcOffset), static_cast<unsigned>(k));
    const std::int64_t out = reached(s, s.dstStrides, s.dstOffset) + 3;
    const Floats fast = apply(backend_->copy(s), x, out, 5), expected = apply(slow->copy(s), x, out, 5);
    if (s.accumulate)
      expectClose(fast, expected, 1e-5);
    else
      EXPECT_EQ(fast, expected) << k;
    if (HasFailure()) break;
  }
}

TEST_F(Moves, SumsOfManyAreAsExactAsDoubles) {
  const std::int64_t count = 100000;
  const CopySpec s{.extents = {2, count}, .srcStrides = {count, 1}, .dstStrides = {1, 0}, .accumulate = true};
  EXPECT_EQ(apply(backend_->copy(s), Floats(static_cast<std::size_t>(2 * count), 0.1f), 2),
            Floats(2, static_cast<float>(static_cast<double>(count) * static_cast<double>(0.1f))));
}

TEST_F(Moves, OfCopiesOntoOnePlaceTheLastStays) {
  const CopySpec s{.extents = {3, 2}, .srcStrides = {2, 1}, .dstStrides = {0, 1}};
  EXPECT_EQ(apply(backend_->copy(s), {1, 2, 3, 4, 5, 6}, 2), (Floats{5, 6}));
}

TEST_F(Moves, NothingIsMovedWhereAnAxisIsEmpty) {
  const CopySpec s{.extents = {3, 0, 2}, .srcStrides = {0, 2, 1}, .dstStrides = {0, 2, 1}, .accumulate = true};
  EXPECT_EQ(apply(backend_->copy(s), {1, 2}, 2, 4), (Floats{4, 4}));
}

TEST_F(Moves, FillWritesItsCountOnly) {
  Buffer y(5, 1);
  run(*backend_->fill(3, -2.5f), {}, {y.data()});
  EXPECT_EQ(y.values(), (Floats{-2.5f, -2.5f, -2.5f, 1, 1}));
}

// 3 → 5 positions, 2 → 4 positions, shares as linear interpolation gives them.
const ResizeAxis kHeight = {3, 5, {0, 1, 0, 1, 1, 2, 1, 2, 2, 2}, {1, 0, 0.5f, 0.5f, 0.9f, 0.1f, 0.4f, 0.6f, 1, 0}};
const ResizeAxis kWidth = {2, 4, {0, 0, 0, 1, 0, 1, 1, 1}, {0.25f, 0.75f, 0.75f, 0.25f, 0.25f, 0.75f, 0.5f, 0.5f}};

TEST_F(Moves, ResizeMixesNeighbours) {
  const Floats x = {1, 2, 3, 4, 5, 6};  // one plane of 3×2
  const Floats y = apply(backend_->resize(1, kHeight, kWidth), x, 20, 77);
  EXPECT_FLOAT_EQ(y[0], 1);                              // row 0, column 0: both taps are element 0
  EXPECT_FLOAT_EQ(y[1], 0.75f * 1 + 0.25f * 2);          // row 0
  EXPECT_FLOAT_EQ(y[4], 0.5f * 1 + 0.5f * 3);            // row 1, column 0
  EXPECT_FLOAT_EQ(y[2 * 4 + 3], 0.9f * 4 + 0.1f * 6);    // row 2, column 3
  EXPECT_FLOAT_EQ(y[4 * 4 + 2], 0.25f * 5 + 0.75f * 6);  // last row
}

TEST_F(Moves, ResizeBackwardIsTheTranspose) {
  const Floats x = randomFloats(4 * 6, 1), r = randomFloats(4 * 20, 2);
  const Floats y = apply(backend_->resize(4, kHeight, kWidth), x, 80, 77);
  const Floats back = apply(backend_->resizeBackward(4, kHeight, kWidth), r, 24, 77);
  EXPECT_NEAR(dot(y, r), dot(x, back), 1e-5);
}

TEST_F(Moves, FastBackendMovesAsTheReference) {
  const auto slow = makeReferenceBackend();
  const CopySpec s{.extents = {4, 3, 2}, .srcStrides = {6, 2, 1}, .dstStrides = {1, 4, 12}};
  const Floats x = randomFloats(24, 3);
  EXPECT_EQ(apply(backend_->copy(s), x, 24), apply(slow->copy(s), x, 24));
  expectClose(apply(backend_->resize(4, kHeight, kWidth), x, 80), apply(slow->resize(4, kHeight, kWidth), x, 80), 1e-6);
}

}  // namespace
}  // namespace relprop::test
