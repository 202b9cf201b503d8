// Linear rules at every kind of linear node, against their slow twins.
#include <algorithm>

#include "relprop/error.h"
#include "unit/explain/support.h"
#include "unit/explain/twins.h"

namespace relprop::test {
namespace linear_rules_test {

struct LayerCase {
  std::string name;
  Shape input;
  std::function<void(Build&, ValueId)> add;
};
std::ostream& operator<<(std::ostream& out, const LayerCase& c) {
  return out << c.name;
}

void conv(Build& b, ValueId x, const Shape& weights, Attributes attrs) {
  b.add(Op::Conv, {x, b.random(weights), b.random({weights[0]}, -0.3f, 0.3f)}, std::move(attrs));
}

void dense(Build& b, ValueId x, std::int64_t in, std::int64_t out) {
  b.add(Op::Dense, {x, b.random({out, in}), b.random({out}, -0.3f, 0.3f)});
}

std::vector<LayerCase> layerCases() {
  return {
      {"Conv",
       {2, 3, 5, 5},
       [](Build& b, ValueId x) {
         conv(b, x, {4, 3, 3, 3}, {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
       }},
      {"ConvEight",
       {2, 8, 4, 4},
       [](Build& b, ValueId x) {
         conv(b, x, {16, 8, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
       }},
      {"ConvBlocked",
       {2, 16, 4, 4},
       [](Build& b, ValueId x) {
         conv(b, x, {18, 16, 3, 3}, {{"pads", Ints{1, 0, 1, 2}}});
       }},
      {"ConvGroups",
       {2, 18, 4, 3},
       [](Build& b, ValueId x) {
         conv(b, x, {12, 9, 2, 2}, {{"group", std::int64_t{2}}, {"dilations", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 0}}});
       }},
      {"ConvFewOutputs",
       {2, 16, 4, 4},
       [](Build& b, ValueId x) {
         conv(b, x, {3, 16, 2, 2}, {});
       }},
      {"Depthwise",
       {2, 17, 4, 4},
       [](Build& b, ValueId x) {
         conv(b, x, {17, 1, 3, 3}, {{"group", std::int64_t{17}}, {"pads", Ints{1, 1, 1, 1}}});
       }},
      {"ConvNoBias",
       {2, 9, 4, 4},
       [](Build& b, ValueId x) {
         b.add(Op::Conv, {x, b.random({8, 9, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
       }},
      {"ConvBiasImage",
       {2, 9, 4, 4},
       [](Build& b, ValueId x) {
         b.add(Op::Conv, {x, b.random({10, 9, 3, 3}), b.random({10, 4, 4}, -0.3f, 0.3f)}, {{"pads", Ints{1, 1, 1, 1}}});
       }},
      {"ConvLine",
       {2, 5, 9},
       [](Build& b, ValueId x) {
         conv(b, x, {9, 5, 3}, {{"strides", Ints{2}}, {"pads", Ints{1, 1}}});
       }},
      {"Dense", {2, 7}, [](Build& b, ValueId x) { dense(b, x, 7, 5); }},
      {"DenseThreeAxes", {2, 3, 6}, [](Build& b, ValueId x) { dense(b, x, 6, 5); }},
      {"DenseFourAxes", {2, 9, 2, 6}, [](Build& b, ValueId x) { dense(b, x, 6, 5); }}};
}

std::vector<std::string> ruleTexts() {
  return {"epsilon:epsilon=0.1",
          "epsilon:epsilon=0.1,bias=drop",
          "epsilon:epsilon=0.1,bias=spread",
          "epsilon:epsilon=0",
          "zplus",
          "zplus:stabilizer=0.01",
          "zplus:bias=drop",
          "zplus:bias=spread",
          "alphabeta:alpha=2,beta=1",
          "alphabeta:alpha=1,beta=0",
          "alphabeta:alpha=3,beta=2,bias=spread",
          "contrast",
          "contrast:bias=drop,stabilizer=0",
          "gamma:gamma=0.25",
          "gamma:gamma=2,bias=drop",
          "gamma:gamma=0.25,bias=spread",
          "zbox:bounds=image",
          "zbox:bounds=image,stabilizer=0",
          "wsquare",
          "wsquare:bias=drop",
          "wsquare:bias=spread",
          "flat",
          "gradient",
          "wplus:stabilizer=0.1",
          "wplus:stabilizer=0",
          "ones",
          "ones:stabilizer=0.1",
          "rap",
          "rap-signed",
          "rap-top",
          "rap-summary",
          "rap-summary-top"};
}

Doubles rowOf(const Doubles& all, std::int64_t row, std::int64_t rows) {
  const auto n = static_cast<std::ptrdiff_t>(all.size()) / rows;
  return {all.begin() + row * n, all.begin() + (row + 1) * n};
}

Doubles positivePart(Doubles x) {
  for (double& v : x) v = std::max(v, 0.0);
  return x;
}

// How much rounding the denominators that may pass through zero amplify: the largest Σ|z_ij|/|z_j|.
double conditionOf(const std::string& rule, const Layer& l, const Doubles& x) {
  const bool top = rule == "rap-top", positive = rule.rfind("wplus", 0) == 0;
  if (!top && !positive && rule != "epsilon:epsilon=0") return 0;
  double worst = 0;
  for (std::size_t j = 0; j < l.taps.size(); ++j) {
    double z = top || positive ? 0 : l.b(j), magnitude = std::abs(z);
    for (const auto& [i, w] : l.taps[j]) {
      const double c = x[i] * (positive ? std::max(w, 0.0) : w);
      z += c, magnitude += std::abs(c);
    }
    if (z != 0) worst = std::max(worst, magnitude / std::abs(z));
  }
  return worst;
}

const Node& nodeNamed(const Graph& g, const std::string& name) {
  return *std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == name; });
}

const Doubles kSeed = {0.7, -1.1, 0.9, -0.3, 0.9, 1.3};

// x → [Relu] → layer → head. The head hands relevance of both signs to the layer.
class LinearRules : public testing::TestWithParam<std::tuple<LayerCase, std::string>> {
 protected:
  static Graph graph(const LayerCase& c, bool relu) {
    Build b(c.input);
    const ValueId x = relu ? b.add(Op::Relu, {b.x()}) : b.x();
    c.add(b, x);
    nameLast(b, "layer");
    addHead(b);
    return b.graph;
  }

  void compare(bool relu) {
    const auto& [layer, rule] = GetParam();
    const Graph g = graph(layer, relu);
    const Array x = input(layer.input);
    const Layer l = layerOf(g, nodeNamed(g, "layer")), head = layerOf(g, nodeNamed(g, "head"));
    const Method m =
        methodOf({{"layer", rule}, {"head", "gradient"}, {"[activation]", "pass"}, {"[move]", "jacobian"}});
    for (const auto& backend : bothBackends()) {
      const Explained e = explain(g, m, *backend, x, kSeed);
      for (std::int64_t row = 0; row < 2; ++row) {
        const Doubles values = relu ? positivePart(rowOf(x.data, row, 2)) : rowOf(x.data, row, 2);
        const Doubles r = twin("gradient", head, {}, rowOf(kSeed, row, 2));
        expectClose(rowOf(e.relevance, row, 2), twin(rule, l, values, r), 1e-5 + 2e-7 * conditionOf(rule, l, values),
                    rule + " on " + backend->name());
      }
    }
  }
};

TEST_P(LinearRules, InputsOfBothSigns) {
  compare(false);
}
TEST_P(LinearRules, NonNegativeInputs) {
  compare(true);
}

std::string caseName(const testing::TestParamInfo<std::tuple<LayerCase, std::string>>& info) {
  std::string name = std::get<0>(info.param).name + "_" + std::get<1>(info.param);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, LinearRules,
                         testing::Combine(testing::ValuesIn(layerCases()), testing::ValuesIn(ruleTexts())), caseName);

TEST(BoxRule, TakesThePixelRangeByChannel) {
  const LayerCase c = layerCases()[0];
  Build b(c.input);
  c.add(b, b.x());
  nameLast(b, "layer");
  addHead(b);
  Layer l = layerOf(b.graph, nodeNamed(b.graph, "layer"));
  const Layer head = layerOf(b.graph, nodeNamed(b.graph, "head"));
  const std::vector<float> low = {-1, -1.5f, -2}, high = {1, 2, 1.25f};
  for (std::size_t i = 0; i < l.inputs; ++i) l.low.push_back(low[i / 25]), l.high.push_back(high[i / 25]);
  const Array x = input(c.input);
  WalkOptions options;
  options.bounds = InputBounds{low, high};
  const Method m = methodOf({{"layer", "zbox:bounds=range"}, {"head", "gradient"}, {"[move]", "jacobian"}});
  for (const auto& backend : bothBackends()) {
    const Explained e = explain(b.graph, m, *backend, x, kSeed, options);
    for (std::int64_t row = 0; row < 2; ++row)
      expectClose(rowOf(e.relevance, row, 2),
                  twin("zbox", l, rowOf(x.data, row, 2), twin("gradient", head, {}, rowOf(kSeed, row, 2))), 1e-5);
    try {
      explain(b.graph, m, *backend, x, kSeed);
      FAIL() << "there is no pixel range";
    } catch (const Error& err) {
      EXPECT_EQ(err.code(), ErrorCode::NotSupportedByMethod);
      EXPECT_FALSE(err.hint().empty());
    }
  }
}

// Conv → Relu → head: the Relu may run inside the convolution, the result may not tell.
class LayersBehindRelu : public testing::TestWithParam<std::string> {};

TEST_P(LayersBehindRelu, SameWhereverTheReluRuns) {
  const std::string rule = GetParam();
  for (const char* headRule : {"epsilon:epsilon=0.1", "zplus", "flat", "wsquare"}) {
    Build b({2, 9, 4, 4});
    conv(b, b.x(), {10, 9, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}});
    nameLast(b, "layer");
    b.add(Op::Relu, {b.graph.outputs[0]});
    addHead(b);
    const Array x = input({2, 9, 4, 4});
    const Layer l = layerOf(b.graph, nodeNamed(b.graph, "layer")), head = layerOf(b.graph, nodeNamed(b.graph, "head"));
    const Method m = methodOf({{"layer", rule}, {"head", headRule}, {"[activation]", "pass"}, {"[move]", "jacobian"}});
    for (const auto& backend : bothBackends()) {
      const Explained e = explain(b.graph, m, *backend, x, kSeed);
      for (std::int64_t row = 0; row < 2; ++row) {
        const Doubles values = rowOf(x.data, row, 2), hidden = positivePart(outputsOf(l, values));
        const Doubles expected = twin(rule, l, values, twin(headRule, head, hidden, rowOf(kSeed, row, 2)));
        expectClose(rowOf(e.relevance, row, 2), expected, 2e-5, rule + " under " + headRule + " on " + backend->name());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, LayersBehindRelu,
                         testing::Values("epsilon:epsilon=0.1", "zplus", "alphabeta:alpha=2,beta=1", "gamma:gamma=0.5",
                                         "rap", "rap-signed", "rap-summary", "flat"));

// A rule whose shift needs the sum of what arrives has it with and without a ledger.
TEST(RapRule, NeedsNoLedger) {
  const LayerCase c = layerCases()[0];
  Build b(c.input);
  c.add(b, b.x());
  nameLast(b, "layer");
  addHead(b);
  Method m = methodOf({{"layer", "rap"}, {"head", "gradient"}, {"[move]", "jacobian"}});
  const auto backend = makeReferenceBackend();
  WalkOptions without;
  without.sums = false;
  const Array x = input(c.input);
  expectClose(explain(b.graph, m, *backend, x, kSeed, without).relevance,
              explain(b.graph, m, *backend, x, kSeed).relevance, 1e-6);
}

}  // namespace linear_rules_test
}  // namespace relprop::test
