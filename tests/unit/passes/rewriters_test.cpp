// What nodes may be written as, all together.
#include "passes/rewriters.h"

#include <gtest/gtest.h>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "passes/rewrites.h"
#include "relprop/error.h"
#include "unit/passes/build.h"

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

// ---- what passes and folding ask for, with a limit of 100 elements

struct Demand {
  const char* name;
  int (*pass)(Graph& graph, PassContext& context);
  void (*make)(Build&);
  const char* refusal;  // how it begins
};
std::ostream& operator<<(std::ostream& out, const Demand& d) {
  return out << d.name;
}

ValueId filled(Build& b, const Shape& shape) {
  return b.add(Op::ConstantOfShape, {b.ints(shape)});
}

// A constant of 10 by 10 by 10, as a pass may find it, that is larger than what folding may make.
ValueId large(Build& b) {
  return b.random({10, 10, 10});
}

const char* const kTooLarge = "constants of 1000 elements (expected 100 at most)";
const char* const kTooLong = "constants that take too long to compute (expected 3200 steps at most)";

std::vector<Demand> ofFolding() {
  return {
      {"SumOfALargeOne", foldDerivedConstants, [](Build& b) { b.add(Op::ReduceSum, {large(b)}); }, kTooLarge},
      {"LargestOfALargeOne", foldDerivedConstants, [](Build& b) { b.add(Op::ArgMax, {large(b)}); }, kTooLarge},
      {"FirstOfALargeOne", foldDerivedConstants,
       [](Build& b) {
         b.add(Op::TopK, {b.random({1000}), b.ints({1})}, {}, 2);
       },
       kTooLarge},
      {"PlacesInALargeOne", foldDerivedConstants, [](Build& b) { b.add(Op::NonZero, {filled(b, {1000})}); }, kTooLarge},
      {"ManySums", foldDerivedConstants,
       [](Build& b) {
         const ValueId x = b.random({100});
         for (int i = 0; i < 40; ++i) b.add(Op::ReduceMax, {x}, {{"keepdims", std::int64_t{0}}});
       },
       kTooLong},
      {"SumsOverManyAxes", foldDerivedConstants,
       [](Build& b) {
         const ValueId x = b.random({100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
         for (int i = 0; i < 15; ++i) b.add(Op::ReduceMax, {x}, {{"keepdims", std::int64_t{0}}});
       },
       kTooLong},
      {"ManyOrders", foldDerivedConstants,
       [](Build& b) {
         const ValueId x = b.random({100});
         for (int i = 0; i < 5; ++i) b.add(Op::TopK, {x, b.ints({1})}, {}, 2);
       },
       kTooLong},
      {"ManyProducts", foldDerivedConstants,
       [](Build& b) {
         const ValueId row = b.random({1, 100}), column = b.random({100, 1});
         for (int i = 0; i < 125; ++i) {
           b.add(Op::MatMul, {row, column});
           b.add(Op::Gemm, {column, column}, {{"transA", std::int64_t{1}}});
         }
       },
       kTooLong},
  };
}

std::vector<Demand> ofRewriting() {
  return {
      {"ManyTakes", canonicaliseTakes,
       [](Build& b) {
         for (int i = 0; i < 14; ++i) b.add(Op::Trilu, {b.x()});
       },
       "constants of 832 elements (expected 100 at most)"},
      {"ManyExpansions", canonicaliseFunctions,
       [](Build& b) {
         const ValueId one = b.add(Op::ReduceMax, {b.x()});
         for (int i = 0; i < 8; ++i) b.add(Op::Expand, {one, b.ints({1, 1, 8, 8})});
       },
       "constants of 448 elements (expected 100 at most)"},
      {"ManyPowers", canonicaliseFunctions,
       [](Build& b) {
         const ValueId one = b.add(Op::ReduceMax, {b.x()}), exponents = b.random({1, 1, 8, 8});
         for (int i = 0; i < 8; ++i) b.add(Op::Pow, {one, exponents});
       },
       "constants of 448 elements (expected 100 at most)"},
      {"ManyExponents", canonicaliseFunctions,
       [](Build& b) {
         const ValueId bases = b.random({1, 1, 8, 8}, 1, 2);
         for (int i = 0; i < 8; ++i) b.add(Op::Pow, {bases, b.x()});
       },
       "constants of 448 elements (expected 100 at most)"},
      {"ManyRepeatedRows", canonicaliseFunctions,
       [](Build& b) {
         const ValueId rows = b.add(Op::Reshape, {b.x(), b.ints({16, 4})}), row = b.random({1, 2});
         for (int i = 0; i < 14; ++i) b.add(Op::Concat, {rows, row}, {{"axis", std::int64_t{1}}});
       },
       "constants of 416 elements (expected 100 at most)"},
  };
}

class Demanding : public testing::TestWithParam<Demand> {};

TEST_P(Demanding, IsRefused) {
  Build b({1, 1, 8, 8});
  GetParam().make(b);
  const SpecialiseOptions options;
  PassContext context{options, 100, {}, {}, {}};
  const auto run = [&] {
    if (GetParam().pass != foldDerivedConstants) inferShapes(b.graph);
    GetParam().pass(b.graph, context);
  };
  EXPECT_NE(refusalOf(ErrorCode::ShapeMismatch, run).find(GetParam().refusal), std::string::npos)
      << refusalOf(ErrorCode::ShapeMismatch, run);
}

std::string nameOf(const testing::TestParamInfo<Demand>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Folding, Demanding, testing::ValuesIn(ofFolding()), nameOf);
INSTANTIATE_TEST_SUITE_P(Rewriting, Demanding, testing::ValuesIn(ofRewriting()), nameOf);

// Shapes are read of what is large, and parts: that costs no more than what comes of it.
TEST(Charges, PartsAndShapesOfLargeConstantsAreCheap) {
  Build b({1, 1, 8, 8});
  const ValueId x = large(b);
  for (int i = 0; i < 100; ++i) {
    b.add(Op::Size, {x});
    b.add(Op::Slice, {x, b.ints({0, 0, 0}), b.ints({1, 1, 1})});
  }
  const SpecialiseOptions options;
  PassContext context{options, 100, {}, {}, {}};
  EXPECT_EQ(foldDerivedConstants(b.graph, context), 200);
}

// Both times that constants are folded count together.
TEST(Charges, FoldingIsCountedOverAllPasses) {
  const SpecialiseOptions options;
  PassContext context{options, 100, {}, {}, {}};
  const auto fold = [&] {
    Build b({1, 1, 8, 8});
    b.add(Op::Neg, {b.random({100})});
    foldDerivedConstants(b.graph, context);
  };
  for (int i = 0; i < 8; ++i) fold();
  EXPECT_NE(refusalOf(ErrorCode::ShapeMismatch, fold), "accepted");
}

}  // namespace
}  // namespace relprop::test
