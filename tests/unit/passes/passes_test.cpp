// Every pass leaves what a graph computes as it was, and brings it to the form that graph.h describes.
#include "passes/passes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/shape_inference.h"
#include "relprop/error.h"
#include "unit/passes/canonical.h"

namespace relprop::test {
namespace {

using testing::ElementsAre;

const Shape kImage{2, 3, 7, 6};

TEST(Passes, FixesSymbolicInputAndInfersShapes) {
  Build b({-1, 3, -1, -1});
  b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3}), b.random({4})},
        {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}});
  const Graph g = canonical(b, kImage);
  EXPECT_EQ(g.value(g.inputs[0]).shape, kImage);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 4, 4, 3}));
}

TEST(Passes, WritesOutDefaultAttributes) {
  Build b(kImage);
  b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3})});
  const Graph g = canonical(b, kImage);
  EXPECT_EQ(g.nodes[0].intsAttr("pads"), (Ints{0, 0, 0, 0}));
  EXPECT_EQ(g.nodes[0].intsAttr("strides"), (Ints{1, 1}));
  EXPECT_EQ(g.nodes[0].intsAttr("dilations"), (Ints{1, 1}));
  EXPECT_EQ(g.nodes[0].intAttr("group", 0), 1);
}

TEST(Passes, ResolvesAutoPad) {
  const std::map<std::string, Ints> pads{
      {"SAME_UPPER", {0, 0, 1, 1}}, {"SAME_LOWER", {1, 1, 0, 0}}, {"VALID", {0, 0, 0, 0}}};
  for (const auto& [mode, expected] : pads)
    for (Op op : {Op::Conv, Op::MaxPool, Op::AveragePool}) {
      Build b({1, 2, 6, 6});
      if (op == Op::Conv)
        b.add(op, {b.x(), b.random({2, 2, 3, 3})}, {{"auto_pad", mode}, {"strides", Ints{2, 2}}});
      else
        b.add(op, {b.x()}, {{"auto_pad", mode}, {"strides", Ints{2, 2}}, {"kernel_shape", Ints{3, 3}}});
      const Graph g = canonical(b, {1, 2, 6, 6});
      EXPECT_EQ(g.nodes[0].intsAttr("pads"), expected) << mode;
      EXPECT_FALSE(g.nodes[0].has("auto_pad"));
    }
}

TEST(Passes, KeepsCeilMode) {
  for (Op op : {Op::MaxPool, Op::AveragePool})
    for (std::int64_t include : {0, 1}) {
      Build b({1, 2, 6, 6});
      Attributes attrs{{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}};
      if (op == Op::AveragePool) attrs["count_include_pad"] = include;
      if (op == Op::AveragePool) attrs["pads"] = Ints{1, 1, 0, 0};
      b.add(op, {b.x()}, attrs);
      const Graph g = canonical(b, {1, 2, 6, 6});
      EXPECT_EQ(g.value(g.outputs[0]).shape, (op == Op::MaxPool ? Shape{1, 2, 3, 3} : Shape{1, 2, 3, 3}));
    }
}

TEST(Passes, ClipTakesBoundsFromInputs) {
  Build b(kImage);
  const ValueId six = b.add(Op::Clip, {b.x(), b.floats({}, {0.25f}), b.floats({}, {0.5f})});
  const ValueId relu = b.add(Op::Clip, {six, b.floats({}, {0.0f})});
  b.add(Op::Clip, {relu});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Clip, Op::Relu));
  EXPECT_EQ(g.nodes[0].floatAttr("min", 0), 0.25f);
  EXPECT_EQ(g.nodes[0].floatAttr("max", 0), 0.5f);
}

TEST(Passes, ExtremesOfAValueAndANumberAreReluAndClip) {
  Build b(kImage);
  const ValueId relu = b.add(Op::Max, {b.floats({1}, {0}), b.x()});
  const ValueId most = b.add(Op::Min, {relu, b.floats({}, {0.5f})});
  const ValueId least = b.add(Op::Max, {most, b.floats({1, 1}, {0.25f})});
  b.add(Op::Max, {least, b.floats({3, 1, 1}, {0.1f, 0.3f, 0.5f})});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Relu, Op::Clip, Op::Clip, Op::Max));
  EXPECT_EQ(g.nodes[1].floatAttr("max", 0), 0.5f);
  EXPECT_FALSE(g.nodes[1].has("min"));
  EXPECT_EQ(g.nodes[2].floatAttr("min", 0), 0.25f);
  EXPECT_FALSE(g.nodes[2].has("max"));
}

TEST(Passes, FoldsShapeArithmetic) {
  Build b({-1, 3, 7, 6});
  const ValueId shape = b.add(Op::Shape, {b.x()});
  const ValueId batch = b.add(Op::Gather, {shape, b.ints({0}, true)}, {{"axis", std::int64_t{0}}});
  const ValueId more = b.add(Op::Mul, {b.add(Op::Add, {batch, b.ints({0}, true)}), b.ints({1}, true)});
  const ValueId list = b.add(Op::Unsqueeze, {more, b.ints({0})});
  const ValueId rest =
      b.add(Op::Slice, {b.add(Op::Cast, {b.ints({-1, 5})}, {{"to", std::int64_t{7}}}), b.ints({0}), b.ints({1})});
  const ValueId target = b.add(Op::Concat, {list, rest}, {{"axis", std::int64_t{0}}});
  b.add(Op::Reshape, {b.x(), target});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Reshape));
  EXPECT_EQ(g.nodes[0].inputs.size(), 1u);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 126}));
}

// The shortcut of a published ResNet-20: every second pixel, zero channels around; its pads are computed by nodes.
TEST(Passes, FoldsActivationsOfConstants) {
  for (const Op op : activationOps()) {
    if (op == Op::PRelu) continue;  // the only one with two operands
    Build b({2, 4, 3, 3});
    b.add(Op::Add, {b.x(), addActivation(b, op, b.random({4, 3, 3}))});
    Graph raw = b.graph;
    inferShapes(raw);
    const Array x = randomInput({2, 4, 3, 3}), expected = runGraph(raw, x);
    const Graph g = canonical(b, {2, 4, 3, 3});
    EXPECT_THAT(opsOf(g), ElementsAre(Op::Add)) << opName(op);
    EXPECT_LT(relativeError(runGraph(g, x), expected), 1e-6) << opName(op);
  }
}

TEST(Passes, FoldsSlicePadShortcut) {
  Build b({1, 4, 6, 6});
  const ValueId end = b.ints({INT64_MAX});
  const ValueId rows = b.add(Op::Slice, {b.x(), b.ints({0}), end, b.ints({2}), b.ints({2})});
  const ValueId even = b.add(Op::Slice, {rows, b.ints({0}), end, b.ints({3}), b.ints({2})});
  const ValueId zeros = b.add(Op::ConstantOfShape, {b.ints({4})},
                              {{"value", Constant{DType::Int64, {1}, nullptr, std::make_shared<const Ints>(Ints{0})}}});
  const ValueId pairs = b.add(Op::Concat, {b.ints({0, 0, 0, 0, 2, 2}), b.ints({0, 0})}, {{"axis", std::int64_t{0}}});
  const ValueId matrix =
      b.add(Op::Reshape, {b.add(Op::Concat, {pairs, zeros}, {{"axis", std::int64_t{0}}}), b.ints({-1, 2})});
  const ValueId cut = b.add(Op::Slice, {matrix, b.ints({0}), b.ints({4}), b.ints({0})});
  const ValueId turned = b.add(Op::Slice, {cut, b.ints({-1}), b.ints({-INT64_MAX}), b.ints({0}), b.ints({-1})});
  const ValueId pads = b.add(Op::Reshape, {b.add(Op::Transpose, {turned}, {{"perm", Ints{1, 0}}}), b.ints({-1})});
  b.add(Op::Pad, {even, pads});
  const Graph g = canonical(b, {1, 4, 6, 6});
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Slice, Op::Slice, Op::Pad));
  EXPECT_EQ(g.nodes[2].intsAttr("pads"), (Ints{0, 2, 0, 0, 0, 2, 0, 0}));
  EXPECT_EQ(g.nodes[0].intsAttr("starts"), (Ints{0, 0, 0, 0}));
  EXPECT_EQ(g.nodes[0].intsAttr("ends"), (Ints{1, 4, 6, 6}));
  EXPECT_EQ(g.nodes[0].intsAttr("steps"), (Ints{1, 1, 2, 1}));
}

TEST(Passes, SlicesBackwardsAndFromTheEnd) {
  Build b(kImage);
  const ValueId turned = b.add(Op::Slice, {b.x(), b.ints({-1}), b.ints({INT64_MIN}), b.ints({-1}), b.ints({-2})});
  b.add(Op::Slice, {turned, b.ints({-3}), b.ints({100}), b.ints({2})});
  const Graph g = canonical(b, kImage);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 3, 3, 3}));
  EXPECT_EQ(g.nodes[0].intsAttr("starts")[3], 5);
  EXPECT_EQ(g.nodes[0].intsAttr("ends")[3], -1);
}

TEST(Passes, SplitBecomesSlices) {
  Build b({1, 6, 4, 4});
  const ValueId first = b.add(Op::Split, {b.x(), b.ints({1, 3, 2})}, {{"axis", std::int64_t{1}}}, 3);
  const ValueId halves = b.add(Op::Split, {first + 1}, {{"axis", std::int64_t{2}}}, 2);
  b.add(Op::Concat,
        {b.add(Op::Add, {halves, halves + 1}), b.add(Op::Slice, {first + 2, b.ints({0}), b.ints({2}), b.ints({2})})},
        {{"axis", std::int64_t{-3}}});
  const Graph g = canonical(b, {1, 6, 4, 4});
  EXPECT_THAT(opsOf(g), testing::UnorderedElementsAre(Op::Slice, Op::Slice, Op::Slice, Op::Slice, Op::Slice, Op::Add,
                                                      Op::Concat));
}

TEST(Passes, GatherOfARangeBecomesSlice) {
  Build b(kImage);
  const ValueId rows = b.add(Op::Gather, {b.x(), b.ints({5, 3, 1})}, {{"axis", std::int64_t{2}}});
  b.add(Op::Gather, {rows, b.ints({-2}, true)}, {{"axis", std::int64_t{-1}}});
  const Graph g = canonical(b, kImage);
  EXPECT_THAT(opsOf(g), ElementsAre(Op::Slice, Op::Slice, Op::Reshape));
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 3, 3}));
}

TEST(Passes, NegativePadsBecomeSlice) {
  Build b(kImage);
  b.add(Op::Pad, {b.x(), b.ints({0, 0, -1, 2, 0, 1, 3, -2}), b.floats({}, {0.5f})});
  const Graph g = canonical(b, kImage);
  EXPECT_THAT(opsOf(g), ElementsAre(Op::Slice, Op::Pad));
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 4, 9, 6}));
}

TEST(Passes, ReshapingNodesBecomeOneReshape) {
  Build b(kImage);
  const ValueId a = b.add(Op::Unsqueeze, {b.x(), b.ints({0, -1})});
  const ValueId c = b.add(Op::Squeeze, {a, b.ints({0})});
  const ValueId d = b.add(Op::Squeeze, {b.add(Op::Identity, {c})});
  b.add(Op::Reshape, {b.add(Op::Flatten, {d}), b.ints({0, 3, -1})});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Reshape));
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 3, 42}));
}

TEST(Passes, TransposesCancel) {
  Build b(kImage);
  const ValueId nhwc = b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 3, 1}}});
  const ValueId back = b.add(Op::Transpose, {nhwc}, {{"perm", Ints{0, 3, 1, 2}}});
  b.add(Op::Relu, {back});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Relu));
}

TEST(Passes, NoOpsGo) {
  Build b(kImage);
  ValueId v = b.add(Op::Identity, {b.x()});
  v = b.add(Op::Relu, {b.add(Op::Dropout, {v})});
  v = b.add(Op::Slice, {v, b.ints({0}), b.ints({INT64_MAX}), b.ints({1})});
  v = b.add(Op::Pad, {v, b.ints(Ints(8, 0))});
  v = b.add(Op::Reshape, {v, b.ints({0, 0, 0, 0})});
  v = b.add(Op::Transpose, {v}, {{"perm", Ints{0, 1, 2, 3}}});
  v = b.add(Op::Cast, {v}, {{"to", std::int64_t{10}}});
  v = b.add(Op::Add, {b.floats({1}, {0.0f}), v});
  v = b.add(Op::Div, {b.add(Op::Mul, {v, b.floats({3, 1, 1}, {1, 1, 1})}), b.floats({}, {1.0f})});
  v = b.add(Op::Concat, {v}, {{"axis", std::int64_t{1}}});
  b.add(Op::MaxPool, {v}, {{"kernel_shape", Ints{1, 1}}});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Relu));
}

TEST(Passes, OldSoftmaxFlattens) {
  Build b(kImage);
  b.add(Op::Softmax, {b.x()}, {{"axis", std::int64_t{1}}, {"flatten", std::int64_t{1}}});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Reshape, Op::Softmax, Op::Reshape));
  Build c({2, 5, 1, 1});
  c.add(Op::Softmax, {c.x()}, {{"axis", std::int64_t{1}}, {"flatten", std::int64_t{1}}});
  EXPECT_THAT(opsOf(canonical(c, {2, 5, 1, 1})), ElementsAre(Op::Softmax));
}

TEST(Passes, LogSoftmaxOfOtherThanClassesIsArithmetic) {
  for (const std::int64_t axis : {1, 2, 3, -1})
    for (const std::int64_t flatten : {0, 1}) {
      Build b(kImage);
      Attributes attrs = {{"axis", axis}};
      if (flatten) attrs["flatten"] = flatten;
      b.add(Op::LogSoftmax, {b.x()}, attrs);
      const std::vector<Op> ops = opsOf(canonical(b, kImage));
      EXPECT_EQ(std::count(ops.begin(), ops.end(), Op::LogSoftmax), 0) << axis << " " << flatten;
    }
}

TEST(Passes, GlobalPoolsBecomePools) {
  Build b(kImage);
  const ValueId mean = b.add(Op::GlobalAveragePool, {b.x()});
  b.add(Op::Add, {mean, b.add(Op::GlobalMaxPool, {b.x()})});
  const Graph g = canonical(b, kImage);
  EXPECT_THAT(opsOf(g), ElementsAre(Op::AveragePool, Op::MaxPool, Op::Add));
  EXPECT_EQ(g.nodes[0].intsAttr("kernel_shape"), (Ints{7, 6}));
}

TEST(Passes, MeansBecomePools) {
  const std::vector<std::pair<Ints, std::vector<Op>>> cases = {
      {{2, 3}, {Op::AveragePool, Op::Reshape}},
      {{-1}, {Op::AveragePool, Op::Reshape}},
      {{1}, {Op::Transpose, Op::Reshape, Op::AveragePool, Op::Reshape}},
      {{1, 3}, {Op::Transpose, Op::Reshape, Op::AveragePool, Op::Reshape}},
  };
  for (const auto& [axes, ops] : cases)
    for (std::int64_t keep : {0, 1}) {
      Build b(kImage);
      b.add(Op::ReduceMean, {b.x(), b.ints(axes)}, {{"keepdims", keep}});
      const Graph g = canonical(b, kImage);
      if (keep == 0) EXPECT_EQ(opsOf(g), ops);
    }
  Build all(kImage);
  all.add(Op::ReduceMean, {all.x()}, {{"keepdims", std::int64_t{0}}});
  SpecialiseOptions options{.inputShape = kImage, .disabled = {}};
  EXPECT_THROW(specialise(all.graph, options), Error);  // the mean over all images
  options.wholeInput = true;
  EXPECT_EQ(specialise(all.graph, options).graph.value(all.graph.outputs[0]).shape, Shape{});
  Build none(kImage);
  none.add(Op::ReduceMean, {none.x(), none.ints({})}, {{"noop_with_empty_axes", std::int64_t{1}}});
  EXPECT_THAT(opsOf(canonical(none, kImage)), ElementsAre());
}

TEST(Passes, GemmBecomesDense) {
  for (std::int64_t trans : {0, 1})
    for (const Shape& c : {Shape{4}, Shape{1, 4}, Shape{}, Shape{2, 4}}) {
      Build b({2, 5});
      const bool matrix = c.size() == 2 && c[0] == 2;
      const ValueId bias = matrix ? b.floats(c, {1, 2, 3, 4, 1, 2, 3, 4}) : b.random(c);
      b.add(Op::Gemm, {b.x(), b.random(trans ? Shape{4, 5} : Shape{5, 4}), bias},
            {{"alpha", 0.5f}, {"beta", -2.0f}, {"transB", trans}});
      const Graph g = canonical(b, {2, 5});
      EXPECT_EQ(g.nodes[0].op, Op::Dense);
      EXPECT_EQ(g.nodes.size(), matrix ? 2u : 1u);
    }
}

TEST(Passes, GemmInTheRightOrderSharesItsWeights) {
  Build b({2, 5});
  const ValueId w = b.random({4, 5});
  b.add(Op::Gemm, {b.x(), w, b.random({4})}, {{"transB", std::int64_t{1}}});
  const Graph g = canonical(b, {2, 5});
  EXPECT_EQ(g.value(g.nodes[0].inputs[1]).constant->floats, b.graph.value(w).constant->floats);
}

TEST(Passes, MatMulWithConstantBecomesDense) {
  Build b({2, 3, 5});
  const ValueId right = b.add(Op::MatMul, {b.x(), b.random({5, 4})});
  const ValueId biased = b.add(Op::Add, {b.random({4}), right});
  const ValueId left = b.add(Op::MatMul, {b.random({6, 3}), biased});
  b.add(Op::MatMul, {left, b.random({4})});
  const Graph g = canonical(b, {2, 3, 5});
  EXPECT_THAT(opsOf(g), ElementsAre(Op::Dense, Op::Transpose, Op::Dense, Op::Transpose, Op::Dense, Op::Reshape));
  EXPECT_EQ(g.nodes[0].inputs.size(), 3u);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 6}));
}

TEST(Passes, MatMulOfTwoComputedStays) {
  Build b({2, 3, 5});
  b.add(Op::MatMul, {b.x(), b.add(Op::Transpose, {b.x()}, {{"perm", Ints{0, 2, 1}}})});
  EXPECT_THAT(opsOf(canonical(b, {2, 3, 5})), ElementsAre(Op::Transpose, Op::MatMul));
}

TEST(Passes, ResizeGetsScales) {
  Build b(kImage);
  b.add(Op::Resize, {b.x(), kNoValue, kNoValue, b.ints({2, 3, 10, 9})}, {{"mode", std::string("nearest")}});
  const Graph g = canonical(b, kImage);
  EXPECT_EQ(g.value(g.outputs[0]).shape, (Shape{2, 3, 10, 9}));
  EXPECT_EQ(g.nodes[0].stringAttr("coordinate", ""), "half_pixel");
  EXPECT_EQ(g.nodes[0].floatsAttr("scales")[3], 1.5f);
  Build c(kImage);
  c.add(Op::Upsample, {c.x(), c.floats({4}, {1, 1, 2, 2})});
  EXPECT_EQ(canonical(c, kImage).nodes[0].stringAttr("rounding", ""), "floor");
}

TEST(Passes, ZeroPadMergesIntoConvAndAveragePool) {
  Build b(kImage);
  const ValueId p = b.add(Op::Pad, {b.x(), b.ints({0, 0, 1, 0, 0, 0, 2, 3})});
  const ValueId c = b.add(Op::Conv, {p, b.random({4, 3, 3, 3})}, {{"pads", Ints{0, 1, 0, 0}}});
  const ValueId q = b.add(Op::Pad, {c, b.ints({0, 0, 1, 1, 0, 0, 1, 1})});
  b.add(Op::AveragePool, {q}, {{"kernel_shape", Ints{3, 3}}});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Conv, Op::AveragePool));
  EXPECT_EQ(g.nodes[0].intsAttr("pads"), (Ints{1, 1, 2, 3}));
  EXPECT_THAT(g.nodes[0].folded, ElementsAre("Pad0"));
  EXPECT_EQ(g.nodes[1].intAttr("count_include_pad", 0), 1);
}

TEST(Passes, OtherPadsStay) {
  for (const Ints& pads : {Ints{0, 1, 1, 1, 0, 0, 1, 1}, Ints{0, 0, 1, 1, 0, 0, 1, 1}}) {
    Build b(kImage);
    const bool channels = pads[1] != 0;
    const ValueId p = b.add(Op::Pad, {b.x(), b.ints(pads), b.floats({}, {channels ? 0.0f : 1.0f})});
    b.add(Op::Conv, {p, b.random({4, channels ? 4 : 3, 3, 3})});
    EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Pad, Op::Conv));
  }
}

TEST(Passes, ArithmeticBehindConvFolds) {
  Build b(kImage);
  ValueId v = b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3})});
  v = b.add(Op::Sub, {b.random({4, 1, 1}), v});
  v = b.add(Op::Div, {v, b.random({1, 4, 1, 1}, 1, 2)});
  v = b.add(Op::Add, {v, b.floats({}, {0.5f})});
  b.add(Op::Mul, {b.add(Op::Sub, {v, b.random({1, 4, 1, 1})}), b.random({4, 1, 1})});
  const Graph g = canonical(b, kImage);
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Conv));
  EXPECT_THAT(g.nodes[0].folded, ElementsAre("Sub1", "Div2", "Add3", "Sub4", "Mul5"));
}

TEST(Passes, ArithmeticThatIsNotByChannelStays) {
  Build b(kImage);
  const ValueId v = b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3})});
  const ValueId w = b.add(Op::Sub, {v, b.random({4})});  // along W
  b.add(Op::Div, {b.floats({}, {1.0f}), b.add(Op::Div, {w, b.random({5, 1}, 1, 2)})});
  const Graph g = canonical(b, kImage);
  EXPECT_THAT(opsOf(g), ElementsAre(Op::Conv, Op::Add, Op::Mul, Op::Div));
}

TEST(Passes, AValueReadTwiceIsNotFolded) {
  Build b(kImage);
  const ValueId v = b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3})});
  b.add(Op::Add, {b.batchNorm(v, 4), v});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Conv, Op::Affine, Op::Add));
}

struct ConvCase {
  Shape input, weight;
  Attributes attrs;
};

std::vector<ConvCase> convCases() {
  return {
      {{2, 3, 7, 6}, {4, 3, 3, 3}, {}},
      {{2, 3, 7, 6}, {4, 3, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}}},
      {{1, 3, 7, 6}, {4, 3, 3, 2}, {{"pads", Ints{0, 2, 3, 1}}, {"strides", Ints{2, 3}}}},
      {{1, 4, 8, 8}, {6, 2, 3, 3}, {{"pads", Ints{2, 2, 2, 2}}, {"dilations", Ints{2, 2}}, {"group", std::int64_t{2}}}},
      {{1, 4, 5, 5},
       {4, 1, 3, 3},
       {{"auto_pad", std::string("SAME_LOWER")}, {"strides", Ints{2, 2}}, {"group", std::int64_t{4}}}},
      {{2, 3, 9}, {5, 3, 4}, {{"pads", Ints{1, 2}}, {"strides", Ints{2}}}},
      {{1, 2, 1, 1}, {3, 2, 3, 3}, {{"pads", Ints{3, 3, 3, 3}}}},
  };
}

TEST(Passes, BatchNormBehindConvFolds) {
  for (const ConvCase& c : convCases()) {
    Build b(c.input);
    b.batchNorm(b.add(Op::Conv, {b.x(), b.random(c.weight), b.random({c.weight[0]})}, c.attrs), c.weight[0]);
    const Graph g = canonical(b, c.input);
    ASSERT_THAT(opsOf(g), ElementsAre(Op::Conv));
    EXPECT_EQ(g.value(g.nodes[0].inputs[2]).shape, (Shape{c.weight[0]}));
  }
}

TEST(Passes, BatchNormBeforeConvFoldsExactlyAtTheBorder) {
  for (const ConvCase& c : convCases()) {
    Build b(c.input);
    b.batchNorm(b.add(Op::Conv, {b.batchNorm(b.x(), c.input[1]), b.random(c.weight)}, c.attrs), c.weight[0]);
    const Graph g = canonical(b, c.input);
    ASSERT_THAT(opsOf(g), ElementsAre(Op::Conv));
    Shape perPosition = g.value(g.outputs[0]).shape;
    perPosition.erase(perPosition.begin());
    EXPECT_EQ(g.value(g.nodes[0].inputs[2]).shape, c.attrs.empty() ? Shape{c.weight[0]} : perPosition);
  }
}

TEST(Passes, BatchNormBesideDenseFolds) {
  Build b({2, 5});
  b.batchNorm(b.add(Op::Gemm, {b.batchNorm(b.x(), 5), b.random({5, 4}), b.random({4})}), 4);
  const Graph g = canonical(b, {2, 5});
  ASSERT_THAT(opsOf(g), ElementsAre(Op::Dense));
  EXPECT_EQ(g.nodes[0].folded.size(), 2u);
}

TEST(Passes, BatchNormsInARowFold) {
  Build b(kImage);
  b.add(Op::Conv, {b.batchNorm(b.batchNorm(b.x(), 3), 3), b.random({4, 3, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Conv));
}

TEST(Passes, WarnsWhenThereIsNoBatchNormToKeep) {
  Build b({-1, 3, 7, 6});
  b.add(Op::Relu, {b.x()});
  SpecialiseOptions options;
  options.inputShape = kImage;
  options.foldBatchNorm = false;
  EXPECT_THAT(specialise(b.graph, options).warnings, ElementsAre(testing::HasSubstr("no BatchNormalization")));
}

TEST(Passes, BatchNormStaysWhenAsked) {
  Build b(kImage);
  b.batchNorm(b.add(Op::Conv, {b.x(), b.random({4, 3, 3, 3})}), 4);
  EXPECT_THAT(opsOf(canonical(b, kImage, false)), ElementsAre(Op::Conv, Op::Affine));
}

TEST(Passes, BatchNormBeforeReluStaysAsAffine) {
  Build b(kImage);
  b.add(Op::Conv, {b.add(Op::Relu, {b.batchNorm(b.x(), 3)}), b.random({4, 3, 3, 3})});
  EXPECT_THAT(opsOf(canonical(b, kImage)), ElementsAre(Op::Affine, Op::Relu, Op::Conv));
}

TEST(Passes, ActivationsAndNormalisationsAreKept) {
  Build b(kImage);
  ValueId v = b.add(Op::LeakyRelu, {b.x()});
  v = b.add(Op::PRelu, {v, b.random({3, 1, 1})});
  v = b.add(Op::Elu, {v});
  v = b.add(Op::Mul, {v, b.add(Op::HardSigmoid, {v})});
  v = b.add(Op::HardSwish, {b.add(Op::Tanh, {b.add(Op::Sigmoid, {v})})});
  b.add(Op::LRN, {v}, {{"size", std::int64_t{3}}});
  const Graph g = canonical(b, kImage);
  EXPECT_EQ(g.nodes.size(), 9u);
  EXPECT_EQ(g.nodes.back().floatAttr("beta", 0), 0.75f);
}

TEST(Passes, ReportsEveryPassInOrder) {
  Build b(kImage);
  b.add(Op::Relu, {b.add(Op::Identity, {b.x()})});
  SpecialiseOptions options;
  options.inputShape = kImage;
  const Specialised result = specialise(b.graph, options);
  ASSERT_EQ(result.passes.size(), passList().size());
  for (std::size_t i = 0; i < passList().size(); ++i) EXPECT_EQ(result.passes[i].name, passList()[i].name);
  const auto cleaning = std::find_if(result.passes.begin(), result.passes.end(),
                                     [](const PassReport& r) { return r.name == "remove-no-ops"; });
  EXPECT_EQ(cleaning->rewrites, 1);
  EXPECT_THAT(result.warnings, ElementsAre("batch is fixed to 2 by the model"));
}

TEST(Passes, CanBeLeftOut) {
  Build b(kImage);
  b.add(Op::Conv, {b.add(Op::Pad, {b.x(), b.ints({0, 0, 1, 1, 0, 0, 1, 1})}), b.random({4, 3, 3, 3})});
  SpecialiseOptions options;
  options.inputShape = kImage;
  options.disabled = {"merge-pads"};
  EXPECT_THAT(opsOf(specialise(b.graph, options).graph), ElementsAre(Op::Pad, Op::Conv));
}

}  // namespace
}  // namespace relprop::test
