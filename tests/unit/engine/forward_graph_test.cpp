// What several nodes together must keep: reshapes, resizing, fusion, errors.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/forward_ops.h"
#include "unit/core/failure.h"
#include "unit/engine/support.h"

namespace relprop::test {
namespace {

// A Reshape to `shape`: canonical ones have no shape input, their output value says it.
ValueId reshape(Build& b, ValueId x, Shape shape) {
  const ValueId y = b.add(Op::Reshape, {x});
  Value& v = b.graph.value(y);
  v.shape = std::move(shape), v.hasShape = true;
  return y;
}

TEST(ForwardGraph, ReshapeReadsInRowMajorOrder) {
  Build b({2, 10, 3, 2});
  b.add(Op::Relu, {b.x()});
  Graph& g = b.graph;
  inferShapes(g);
  reshape(b, g.outputs[0], {2, 60});
  const Array x = floatInput({2, 10, 3, 2}), expected = runGraph(g, x);
  for (const auto& backend : bothBackends()) EXPECT_EQ(forwardOf(g, x, *backend).data, expected.data);
}

TEST(ForwardGraph, ReshapeBackToChannels) {
  Build b({2, 60});
  reshape(b, b.x(), {2, 12, 5, 1});
  const Array x = floatInput({2, 60});
  for (const auto& backend : bothBackends()) EXPECT_EQ(forwardOf(b.graph, x, *backend).data, x.data);
}

// ---- resizing, by the definition of ONNX
double position(const std::string& mode, double i, double in, double out) {
  const double scale = out / in;
  if (mode == "asymmetric") return i / scale;
  if (mode == "align_corners") return out > 1 ? i * (in - 1) / (out - 1) : 0;
  if (mode == "pytorch_half_pixel" && out == 1) return 0;
  return (i + 0.5) / scale - 0.5;
}

double rounded(const std::string& how, double p) {
  if (how == "floor") return std::floor(p);
  if (how == "ceil") return std::ceil(p);
  return how == "round_prefer_floor" ? std::ceil(p - 0.5) : std::floor(p + 0.5);
}

double sample(const std::vector<double>& line, const std::string& mode, const std::string& how, double p) {
  const auto at = [&](double k) {
    return line[static_cast<std::size_t>(std::clamp(k, 0.0, static_cast<double>(line.size()) - 1))];
  };
  if (mode == "nearest") return at(rounded(how, p));
  const double low = std::floor(p);
  return at(low) * (1 - (p - low)) + at(low + 1) * (p - low);
}

struct ResizeCase {
  std::string mode, coordinate, rounding;
  std::int64_t in, out;
};

class ForwardResize : public testing::TestWithParam<ResizeCase> {};

TEST_P(ForwardResize, IsTheDefinitionAlongBothAxes) {
  const auto& [mode, coordinate, rounding, in, out] = GetParam();
  Build b({1, 9, in, 3});
  const float scale = static_cast<float>(out) / static_cast<float>(in);
  b.add(Op::Resize, {b.x()},
        {{"mode", mode},
         {"coordinate", coordinate},
         {"rounding", rounding},
         {"scales", std::vector<float>{1, 1, scale, 2}}});
  Value& y = b.graph.value(b.graph.outputs[0]);
  y.shape = {1, 9, out, 6}, y.hasShape = true;
  const Array x = floatInput({1, 9, in, 3});
  Array expected{y.shape, {}};
  for (std::int64_t c = 0; c < 9; ++c)
    for (std::int64_t i = 0; i < out; ++i)
      for (std::int64_t k = 0; k < 6; ++k) {
        std::vector<double> column;
        for (std::int64_t row = 0; row < in; ++row) {
          const auto first = x.data.begin() + (c * in + row) * 3;
          column.push_back(
              sample({first, first + 3}, mode, rounding, position(coordinate, static_cast<double>(k), 3, 6)));
        }
        expected.data.push_back(
            sample(column, mode, rounding,
                   position(coordinate, static_cast<double>(i), static_cast<double>(in), static_cast<double>(out))));
      }
  for (const auto& backend : bothBackends())
    EXPECT_LT(relativeError(forwardOf(b.graph, x, *backend), expected), 2e-6) << backend->name();
}

std::vector<ResizeCase> resizeCases() {
  std::vector<ResizeCase> all;
  for (const char* coordinate : {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"}) {
    for (const std::int64_t out : {2, 4, 8}) {
      all.push_back({"linear", coordinate, "round_prefer_floor", 4, out});
      for (const char* rounding : {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"})
        all.push_back({"nearest", coordinate, rounding, 4, out});
    }
    all.push_back({"linear", coordinate, "round_prefer_floor", 4, 1});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Modes, ForwardResize, testing::ValuesIn(resizeCases()), [](const auto& info) {
  const ResizeCase& c = info.param;
  return c.mode + "_" + c.coordinate + "_" + c.rounding + "_" + std::to_string(c.out);
});

// The source pixel of the nearest modes in whole numbers: the position is n / d.
std::int64_t exactPixel(const std::string& mode, const std::string& how, std::int64_t i, std::int64_t in,
                        std::int64_t out) {
  std::int64_t n = (2 * i + 1) * in - out, d = 2 * out;
  if (mode == "asymmetric") n = i * in, d = out;
  if (mode == "align_corners") n = i * (in - 1), d = std::max<std::int64_t>(out - 1, 1);
  if (mode == "pytorch_half_pixel" && out == 1) n = 0;
  const auto floorOf = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const auto ceilOf = [&](std::int64_t a, std::int64_t b) { return -floorOf(-a, b); };
  const std::int64_t pixel = how == "floor"                ? floorOf(n, d)
                             : how == "ceil"               ? ceilOf(n, d)
                             : how == "round_prefer_floor" ? ceilOf(2 * n - d, 2 * d)
                                                           : floorOf(2 * n + d, 2 * d);
  return std::clamp<std::int64_t>(pixel, 0, in - 1);
}

// The pixels that a row of `in` is resized from, by a Resize as the passes leave it.
Ints nearestPixels(const std::string& coordinate, const std::string& rounding, std::int64_t in, std::int64_t out,
                   float scale) {
  Build b({1, 1, in});
  const ValueId y = b.add(Op::Resize, {b.x()},
                          {{"mode", std::string("nearest")},
                           {"coordinate", coordinate},
                           {"rounding", rounding},
                           {"scales", std::vector<float>{1, 1, scale}}});
  b.graph.value(y).shape = {1, 1, out}, b.graph.value(y).hasShape = true;
  const ResizeAxis axis = resizeAxesOf(b.graph, b.graph.nodes.back()).w;
  EXPECT_EQ(axis.weight, std::vector<float>(static_cast<std::size_t>(out), 1.0f)) << "one tap each";
  return axis.index;
}

TEST(NearestResize, TakesThePixelOfExactArithmetic) {
  for (const char* coordinate : {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"})
    for (const char* rounding : {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"})
      for (std::int64_t in = 1; in <= 30; ++in)
        for (std::int64_t out = 1; out <= 30; ++out) {
          Ints expected;
          for (std::int64_t i = 0; i < out; ++i) expected.push_back(exactPixel(coordinate, rounding, i, in, out));
          const float scale = static_cast<float>(out) / static_cast<float>(in);
          ASSERT_EQ(nearestPixels(coordinate, rounding, in, out, scale), expected)
              << coordinate << ' ' << rounding << ' ' << in << " to " << out;
        }
}

TEST(NearestResize, TakesThePixelOfExactArithmeticByNumbers) {
  EXPECT_EQ(nearestPixels("asymmetric", "floor", 10, 12, 1.2f), (Ints{0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9}));
  EXPECT_EQ(nearestPixels("asymmetric", "floor", 15, 9, 0.6f), (Ints{0, 1, 3, 5, 6, 8, 10, 11, 13}));
  EXPECT_EQ(nearestPixels("asymmetric", "floor", 5, 7, 1.4f), (Ints{0, 0, 1, 2, 2, 3, 4}));
  EXPECT_EQ(nearestPixels("asymmetric", "floor", 14, 2, 2.0f / 14.0f), (Ints{0, 7}));  // 1 / (2/14) is below 7 in float
}

// As TensorFlow's resize_nearest_neighbor with half_pixel_centers, of opset 11 alone.
TEST(NearestResize, TensorFlowsCentresAreThePixelsThatTheyLieIn) {
  EXPECT_EQ(nearestPixels("tf_half_pixel_for_nn", "floor", 2, 4, 2.0f), (Ints{0, 0, 1, 1}));
  EXPECT_EQ(nearestPixels("tf_half_pixel_for_nn", "floor", 5, 3, 0.6f), (Ints{0, 2, 4}));
}

// 6 / 1.2f and 12 / 1.2f are 5 and 10 in float, and less in double.
TEST(NearestResize, ScaleThatIsNotOutByInCountsAsTheFloatItIs) {
  EXPECT_EQ(nearestPixels("asymmetric", "floor", 11, 13, 1.2f), (Ints{0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(nearestPixels("half_pixel", "floor", 5, 7, 1.5f), (Ints{0, 0, 1, 1, 2, 3, 3}));
}

// ---- fusion
Graph convReluGraph() {
  Build b({2, 10, 6, 5});
  b.add(Op::Conv, {b.x(), b.random({12, 10, 3, 3}), b.random({12})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Relu, {b.graph.outputs[0]});
  b.add(Op::Conv, {b.graph.outputs[0], b.random({9, 12, 3, 3}), b.random({9, 4, 3})});
  b.add(Op::Relu, {b.graph.outputs[0]});
  for (const Shape& bias : {Shape{9}, Shape{9, 4, 3}}) {
    b.add(Op::Conv, {b.graph.outputs[0], b.random({9, 9, 3, 3}), b.random(bias)}, {{"pads", Ints{1, 1, 1, 1}}});
    b.add(Op::Clip, {b.graph.outputs[0]}, {{"min", 0.0f}, {"max", 0.25f}});
  }
  inferShapes(b.graph);
  return b.graph;
}

TEST(ForwardGraph, CutsInsideTheConvolutionChangeNothing) {
  const Graph g = convReluGraph();
  const Array x = floatInput({2, 10, 6, 5}), expected = runGraph(g, x);
  for (const auto& backend : bothBackends())
    for (const bool fuse : {false, true})
      EXPECT_LT(relativeError(forwardOf(g, x, *backend, fuse), expected), 2e-6) << backend->name() << fuse;
}

TEST(ForwardGraph, CutsAreReluAndClipsAboveZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto clip = [](const std::map<std::string, Attribute>& bounds) {
    Node node;
    node.op = Op::Clip, node.attrs = bounds;
    return cutOf(node);
  };
  Node relu;
  relu.op = Op::Relu;
  EXPECT_EQ(cutOf(relu), infinity);
  EXPECT_EQ(clip({{"min", 0.0f}, {"max", 6.0f}}), 6.0f);
  EXPECT_EQ(clip({{"min", 0.0f}}), infinity);
  EXPECT_EQ(clip({{"max", 6.0f}}), std::nullopt);
  EXPECT_EQ(clip({{"min", -1.0f}, {"max", 6.0f}}), std::nullopt);
  EXPECT_EQ(clip({{"min", 0.0f}, {"max", 0.0f}}), std::nullopt);  // kernels count on 0 < most
}

// 0.7 is no bfloat16: rounded down, what was cut would look as if it lay below the bound.
TEST(ForwardGraph, CutsAreExactInNarrowOperands) {
  Build b({1, 16, 4, 4});
  b.add(Op::Conv, {b.x(), b.random({16, 16, 3, 3}), b.random({16})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Clip, {b.graph.outputs[0]}, {{"min", 0.0f}, {"max", 0.7f}});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend(Element::Bfloat16);
  const Array y = forwardOf(b.graph, floatInput({1, 16, 4, 4}), *backend, true);
  EXPECT_GT(std::count(y.data.begin(), y.data.end(), static_cast<double>(0.7f)), 10);
}

TEST(ForwardGraph, FusionSavesASweepOverMemory) {
  const Graph g = convReluGraph();
  const auto backend = makeReferenceBackend();
  const auto stepsWith = [&](bool fuse) {
    Plan plan(*backend, 2);
    Forward forward(g, plan, [&](int i) { return fuse && cutOf(g.nodes[static_cast<std::size_t>(i)]); });
    forward.build();
    forward.buffer(g.outputs[0]);
    return plan.steps().size();
  };
  EXPECT_LT(stepsWith(true), stepsWith(false));
}

// Where all of a network is one formula, every value on the way, asked for by itself, would compute all before it
// again.
TEST(ForwardGraph, LongFormulasBeginAtAStoredValue) {
  Build b({1, 2, 3, 3});
  ValueId x = b.x();
  for (int i = 0; i < 300; ++i) x = b.add(Op::Add, {x, b.add(Op::Sigmoid, {x})});
  Graph& g = b.graph;
  inferShapes(g);
  const Array input = floatInput({1, 2, 3, 3}), expected = runGraph(g, input);
  for (const auto& backend : bothBackends()) {
    Plan plan(*backend, 1);
    Forward forward(g, plan, [](int) { return false; });
    forward.build();
    for (const Node& node : g.nodes) EXPECT_LT(forward.value(node.outputs[0])->depth, 80);
    EXPECT_LT(relativeError(forwardOf(g, input, *backend), expected), 1e-5) << backend->name();
  }
}

// ---- errors
TEST(ForwardGraph, RefusesAValueWithoutTheBatchInFront) {
  Build b({2, 6, 3});
  b.add(Op::Transpose, {b.x()}, {{"perm", Ints{1, 0, 2}}});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_EQ(codeOf([&] { forwardOf(b.graph, floatInput({2, 6, 3}), *backend); }), ErrorCode::UnsupportedModel);
}

TEST(ForwardGraph, RefusesWhatPassesShouldHaveRewritten) {
  Build b({2, 3, 3});
  b.add(Op::ReduceSum, {b.x(), b.ints({2})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_FALSE(isForwardOp(Op::ReduceSum));
  EXPECT_EQ(codeOf([&] { forwardOf(b.graph, floatInput({2, 3, 3}), *backend); }), ErrorCode::UnsupportedModel);
}

}  // namespace
}  // namespace relprop::test
