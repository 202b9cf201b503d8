// Patterns of linear layers against a slow twin in double precision, written from the formula.
#include "explain/patterns.h"

#include <algorithm>

#include "unit/explain/support.h"

namespace relprop::test {
namespace patterns_test {

// The value `id` of a graph for this input.
Array valueOf(Graph graph, ValueId id, const Array& x) {
  if (id == graph.inputs[0]) return x;
  graph.outputs = {id};
  return runGraph(graph, x);
}

// What one output is made from: its value and the inputs its weights meet.
struct Sample {
  std::size_t output;
  double y;
  Doubles x;
};

std::vector<Sample> denseSamples(const Array& x, const Array& y) {
  const auto in = static_cast<std::size_t>(x.shape.back()), out = static_cast<std::size_t>(y.shape.back());
  std::vector<Sample> all;
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const auto row = x.data.begin() + static_cast<std::ptrdiff_t>(i / out * in);
    all.push_back({i % out, y.data[i], {row, row + static_cast<std::ptrdiff_t>(in)}});
  }
  return all;
}

std::vector<Sample> convSamples(const ConvGeometry& g, const Array& x, const Array& y) {
  std::vector<Sample> all;
  const std::int64_t perGroup = g.C / g.groups;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.data.size()); ++i) {
    const std::int64_t ow = i % g.OW, oh = i / g.OW % g.OH, o = i / (g.OW * g.OH) % g.O, n = i / (g.OW * g.OH * g.O);
    Sample s{static_cast<std::size_t>(o), y.data[static_cast<std::size_t>(i)], {}};
    for (std::int64_t c = 0; c < perGroup; ++c)
      for (std::int64_t kh = 0; kh < g.KH; ++kh)
        for (std::int64_t kw = 0; kw < g.KW; ++kw) {
          const std::int64_t h = oh * g.SH - g.padTop + kh * g.DH, w = ow * g.SW - g.padLeft + kw * g.DW;
          const bool inside = h >= 0 && w >= 0 && h < g.H && w < g.W;
          const std::int64_t channel = o / (g.O / g.groups) * perGroup + c;
          s.x.push_back(inside ? x.data[static_cast<std::size_t>(((n * g.C + channel) * g.H + h) * g.W + w)] : 0.0);
        }
    all.push_back(std::move(s));
  }
  return all;
}

// The covariance of x and y where y > 0, over its product with the weights.
Doubles twin(const Graph& graph, const Node& node, const Array& input) {
  const Array x = valueOf(graph, node.inputs[0], input), y = valueOf(graph, node.outputs[0], input);
  const std::vector<Sample> samples =
      node.op == Op::Dense ? denseSamples(x, y) : convSamples(geometryOf(graph, node), x, y);
  const Constant& w = *graph.value(node.inputs[1]).constant;
  const auto outputs = static_cast<std::size_t>(w.shape[0]), k = w.floats->size() / outputs;
  Doubles n(outputs), meanY(outputs), meanX(outputs * k), covariance(outputs * k);
  for (const Sample& s : samples) n[s.output] += s.y > 0;
  for (const Sample& s : samples)
    for (std::size_t i = 0; s.y > 0 && i < k; ++i) {
      if (i == 0) meanY[s.output] += s.y / n[s.output];
      meanX[s.output * k + i] += s.x[i] / n[s.output];
    }
  for (const Sample& s : samples)
    for (std::size_t i = 0; s.y > 0 && i < k; ++i)
      covariance[s.output * k + i] += (s.x[i] - meanX[s.output * k + i]) * (s.y - meanY[s.output]) / n[s.output];
  for (std::size_t o = 0; o < outputs; ++o) {
    double product = 0;
    for (std::size_t i = o * k; i < (o + 1) * k; ++i) product += static_cast<double>((*w.floats)[i]) * covariance[i];
    for (std::size_t i = o * k; i < (o + 1) * k; ++i) covariance[i] = product == 0 ? 0 : covariance[i] / product;
  }
  return covariance;
}

// Adds all images, and returns the patterns by node.
std::map<std::string, NodePattern> estimate(PatternPlan& plan, const Array& images) {
  const std::vector<float> pixels(images.data.begin(), images.data.end());
  const std::int64_t count = images.shape[0], size = static_cast<std::int64_t>(pixels.size()) / count;
  for (std::int64_t first = 0; first < count; first += plan.rows())
    plan.add(pixels.data() + first * size, std::min(plan.rows(), count - first));
  std::map<std::string, NodePattern> all;
  for (const PositiveSums& s : plan.sums()) all[s.node] = patternOf(s);
  return all;
}

ValueId relu(Build& b) {
  return b.add(Op::Relu, {b.graph.outputs[0]});
}

void conv(Build& b, ValueId x, const Shape& weights, Attributes attrs) {
  b.add(Op::Conv, {x, b.random(weights), b.random({weights[0]}, -0.3f, 0.3f)}, std::move(attrs));
}

// Convolutions of several kinds, one behind the other, and a dense head.
Graph convNet() {
  Build b({8, 3, 9, 8});
  conv(b, b.x(), {16, 3, 3, 3}, {{"strides", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 1}}});
  conv(b, relu(b), {18, 8, 2, 2}, {{"group", std::int64_t{2}}, {"dilations", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 0}}});
  conv(b, relu(b), {18, 1, 3, 3}, {{"group", std::int64_t{18}}, {"pads", Ints{1, 1, 1, 1}}});
  conv(b, relu(b), {5, 18, 1, 1}, {});
  relu(b);
  addHead(b);
  return b.graph;
}

// A bias that varies over the border, as folding leaves it.
Graph borderNet() {
  Build b({8, 3, 5, 5});
  b.add(Op::Conv, {b.x(), b.random({9, 3, 3, 3}), b.random({9, 5, 5})}, {{"pads", Ints{1, 1, 1, 1}}});
  relu(b);
  addHead(b);
  return b.graph;
}

Graph lineNet() {
  Build b({8, 3, 20});
  conv(b, b.x(), {10, 3, 5}, {{"strides", Ints{2}}, {"pads", Ints{2, 1}}});
  relu(b);
  addHead(b);
  return b.graph;
}

// A dense layer over the last of several axes, and one behind it whose output is no score.
Graph tokenNet() {
  Build b({8, 9, 6});
  b.add(Op::Dense, {b.x(), b.random({7, 6}), b.random({7}, -0.3f, 0.3f)});
  relu(b);
  addHead(b, 4);
  return b.graph;
}

struct NetCase {
  const char* name;
  Graph (*graph)();
};

class Patterns : public testing::TestWithParam<NetCase> {
 protected:
  Patterns() {
    graph_ = GetParam().graph();
    inferShapes(graph_);
    images_ = input(graph_.value(graph_.inputs[0]).shape, 3);
  }
  Graph graph_;
  Array images_;
};

TEST_P(Patterns, EqualTheSlowTwin) {
  for (const auto& backend : bothBackends()) {
    PatternPlan plan(graph_, *backend);
    const auto all = estimate(plan, images_);
    for (const Node& node : graph_.nodes) {
      if (node.op != Op::Conv && node.op != Op::Dense) continue;
      const std::vector<float>& a = all.at(node.name).values;
      expectClose({a.begin(), a.end()}, twin(graph_, node, images_), 1e-4, node.name + " on " + backend->name());
    }
  }
}

TEST_P(Patterns, AreWhatTheWeightsAnswerWithOne) {
  const auto backend = makeOneDnnBackend();
  PatternPlan plan(graph_, *backend);
  for (const auto& [name, pattern] : estimate(plan, images_)) {
    const auto& sums = plan.sums();
    const auto s = std::find_if(sums.begin(), sums.end(), [&n = name](const PositiveSums& p) { return p.node == n; });
    std::int64_t zeros = 0;
    for (std::size_t o = 0; o < s->outputs(); ++o) {
      double product = 0;
      for (std::size_t i = o * s->perOutput(); i < (o + 1) * s->perOutput(); ++i)
        product += static_cast<double>((*s->weights)[i]) * static_cast<double>(pattern.values[i]);
      zeros += product == 0;
      if (product != 0) EXPECT_NEAR(product, 1, 1e-4) << name << " output " << o;
    }
    EXPECT_EQ(zeros, pattern.silent + pattern.degenerate) << name;
  }
}

TEST_P(Patterns, BatchesAndRowsThatOnlyFillOneDoNotMatter) {
  const auto backend = makeReferenceBackend();
  Array five = images_;
  five.shape[0] = 5;
  five.data.resize(five.data.size() / 8 * 5);
  PatternPlan whole(withRows(graph_, 5), *backend), parts(withRows(graph_, 3), *backend);
  const auto byWhole = estimate(whole, five), byParts = estimate(parts, five);
  for (const auto& [node, pattern] : byWhole) {
    const std::vector<float>& other = byParts.at(node).values;
    expectClose({other.begin(), other.end()}, {pattern.values.begin(), pattern.values.end()}, 1e-6, node);
  }
  for (std::size_t k = 0; k < whole.sums().size(); ++k) {
    const PositiveSums &a = whole.sums()[k], &b = parts.sums()[k];
    EXPECT_EQ(a.count, b.count) << a.node;
    expectClose(b.y, a.y, 1e-6, a.node), expectClose(b.x, a.x, 1e-6, a.node), expectClose(b.xy, a.xy, 1e-6, a.node);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Patterns,
                         testing::Values(NetCase{"Conv", convNet}, NetCase{"Border", borderNet},
                                         NetCase{"Line", lineNet}, NetCase{"Tokens", tokenNet}),
                         [](const auto& info) { return std::string(info.param.name); });

// Two inputs, y = x₁ + 2·x₂ + bias.
Graph oneNeuron(float bias) {
  Build b({4, 2});
  b.add(Op::Dense, {b.x(), b.floats({1, 2}, {1, 2}), b.floats({1}, {bias})});
  inferShapes(b.graph);
  return b.graph;
}

NodePattern patternOfNeuron(float bias, const Array& images) {
  const auto backend = makeReferenceBackend();
  PatternPlan plan(oneNeuron(bias), *backend);
  return estimate(plan, images).begin()->second;
}

TEST(Pattern, KnownNeuron) {
  // The last image is not positive. Over the others x₁ is 1, 2, 3 and x₂ always 1: all of y's variance is x₁'s.
  const NodePattern p = patternOfNeuron(0, {{4, 2}, {1, 1, 2, 1, 3, 1, -9, 1}});
  EXPECT_NEAR(p.values[0], 1, 1e-6);
  EXPECT_NEAR(p.values[1], 0, 1e-6);
  EXPECT_EQ(p.silent + p.degenerate, 0);
}

TEST(Pattern, OfADistractorIsWhatTheWeightsCancel) {
  // x = s·(1, 0) + d·(2, −1): the weights (1, 2) filter the distractor d out, the pattern is the signal's direction.
  const NodePattern p = patternOfNeuron(0, {{4, 2}, {1, 0, 1 + 2, -1, 3, 0, 3 + 2, -1}});
  EXPECT_NEAR(p.values[0], 1, 1e-6);
  EXPECT_NEAR(p.values[1], 0, 1e-6);
}

TEST(Pattern, OfASilentOutputIsZero) {
  const NodePattern p = patternOfNeuron(-100, {{4, 2}, {1, 1, 2, 1, 3, 1, -9, 1}});
  EXPECT_EQ(p.values, (std::vector<float>{0, 0}));
  EXPECT_EQ(p.silent, 1);
  EXPECT_EQ(p.degenerate, 0);
}

TEST(Pattern, OfAnOutputThatDoesNotVaryIsZero) {
  const Doubles one = {0.1, 0.7}, two = {0.7, 0.4};  // different inputs with the same y
  for (const Doubles& other : {one, two}) {
    Array images{{4, 2}, {}};
    for (const Doubles& x : {one, other, one, other})
      for (double v : x) images.data.push_back(static_cast<float>(v));
    const NodePattern p = patternOfNeuron(0.3f, images);
    EXPECT_EQ(p.values, (std::vector<float>{0, 0}));
    EXPECT_EQ(p.degenerate, 1);
    EXPECT_EQ(p.silent, 0);
  }
}

}  // namespace patterns_test
}  // namespace relprop::test
