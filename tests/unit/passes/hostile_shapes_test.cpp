// Attributes and constants of files that mean harm, or are damaged: an exact error, nothing allocated, nothing
// undefined.
#include <gtest/gtest.h>

#include <limits>

#include "graph/geometry.h"
#include "relprop/error.h"
#include "support/expect_error.h"
#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
const Shape kPlane = {1, 4, 6, 6};

ErrorCode refusalCode(Build& b) {
  try {
    specialise(b.graph, {.inputShape = kPlane, .disabled = {}});
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::Internal;
}

struct Harm {
  const char* name;
  void (*make)(Build&);
};
std::ostream& operator<<(std::ostream& out, const Harm& h) {
  return out << h.name;
}

// Part of a picture that is far larger, by smoothing: each place is a sum of 2 / scale others.
const Attributes kSmoothCrop = {{"mode", std::string("linear")},
                                {"antialias", std::int64_t{1}},
                                {"coordinate_transformation_mode", std::string("tf_crop_and_resize")}};

std::vector<ValueId> cropped(Build& b, ValueId x, float end, float scale) {
  return {x, b.floats({8}, {0, 0, 0, 0, 1, 1, 1, end}), b.floats({4}, {1, 1, 1, scale})};
}

std::vector<Harm> harms() {
  return {
      {"TransposedStrides",
       [](Build& b) {
         b.add(Op::ConvTranspose, {b.x(), b.random({4, 2, 3, 3})}, {{"strides", Ints{kHuge, kHuge}}});
       }},
      {"TransposedGroups",
       [](Build& b) {
         b.add(Op::ConvTranspose, {b.x(), b.random({4, 2, 3, 3})}, {{"group", std::int64_t{0}}});
       }},
      {"TransposedPads",
       [](Build& b) {
         b.add(Op::ConvTranspose, {b.x(), b.random({4, 2, 3, 3})}, {{"pads", Ints{-kHuge, 0, -kHuge, 0}}});
       }},
      {"TileRepeats",
       [](Build& b) {
         b.add(Op::Tile, {b.x(), b.ints({1, 1, kHuge, 2})});
       }},
      {"GatherIndex",
       [](Build& b) {
         b.add(Op::Gather, {b.x(), b.ints({0, 7, 3})}, {{"axis", std::int64_t{1}}});
       }},
      {"GatherElementsIndex",
       [](Build& b) {
         b.add(Op::GatherElements,
               {b.x(), [&] {
                  return b.graph.addConstant(
                      "at", {DType::Int64, {1, 1, 1, 1}, nullptr, std::make_shared<const Ints>(Ints{-99})});
                }()});
       }},
      {"GatherTuplesOfOtherBatches",
       [](Build& b) {
         const auto tuples = std::make_shared<const Ints>(Ints(1 * 99 * 1, 0));
         b.add(Op::GatherND, {b.x(), b.graph.addConstant("at", {DType::Int64, {1, 99, 1}, nullptr, tuples})},
               {{"batch_dims", std::int64_t{2}}});
       }},
      {"TrianglesOfALine",
       [](Build& b) {
         b.add(Op::Trilu, {b.add(Op::Reshape, {b.x(), b.ints({144})})});
       }},
      {"DepthOfBlocks",
       [](Build& b) {
         b.add(Op::DepthToSpace, {b.x()}, {{"blocksize", kHuge}});
       }},
      {"ScatterTuples",
       [](Build& b) {
         b.add(Op::ScatterND, {b.x(), b.ints({}), b.x()});
       }},
      {"OneHotDepth",
       [](Build& b) {
         b.add(Op::Mul, {b.x(), b.add(Op::OneHot, {b.ints({0}), b.floats({}, {1e30f}), b.floats({2}, {0, 1})})});
       }},
      {"RangeWithoutEnd",
       [](Build& b) {
         b.add(Op::Mul, {b.x(), b.add(Op::Range, {b.floats({}, {0}), b.floats({}, {1}), b.floats({}, {0})})});
       }},
      {"EinsumLetters",
       [](Build& b) {
         b.add(Op::Einsum, {b.x()}, {{"equation", std::string("nchw->q")}});
       }},
      {"EinsumRank",
       [](Build& b) {
         b.add(Op::Einsum, {b.x()}, {{"equation", std::string("n->n")}});
       }},
      {"ReverseLengths",
       [](Build& b) {
         b.add(Op::ReverseSequence, {b.x(), b.ints({99})},
               {{"batch_axis", std::int64_t{0}}, {"time_axis", std::int64_t{1}}});
       }},
      {"CropsToNothing",
       [](Build& b) {
         b.add(Op::CenterCropPad, {b.x(), b.ints({1, 4, -6, 6})});
       }},
      {"ResizeScale",
       [](Build& b) {
         b.add(Op::Resize, {b.x(), kNoValue, b.floats({4}, {1, 1, 1e30f, 1})});
       }},
      {"ResizeToAnEndlessLine",
       [](Build& b) {
         b.add(Op::Resize, {b.x(), kNoValue, kNoValue, b.ints({1, 4, 6, 1 << 25})}, {{"mode", std::string("linear")}});
       }},
      {"ResizeByEndlessWeights", [](Build& b) { b.add(Op::Resize, cropped(b, b.x(), 1e9f, 3e-10f), kSmoothCrop); }},
      {"ResizeByWeightsBeyondNumbers",
       [](Build& b) { b.add(Op::Resize, cropped(b, b.x(), 1e30f, 3e-31f), kSmoothCrop); }},
      {"ResizedConstantOfEndlessWeights",
       [](Build& b) {
         const ValueId plane = b.random({1, 1, 1, 6});
         b.add(Op::Mul, {b.x(), b.add(Op::Resize, cropped(b, plane, 1e9f, 3e-10f), kSmoothCrop)});
       }},
      {"ResizedConstantOfNothing",
       [](Build& b) {
         const ValueId none = b.floats({1, 1, 0, 2}, {});
         b.add(Op::Mul, {b.x(), b.add(Op::Resize, {none, kNoValue, kNoValue, b.ints({1, 1, 3, 1})})});
       }},
      {"ResizedConstantToNothing",
       [](Build& b) {
         const ValueId plane = b.random({1, 1, 2, 2});
         b.add(Op::Mul, {b.x(), b.add(Op::Resize, {plane, kNoValue, kNoValue, b.ints({1, 1, 0, 2})})});
       }},
      {"ConvPads",
       [](Build& b) {
         b.add(Op::Conv, {b.x(), b.random({2, 4, 1, 1})},
               {{"pads", Ints(4, 1 << 30)}, {"strides", Ints{1 << 30, 1 << 30}}});
       }},
      {"CumSumAxis",
       [](Build& b) {
         b.add(Op::CumSum, {b.x(), b.ints({9}, true)});
       }},
      {"CumSumOfALongAxis",
       [](Build& b) {
         b.add(Op::CumSum, {b.add(Op::Tile, {b.x(), b.ints({1, 1, 1, 1000})}), b.ints({3}, true)});
       }},
      {"CumSumsOneByOne",
       [](Build& b) {
         ValueId sum = b.add(Op::Tile, {b.x(), b.ints({1, 1, 1, 600})});
         for (int i = 0; i < 6; ++i) sum = b.add(Op::CumSum, {sum, b.ints({3}, true)});
       }},
      {"MatricesRepeatedAlongAnAxis",
       [](Build& b) {
         const ValueId rows = b.add(Op::Reshape, {b.x(), b.ints({1, 24, 1, 1, 6})});
         b.add(Op::MatMul, {b.add(Op::Tile, {rows, b.ints({1, 1, 1, 1, 50})}), b.random({2, 1, 2, 300, 600})});
       }},
  };
}

class Harmful : public testing::TestWithParam<Harm> {};

TEST_P(Harmful, IsRefused) {
  Build b(kPlane);
  GetParam().make(b);
  EXPECT_EQ(refusalCode(b), ErrorCode::ShapeMismatch);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Harmful, testing::ValuesIn(harms()),
                         [](const testing::TestParamInfo<Harm>& info) { return info.param.name; });

// Lengths do not count from the end as indices do.
TEST(HarmfulSequences, HaveLengthsFromNoneToAll) {
  const auto reversed = [](std::int64_t length, std::int64_t time) {
    Build b(kPlane);
    b.add(Op::ReverseSequence, {b.x(), b.ints({length})}, {{"batch_axis", std::int64_t{0}}, {"time_axis", time}});
    specialise(b.graph, {.inputShape = kPlane, .disabled = {}});
  };
  EXPECT_NO_THROW(reversed(0, 1));
  EXPECT_NO_THROW(reversed(4, 1));
  for (const std::int64_t length : {-1, -3, 5}) {
    const Error error = expectError(ErrorCode::ShapeMismatch, [&] { reversed(length, 1); });
    EXPECT_EQ(error.got(), "a sequence of " + std::to_string(length) + " steps");
    EXPECT_EQ(error.expected(), "0 to 4");
  }
  EXPECT_EQ(expectError(ErrorCode::ShapeMismatch, [&] { reversed(1, 0); }).got(),
            "sequences along the axis 0 of the batch");
}

// A Pad may be larger than what a convolution takes over.
TEST(HarmfulPads, StayInFrontOfAConvolution) {
  const Shape input{1, 1, 1, 8};
  Build b(input);
  const std::int64_t pad = kMostConvPads + 1;
  const ValueId padded = b.add(Op::Pad, {b.x(), b.ints({0, 0, 0, pad, 0, 0, 0, 1})});
  b.add(Op::Conv, {padded, b.random({1, 1, 1, 2})});
  EXPECT_EQ(opsOf(specialise(b.graph, {.inputShape = input, .disabled = {}}).graph), (std::vector{Op::Pad, Op::Conv}));
}

// One scale, no bias: both as large as what is normalised, whether the node says so or several that are one.
TEST(HarmfulNormalisations, HaveNoParametersAsLargeAsAnyPicture) {
  const Shape input{1, 1 << 25};
  for (const bool fused : {true, false}) {
    Build b(input);
    if (fused) {
      b.add(Op::LayerNormalization, {b.x(), b.floats({1}, {2})}, {{"axis", std::int64_t{1}}});
    } else {
      const Attributes last = {{"axes", Ints{1}}, {"keepdims", std::int64_t{1}}};
      const ValueId centred = b.add(Op::Sub, {b.x(), b.add(Op::ReduceMean, {b.x()}, last)});
      const ValueId variance = b.add(Op::ReduceMean, {b.add(Op::Mul, {centred, centred})}, last);
      b.add(Op::Div, {centred, b.add(Op::Sqrt, {b.add(Op::Add, {variance, b.floats({}, {1e-5f})})})});
    }
    const Error error =
        expectError(ErrorCode::ShapeMismatch, [&] { specialise(b.graph, {.inputShape = input, .disabled = {}}); });
    EXPECT_EQ(error.got(), "constants of 33554432 elements") << fused;
  }
}

// ---- as many nodes as an axis is long

std::string refusalOfNodes(const Build& b, const Shape& input) {
  try {
    specialise(b.graph, {.inputShape = input, .disabled = {}});
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::UnsupportedModel) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(HarmfulNodes, OneForEachRow) {
  const Shape input{1, 1, 200, 200};
  Build b(input);
  const ValueId rows = b.add(Op::Reshape, {b.x(), b.ints({40000, 1, 1, 1})});
  b.add(Op::Reshape, {b.add(Op::LRN, {rows}, {{"size", std::int64_t{1}}}), b.ints({1, 40000})});
  EXPECT_EQ(
      refusalOfNodes(b, input),
      "node 'LRN1' (LRN): would become 160000 nodes, one for each step along an axis (expected 131072 at most in a "
      "network)");
}

TEST(HarmfulNodes, OneForEachDepthOfAKernel) {
  const Shape input{1, 1, 70000, 1, 1};
  Build b(input);
  b.add(Op::Conv, {b.x(), b.random({1, 1, 70000, 1, 1})});
  EXPECT_NE(refusalOfNodes(b, input).find("would become 140000 nodes"), std::string::npos);
}

TEST(HarmfulNodes, OneForEachMatrix) {
  const Shape input{1, 1, 1};
  Build b(input);
  b.add(Op::MatMul, {b.x(), b.random({70000, 1, 1})});
  EXPECT_NE(refusalOfNodes(b, input).find("would become 140000 nodes"), std::string::npos);
}

}  // namespace
}  // namespace relprop::test
