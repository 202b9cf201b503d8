// What nodes may be written as, all together.
#include "passes/rewriters.h"

#include <gtest/gtest.h>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop::test {
namespace {

template <class Action>
std::string refusalOf(ErrorCode code, Action action) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(Charges, NodesAreCountedTogether) {
  const SpecialiseOptions options;
  PassContext context{options, 100, {}, {}, {}};
  const Node node = makeNode("n", Op::LRN);
  const auto more = [&] { chargeNodes(node, 2, context); };
  chargeNodes(node, kMaxNodes - 3, context);
  EXPECT_EQ(refusalOf(ErrorCode::UnsupportedModel, more), "accepted");
  EXPECT_EQ(
      refusalOf(ErrorCode::UnsupportedModel, more),
      "node 'n' (LRN): would become 2 nodes, one for each step along an axis (expected 131072 at most in a network)");
}

TEST(Charges, LongNamesCountAsSeveralNodes) {
  const SpecialiseOptions options;
  PassContext context{options, 100, {}, {}, {}};
  const Node node = makeNode(std::string(3 * 1024, 'n'), Op::LRN);
  chargeNodes(node, kMaxNodes / 4, context);
  EXPECT_NE(refusalOf(ErrorCode::UnsupportedModel, [&] { chargeNodes(node, 1, context); }), "accepted");
}

TEST(Charges, ConstantsAreCountedOneByOneAndTogether) {
  const SpecialiseOptions options;
  const Node node = makeNode("n", Op::CumSum);
  PassContext one{options, 100, {}, {}, {}}, all = one;
  EXPECT_EQ(refusalOf(ErrorCode::ShapeMismatch, [&] { chargeConstant(node, 101, one); }),
            "node 'n' (CumSum): constants of 101 elements (expected 100 at most)");
  for (int i = 0; i < kTotalFactor; ++i) chargeConstant(node, 100, all);
  EXPECT_EQ(refusalOf(ErrorCode::ShapeMismatch, [&] { chargeConstant(node, 1, all); }),
            "node 'n' (CumSum): constants of 401 elements (expected 100 at most)");
}

}  // namespace
}  // namespace relprop::test
