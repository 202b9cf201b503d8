#include "graph/shape_inference.h"

#include <gtest/gtest.h>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, Attribute>;

struct Operand {
  Shape shape;  // of a computed value, or
  bool constant = false;
  Ints values = {};  // a constant list of integers
};

Operand ints(Ints values) {
  return {{}, true, std::move(values)};
}

ValueId addOperand(Graph& graph, const Operand& operand) {
  if (!operand.constant) return addDynamicValue(graph, "v", operand.shape);
  Constant constant;
  constant.dtype = DType::Int64;
  constant.shape = {static_cast<std::int64_t>(operand.values.size())};
  constant.ints = std::make_shared<const Ints>(operand.values);
  return graph.addConstant("c", constant);
}

std::vector<ValueType> infer(Op op, const std::vector<Operand>& operands, Attributes attrs = {}, int outputs = 1) {
  Graph graph;
  Node node = makeNode("n", op);
  node.attrs = std::move(attrs);
  for (const Operand& operand : operands) node.inputs.push_back(addOperand(graph, operand));
  for (int i = 0; i < outputs; ++i) node.outputs.push_back(graph.addValue({}));
  return inferNode(graph, node);
}

Shape shapeOf(Op op, const std::vector<Operand>& operands, Attributes attrs = {}) {
  return infer(op, operands, std::move(attrs)).at(0).shape;
}

std::string errorOf(Op op, const std::vector<Operand>& operands, Attributes attrs = {}) {
  try {
    infer(op, operands, std::move(attrs));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch) << error.what();
    return error.what();
  }
  return "accepted";
}

const Operand kImage{{2, 3, 8, 6}};

TEST(ShapeInference, Windows) {
  EXPECT_EQ(shapeOf(Op::Conv, {kImage, {{4, 3, 3, 3}}, {{4}}}, {{"pads", Ints{1, 1, 1, 1}}}), (Shape{2, 4, 8, 6}));
  EXPECT_EQ(shapeOf(Op::Conv, {kImage, {{6, 1, 3, 3}}}, {{"group", std::int64_t{3}}, {"strides", Ints{2, 2}}}),
            (Shape{2, 6, 3, 2}));
  EXPECT_EQ(shapeOf(Op::MaxPool, {kImage},
                    {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}),
            (Shape{2, 3, 4, 3}));
  EXPECT_EQ(shapeOf(Op::GlobalMaxPool, {kImage}), (Shape{2, 3, 1, 1}));
}

TEST(ShapeInference, Matrices) {
  EXPECT_EQ(shapeOf(Op::Gemm, {{{5, 2}}, {{4, 5}}, {{4}}}, {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}}),
            (Shape{2, 4}));
  EXPECT_EQ(shapeOf(Op::MatMul, {{{7, 1, 2, 5}}, {{3, 5, 4}}}), (Shape{7, 3, 2, 4}));
  EXPECT_EQ(shapeOf(Op::MatMul, {{{5}}, {{3, 5, 4}}}), (Shape{3, 4}));
  EXPECT_EQ(shapeOf(Op::MatMul, {{{5}}, {{5}}}), (Shape{}));
  EXPECT_EQ(shapeOf(Op::Dense, {{{2, 7, 5}}, {{4, 5}}}), (Shape{2, 7, 4}));
}

TEST(ShapeInference, Reshaping) {
  EXPECT_EQ(shapeOf(Op::Reshape, {kImage, ints({0, -1, 3})}), (Shape{2, 48, 3}));
  EXPECT_EQ(shapeOf(Op::Flatten, {kImage}), (Shape{2, 144}));
  EXPECT_EQ(shapeOf(Op::Flatten, {kImage}, {{"axis", std::int64_t{0}}}), (Shape{1, 288}));
  EXPECT_EQ(shapeOf(Op::Squeeze, {{{1, 3, 1}}}), (Shape{3}));
  EXPECT_EQ(shapeOf(Op::Squeeze, {{{1, 3, 1}}, ints({-1})}), (Shape{1, 3}));
  EXPECT_EQ(shapeOf(Op::Unsqueeze, {{{3}}, ints({0, -1})}), (Shape{1, 3, 1}));
  EXPECT_EQ(shapeOf(Op::Transpose, {kImage}), (Shape{6, 8, 3, 2}));
}

TEST(ShapeInference, Parts) {
  EXPECT_EQ(shapeOf(Op::Concat, {kImage, {{2, 5, 8, 6}}}, {{"axis", std::int64_t{-3}}}), (Shape{2, 8, 8, 6}));
  EXPECT_EQ(shapeOf(Op::Slice, {kImage, ints({1, -2}), ints({INT64_MAX, INT64_MIN}), ints({2, 3}), ints({3, -2})}),
            (Shape{2, 3, 3, 3}));
  EXPECT_EQ(shapeOf(Op::Slice, {kImage, ints({5}), ints({2}), ints({2}), ints({1})}), (Shape{2, 3, 0, 6}));
  EXPECT_EQ(shapeOf(Op::Pad, {kImage, ints({0, 0, 1, 0, 0, 0, -2, 3})}), (Shape{2, 3, 7, 9}));
  EXPECT_EQ(shapeOf(Op::Gather, {kImage, ints({0, 1, 1})}, {{"axis", std::int64_t{2}}}), (Shape{2, 3, 3, 6}));
  const std::vector<ValueType> parts = infer(Op::Split, {kImage}, {{"axis", std::int64_t{2}}}, 3);
  EXPECT_EQ(parts[0].shape, (Shape{2, 3, 3, 6}));
  EXPECT_EQ(parts[2].shape, (Shape{2, 3, 2, 6}));
}

TEST(ShapeInference, Attention) {
  const Operand tokens{{2, 5, 12}};
  EXPECT_EQ(shapeOf(Op::LayerNormalization, {tokens, {{12}}, {{12}}}), (Shape{2, 5, 12}));
  EXPECT_EQ(shapeOf(Op::LayerNormalization, {tokens, {{1, 12}}}, {{"axis", std::int64_t{1}}}), (Shape{2, 5, 12}));
  EXPECT_EQ(errorOf(Op::LayerNormalization, {tokens, {{5}}}),
            "node 'n' (LayerNormalization): operands 12 and 5 (expected shapes that broadcast)");
  EXPECT_EQ(errorOf(Op::LayerNormalization, {tokens, {{5, 12}}}),
            "node 'n' (LayerNormalization): parameter 1 of 5×12 (expected 12)");
  EXPECT_EQ(shapeOf(Op::Expand, {{{1, 5, 1}}, ints({2, 1, 12})}), (Shape{2, 5, 12}));
  EXPECT_EQ(shapeOf(Op::Where, {{{5, 1}}, tokens, {{1}}}), (Shape{2, 5, 12}));
  EXPECT_EQ(infer(Op::Equal, {tokens, {{12}}})[0].dtype, DType::Bool);
  EXPECT_EQ(shapeOf(Op::Pow, {tokens, {{}}}), (Shape{2, 5, 12}));
}

TEST(ShapeInference, TypesOfIntegers) {
  const ValueType shape = infer(Op::Shape, {kImage}, {{"start", std::int64_t{1}}, {"end", std::int64_t{-1}}})[0];
  EXPECT_EQ(shape.dtype, DType::Int64);
  EXPECT_EQ(shape.shape, (Shape{2}));
  EXPECT_EQ(infer(Op::Cast, {kImage}, {{"to", std::int64_t{9}}})[0].dtype, DType::Bool);
}

TEST(ShapeInference, MessagesNameNodeFoundAndExpected) {
  EXPECT_EQ(errorOf(Op::Conv, {kImage, {{4, 5, 3, 3}}}),
            "node 'n' (Conv): 3 input channels (expected 5 for weights 4×5×3×3)");
  EXPECT_EQ(errorOf(Op::Conv, {kImage, {{4, 3, 3, 3}}}, {{"group", std::int64_t{2}}}),
            "node 'n' (Conv): 3 input and 4 output channels in 2 groups (expected groups that divide both)");
  EXPECT_EQ(errorOf(Op::Conv, {kImage, {{4, 3, 9, 3}}}),
            "node 'n' (Conv): a kernel that covers 9 on an axis of 8 padded to 8 (expected a kernel that fits)");
  EXPECT_EQ(errorOf(Op::Conv, {kImage, {{4, 3, 3, 3}}, {{5}}}), "node 'n' (Conv): bias 5 (expected 4)");
  EXPECT_EQ(errorOf(Op::Gemm, {{{2, 5}}, {{6, 4}}}),
            "node 'n' (Gemm): 5 input features (expected 6 as the weights have)");
  EXPECT_EQ(errorOf(Op::Add, {kImage, {{5}}}),
            "node 'n' (Add): operands 2×3×8×6 and 5 (expected shapes that broadcast)");
  EXPECT_EQ(errorOf(Op::Softmax, {kImage}, {{"axis", std::int64_t{4}}}),
            "node 'n' (Softmax): axis 4 (expected an axis of 4 dimensions)");
  EXPECT_EQ(errorOf(Op::Reshape, {kImage, ints({7, -1})}),
            "node 'n' (Reshape): 2×3×8×6 reshaped to 7×41 (expected 288 elements)");
  EXPECT_EQ(errorOf(Op::BatchNormalization, {kImage, {{4}}, {{3}}, {{3}}, {{3}}}),
            "node 'n' (BatchNormalization): parameter 1 of 4 values (expected 3)");
  EXPECT_EQ(errorOf(Op::Concat, {kImage, {{2, 3, 8, 5}}}, {{"axis", std::int64_t{1}}}),
            "node 'n' (Concat): operand 2×3×8×5 (expected 2×3×8×6 but for axis 1)");
}

TEST(ShapeInference, ExtentsBelowZeroAreNamedAsTheyAre) {
  EXPECT_EQ(errorOf(Op::Expand, {{{1, 2}}, ints({-3, 2})}),
            "node 'n' (Expand): an output of -3×2 (expected extents of 0 or more)");
  EXPECT_EQ(errorOf(Op::CenterCropPad, {{{2, 2}}, ints({-1, 2})}),
            "node 'n' (CenterCropPad): an output of -1×2 (expected extents of 0 or more)");
  EXPECT_EQ(errorOf(Op::Split, {{{3}}, ints({-1})}), "node 'n' (Split): parts -1 (expected extents of 0 or more)");
  EXPECT_EQ(errorOf(Op::Reshape, {kImage, ints({-1, -1})}),
            "node 'n' (Reshape): shape -1×-1 (expected one -1 at most)");
  EXPECT_EQ(errorOf(Op::MaxPool, {kImage}, {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{1, -1}}}),
            "node 'n' (MaxPool): dilations 1×-1 (expected entries of at least 1)");
}

TEST(ShapeInference, ResizedAxesHaveExtentsBeforeAndAfter) {
  const auto resized = [](const Shape& in, Ints sizes, const char* policy) {
    return errorOf(Op::Resize, {{in}, {{0}}, {{0}}, ints(std::move(sizes))},
                   {{"keep_aspect_ratio_policy", std::string(policy)}});
  };
  const std::string node = "node 'n' (Resize): ", expected = " (expected extents from 1 to 2^31)";
  for (const char* policy : {"stretch", "not_larger", "not_smaller"}) {
    EXPECT_EQ(resized({4, 2}, {0, 0}, policy), node + "an axis of 4 resized to 0" + expected);
    EXPECT_EQ(resized({4, 2}, {-4, -2}, policy), node + "an axis of 4 resized to -4" + expected);
    EXPECT_NE(resized({4, 0}, {4, 3}, policy), "accepted");
  }
  EXPECT_EQ(resized({4, 0}, {4, 3}, "stretch"), node + "an axis of 0 resized to 3" + expected);
  EXPECT_EQ(errorOf(Op::Upsample, {{{4, 0}}}, {{"scales", std::vector<float>{1, 2}}}),
            "node 'n' (Upsample): an axis of 0 resized to 0" + expected);
  EXPECT_EQ(errorOf(Op::Upsample, {{{4, 2}}}, {{"scales", std::vector<float>{1, -2}}}),
            "node 'n' (Upsample): a scale of -2 (expected above 0)");
}

TEST(ShapeInference, OperandsThatAreNotBroadcastAreAlike) {
  const Attributes alike{{"broadcast", std::int64_t{0}}};
  EXPECT_EQ(shapeOf(Op::Sub, {kImage, kImage}, alike), kImage.shape);
  EXPECT_EQ(shapeOf(Op::Sub, {kImage, {{1, 3, 8, 6}}}, alike), kImage.shape);  // in each image
  const std::string expected = " (expected equal shapes, as there is no attribute broadcast=1)";
  EXPECT_EQ(errorOf(Op::Sub, {kImage, {{3, 8, 6}}}, alike), "node 'n' (Sub): operands 2×3×8×6 and 3×8×6" + expected);
  EXPECT_EQ(errorOf(Op::Greater, {kImage, {{}}}, alike), "node 'n' (Greater): operands 2×3×8×6 and scalar" + expected);
  EXPECT_EQ(shapeOf(Op::Sub, {kImage, {{3, 8, 6}}}), kImage.shape);
}

TEST(ShapeInference, LettersOfAnEinsumAreThoseOfItsOperands) {
  EXPECT_EQ(errorOf(Op::Einsum, {{{3}}}, {{"equation", std::string("i->q")}}),
            "node 'n' (Einsum): letter 'q' in 'q' (expected a letter of the operands)");
}

Shape einsumOf(const char* equation, const std::vector<Shape>& operands) {
  std::vector<Operand> given;
  for (const Shape& shape : operands) given.push_back({shape});
  return shapeOf(Op::Einsum, given, {{"equation", std::string(equation)}});
}

// Capitals are letters like all others, and come before the small ones where the output is implied.
TEST(ShapeInference, ImpliedOutputOfAnEinsumIsWhatStandsOnce) {
  EXPECT_EQ(einsumOf("ABCD", {{2, 3, 5, 7}}), (Shape{2, 3, 5, 7}));
  EXPECT_EQ(einsumOf("aBcd", {{2, 3, 5, 7}}), (Shape{3, 2, 5, 7}));
  EXPECT_EQ(einsumOf("ZA", {{2, 3}}), (Shape{3, 2}));
  EXPECT_EQ(einsumOf("bA, Ac", {{2, 3}, {3, 5}}), (Shape{2, 5}));
  EXPECT_EQ(einsumOf("Za...", {{2, 3, 5, 7}}), (Shape{5, 7, 2, 3}));
  EXPECT_EQ(einsumOf("ii", {{3, 3}}), Shape{});
}

TEST(ShapeInference, CapitalsOfAnEinsumAreNoEllipsis) {
  EXPECT_EQ(einsumOf("...XY->...YX", {{2, 3, 5, 7}}), (Shape{2, 3, 7, 5}));
  EXPECT_EQ(einsumOf("...XZ,...ZY->...XY", {{2, 3, 5, 7}, {3, 7, 4}}), (Shape{2, 3, 5, 4}));
  EXPECT_EQ(einsumOf("Z...->...Z", {{2, 3, 5}}), (Shape{3, 5, 2}));
}

TEST(ShapeInference, EinsumsThatAreNone) {
  const auto einsumError = [](const char* equation, const std::vector<Operand>& operands) {
    return errorOf(Op::Einsum, operands, {{"equation", std::string(equation)}});
  };
  const std::string node = "node 'n' (Einsum): ", letters = " (expected letters, and an ellipsis at most)";
  EXPECT_EQ(einsumError("a@->@a", {{{2, 3}}}), node + "a term 'a@'" + letters);
  EXPECT_EQ(einsumError("a......", {{{2, 3}}}), node + "a term 'a......'" + letters);
  EXPECT_EQ(einsumError("ab->a->b", {{{2, 3}}}), node + "a term 'a->b'" + letters);
  EXPECT_EQ(einsumError("ab->aa", {{{2, 3}}}), node + "letter 'a' twice in 'aa' (expected once)");
  EXPECT_EQ(einsumError("a...,a...->a...", {{{2, 3}}, {{2, 4}}}),
            node + "extents 3 and 4 for '...' (expected the same)");
}

TEST(ShapeInference, RefusesWhatDoesNotFit) {
  const std::vector<std::string> errors = {
      errorOf(Op::Pad, {kImage, ints({0, 0, -5, 0, 0, 0, -5, 0})}),
      errorOf(Op::Pad, {kImage, ints({0, 0})}),
      errorOf(Op::Pad, {kImage, ints({0, 0, INT64_MAX, 0, 0, 0, INT64_MAX, 0})}),
      errorOf(Op::Slice, {kImage, ints({0}), ints({1}), ints({4})}),
      errorOf(Op::Slice, {kImage, ints({0}), ints({1}), ints({0}), ints({0})}),
      errorOf(Op::Slice, {kImage, ints({0, 1}), ints({1})}),
      errorOf(Op::Squeeze, {kImage, ints({1})}),
      errorOf(Op::Unsqueeze, {kImage, ints({1, 1})}),
      errorOf(Op::Transpose, {kImage}, {{"perm", Ints{0, 1, 2, 2}}}),
      errorOf(Op::Reshape, {kImage, ints({-1, -1})}),
      errorOf(Op::Reshape, {kImage, ints({-2, 3})}),
      errorOf(Op::Reshape, {kImage, ints({INT64_MAX, INT64_MAX})}),
      errorOf(Op::Flatten, {kImage}, {{"axis", std::int64_t{5}}}),
      errorOf(Op::MatMul, {kImage, {{5, 2}}}),
      errorOf(Op::LRN, {kImage}, {{"size", std::int64_t{0}}}),
      errorOf(Op::ConstantOfShape, {ints({1 << 20, 1 << 20})}),
      errorOf(Op::ConstantOfShape, {ints({-1})}),
      errorOf(Op::ConstantOfShape, {ints({0, INT64_MAX})}),
      errorOf(Op::Resize, {kImage, {{0}}, {{0}}, ints({2, 3, 8})}),
  };
  for (std::size_t i = 0; i < errors.size(); ++i) EXPECT_NE(errors[i], "accepted") << i;
}

TEST(ShapeInference, RefusesMoreAxesThanAnyNetworkHas) {
  Ints most(62);
  for (std::size_t i = 0; i < most.size(); ++i) most[i] = static_cast<std::int64_t>(i);
  EXPECT_EQ(shapeOf(Op::Unsqueeze, {{{3, 5}}, ints(most)}).size(), 64u);
  most.push_back(62);
  EXPECT_EQ(errorOf(Op::Unsqueeze, {{{3, 5}}, ints(most)}),
            "node 'n' (Unsqueeze): an output of 65 axes (expected 64 at most)");
  const Operand many{Shape(40, 1)};
  EXPECT_EQ(errorOf(Op::Gather, {many, many}), "node 'n' (Gather): an output of 79 axes (expected 64 at most)");
  EXPECT_EQ(errorOf(Op::Reshape, {{{1}}, ints(Ints(1000, 1))}),
            "node 'n' (Reshape): an output of 1000 axes (expected 64 at most)");
}

// Without channels any number of groups divides them.
TEST(ShapeInference, RefusesMoreGroupsThanChannels) {
  const Attributes groups{{"group", std::int64_t{1} << 62}};
  EXPECT_EQ(errorOf(Op::Conv, {{{1, 0, 8, 6}}, {{0, 2, 3, 3}}}, groups),
            "node 'n' (Conv): 0 input and 0 output channels in 4611686018427387904 groups (expected groups that divide "
            "both)");
  EXPECT_EQ(errorOf(Op::ConvTranspose, {{{1, 0, 8, 6}}, {{0, 2, 3, 3}}}, groups),
            "node 'n' (ConvTranspose): input 1×0×8×6 with weights 0×2×3×3 (expected weights for its channels)");
}

TEST(ShapeInference, RangesThatEndBeforeTheyBeginAreEmpty) {
  const auto extent = [](float limit) {
    Graph graph;
    Node node = makeNode("n", Op::Range);
    for (const float value : {0.0f, limit, 1.0f}) node.inputs.push_back(addFloatConstant(graph, "c", {}, {value}));
    node.outputs = {graph.addValue({})};
    return inferNode(graph, node).at(0).shape.at(0);
  };
  EXPECT_EQ(extent(3.5f), 4);
  EXPECT_EQ(extent(-2), 0);
  EXPECT_EQ(extent(-3e38f), 0);
}

// In float, as ONNX infers it: 5 · 1.4f is 7, 7 · (31/7)f falls short of 31.
TEST(ShapeInference, ScaledExtentsAreProductsOfFloats) {
  const auto extent = [](std::int64_t in, float scale) {
    return shapeOf(Op::Upsample, {{{1, 1, in}}}, {{"scales", std::vector<float>{1, 1, scale}}}).at(2);
  };
  EXPECT_EQ(extent(5, 1.4f), 7);
  EXPECT_EQ(extent(10, 1.2f), 12);
  EXPECT_EQ(extent(15, 0.6f), 9);
  EXPECT_EQ(extent(5, 1.5f), 7);
  EXPECT_EQ(extent(7, 31.0f / 7.0f), 30);
}

TEST(ShapeInference, SplitPartsHaveToAddUp) {
  EXPECT_THROW(infer(Op::Split, {kImage, ints({3, 3})}, {{"axis", std::int64_t{2}}}, 2), Error);
  EXPECT_THROW(infer(Op::Split, {kImage, ints({INT64_MAX, INT64_MAX})}, {{"axis", std::int64_t{2}}}, 2), Error);
  EXPECT_THROW(infer(Op::Split, {kImage}, {{"axis", std::int64_t{1}}}, 7), Error);
}

}  // namespace
}  // namespace relprop
