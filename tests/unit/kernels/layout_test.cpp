// Where elements lie, and moving between layouts.
#include "kernels/layout.h"

#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

TEST(Layout, SizesOfPlainAndBlocked) {
  const TensorDesc plain{{2, 17, 3, 5}, 1}, blocked{{2, 17, 3, 5}, 16};
  EXPECT_EQ(plain.rowFloats(), 17 * 15);
  EXPECT_EQ(plain.floats(), 2 * 17 * 15);
  EXPECT_FALSE(plain.padded());
  EXPECT_EQ(blocked.rowFloats(), 32 * 15);
  EXPECT_EQ(blocked.floats(), 2 * 32 * 15);
  EXPECT_TRUE(blocked.padded());
  EXPECT_EQ(blocked.spatial(), 15);
}

TEST(Layout, BlockedIndexInterleavesChannels) {
  const TensorDesc d{{2, 17, 3, 5}, 16};
  EXPECT_EQ(physicalIndex(d, 0, 0, 0), 0);
  EXPECT_EQ(physicalIndex(d, 0, 1, 0), 1);
  EXPECT_EQ(physicalIndex(d, 0, 0, 1), 16);
  EXPECT_EQ(physicalIndex(d, 0, 16, 2), 15 * 16 + 2 * 16);
  EXPECT_EQ(physicalIndex(d, 1, 3, 4), 480 + 4 * 16 + 3);
}

TEST(Layout, PlainIndexIsRowMajor) {
  const TensorDesc d{{2, 4, 6}, 1};
  eachElement(d, [](std::int64_t logical, std::int64_t physical) { EXPECT_EQ(logical, physical); });
}

TEST(Layout, VectorsHaveOnePositionAChannel) {
  const TensorDesc d{{3, 10}, 1};
  EXPECT_EQ(d.spatial(), 1);
  EXPECT_EQ(d.rowFloats(), 10);
}

class Reorder : public testing::TestWithParam<Shape> {};

TEST_P(Reorder, BlocksAsTheReferenceAndComesBack) {
  const auto fast = makeOneDnnBackend(), slow = makeReferenceBackend();
  const TensorDesc plain{GetParam(), 1}, blocked{GetParam(), fast->block()};
  const Buffer x(randomFloats(plain.floats(), 1));
  Buffer a(blocked.floats(), 77), b(blocked.floats(), 55), back(plain.floats(), 77);
  run(*fast->reorder(plain, blocked), {x.data()}, {a.data()});
  run(*slow->reorder(plain, blocked), {x.data()}, {b.data()});
  EXPECT_EQ(a.values(), b.values());
  expectCleanPadding(a, blocked);
  run(*fast->reorder(blocked, plain), {a.data()}, {back.data()});
  EXPECT_EQ(back.values(), x.values());
}

INSTANTIATE_TEST_SUITE_P(Shapes, Reorder,
                         testing::Values(Shape{1, 16, 4, 4}, Shape{3, 17, 5, 3}, Shape{2, 8, 1, 1}, Shape{1, 40, 7, 1},
                                         Shape{2, 3, 6, 6}),
                         [](const auto& info) {
                           std::string name;
                           for (std::int64_t e : info.param) name += (name.empty() ? "" : "x") + std::to_string(e);
                           return "S" + name;
                         });

}  // namespace
}  // namespace relprop::test
