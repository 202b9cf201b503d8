// What several nodes together must keep: reshapes, resizing, fusion, errors.
#include <cmath>

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

// ---- fusion
Graph convReluGraph() {
  Build b({2, 10, 6, 5});
  b.add(Op::Conv, {b.x(), b.random({12, 10, 3, 3}), b.random({12})}, {{"pads", Ints{1, 1, 1, 1}}});
  b.add(Op::Relu, {b.graph.outputs[0]});
  b.add(Op::Conv, {b.graph.outputs[0], b.random({9, 12, 3, 3}), b.random({9, 4, 3})});
  b.add(Op::Relu, {b.graph.outputs[0]});
  inferShapes(b.graph);
  return b.graph;
}

TEST(ForwardGraph, ReluInsideTheConvolutionChangesNothing) {
  const Graph g = convReluGraph();
  const Array x = floatInput({2, 10, 6, 5}), expected = runGraph(g, x);
  for (const auto& backend : bothBackends())
    for (const bool fuse : {false, true})
      EXPECT_LT(relativeError(forwardOf(g, x, *backend, fuse), expected), 2e-6) << backend->name() << fuse;
}

TEST(ForwardGraph, FusionSavesASweepOverMemory) {
  const Graph g = convReluGraph();
  const auto backend = makeReferenceBackend();
  const auto stepsWith = [&](bool fuse) {
    Plan plan(*backend, 2);
    Forward forward(g, plan, [&](int i) { return fuse && g.nodes[static_cast<std::size_t>(i)].op == Op::Relu; });
    forward.build();
    forward.buffer(g.outputs[0]);
    return plan.steps().size();
  };
  EXPECT_LT(stepsWith(true), stepsWith(false));
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
  b.add(Op::Pow, {b.x(), b.floats({}, {1.5f})});
  inferShapes(b.graph);
  const auto backend = makeReferenceBackend();
  EXPECT_FALSE(isForwardOp(Op::Pow));
  EXPECT_EQ(codeOf([&] { forwardOf(b.graph, floatInput({2, 3, 3}), *backend); }), ErrorCode::UnsupportedModel);
}

}  // namespace
}  // namespace relprop::test
