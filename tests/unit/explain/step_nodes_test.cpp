// Steps know the node they belong to, whatever nodes and steps are called.
#include <algorithm>

#include "unit/explain/support.h"

namespace relprop::test {
namespace step_nodes_test {

// Nodes that are called like steps of others: "a back" is also the step backwards through "a".
Graph net() {
  Build b({1, 3, 6, 6});
  const auto conv = [&](ValueId x, std::int64_t in, std::int64_t out, const char* name) {
    b.add(Op::Conv, {x, b.random({out, in, 3, 3}), b.random({out})}, {{"pads", Ints{1, 1, 1, 1}}});
    nameLast(b, name);
    return b.add(Op::Relu, {b.graph.outputs[0]});
  };
  conv(conv(conv(b.x(), 3, 5, "a"), 5, 7, "a back"), 7, 9, "a denominator");
  addHead(b);
  return b.graph;
}

CompileOptions optionsFor(const Graph& g) {
  CompileOptions o;
  o.walk.bounds = InputBounds{{-1, -1, -1}, {1, 1, 1}};
  o.walk.patterns = patternsFor(g);
  return o;
}

const Node* nodeNamed(const Graph& g, const std::string& name) {
  const auto at = std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.name == name; });
  return at == g.nodes.end() ? nullptr : &*at;
}

TEST(StepNodes, ALayersStepsWriteItsInputOrOutput) {
  const Graph g = net();
  for (const std::string& method : walkingMethods())
    for (const auto& backend : bothBackends()) {
      CompiledMethod c(g, parseMethod(method), *backend, optionsFor(g));
      int count = 0;
      for (const StepInfo& s : c.plan().steps()) {
        if (s.kind != StepKind::Linear) continue;
        const Node* node = nodeNamed(c.graph(), s.node);
        ASSERT_TRUE(node) << method << ": " << s.name << " of '" << s.node << "'";
        ++count;
        const Shape &in = c.graph().value(node->inputs[0]).shape, &out = c.graph().value(node->outputs[0]).shape;
        // Routes that go back together have their channels side by side.
        const bool back = s.shape[1] % in[1] == 0 && s.phase == Phase::Backward && s.name == s.node + " back";
        EXPECT_TRUE(s.shape == out || back) << method << ": " << s.name << " of " << s.node;
      }
      EXPECT_GE(count, 8) << method;
    }
}

// Behind a ReLU the denominators come from the forward pass of the layer, which reads the same weights.
TEST(StepNodes, DenseLayersBehindAReluReadTheirWeightsOnceEitherWay) {
  Build b({2, 6});
  const ValueId hidden = b.add(Op::Dense, {b.x(), b.random({9, 6}), b.random({9})});
  b.add(Op::Dense, {b.add(Op::Relu, {hidden}), b.random({5, 9}), b.random({5})});
  nameLast(b, "last");
  inferShapes(b.graph);
  CompileOptions options;
  options.walk.bounds = InputBounds{std::vector<float>(6, -1.0f), std::vector<float>(6, 1.0f)};
  for (const char* method : {"rap", "lrp-zplus", "lrp-alpha2beta1"})
    for (const auto& backend : bothBackends()) {
      CompiledMethod c(b.graph, parseMethod(method), *backend, options);
      const std::vector<StepInfo>& steps = c.plan().steps();
      const auto linear = std::count_if(
          steps.begin(), steps.end(), [](const StepInfo& s) { return s.kind == StepKind::Linear && s.node == "last"; });
      EXPECT_EQ(linear, 2) << method;
    }
}

TEST(StepNodes, TheGradientHasOneStepEitherWayForEachLayer) {
  const Graph g = net();
  const auto backend = makeReferenceBackend();
  CompiledMethod c(g, parseMethod("gradient"), *backend, optionsFor(g));
  std::map<std::string, std::pair<int, int>> steps;  // forward and backward
  for (const StepInfo& s : c.plan().steps()) {
    if (s.kind != StepKind::Linear) continue;
    auto& [forward, backward] = steps[s.node];
    (s.phase == Phase::Forward ? forward : backward) += 1;
  }
  const std::pair once(1, 1);
  const std::map<std::string, std::pair<int, int>> expected = {
      {"a", once}, {"a back", once}, {"a denominator", once}, {"head", once}};
  EXPECT_EQ(steps, expected);
}

// What brings the input in order or hands over results is no node's.
TEST(StepNodes, StepsBetweenThePlanAndItsCallerBelongToNone) {
  const Graph g = net();
  const auto backend = makeReferenceBackend();
  CompiledMethod c(g, parseMethod("lrp-epsilon"), *backend, optionsFor(g));
  std::vector<std::string> none;
  for (const StepInfo& s : c.plan().steps()) {
    if (s.node.empty())
      none.push_back(s.name);
    else
      EXPECT_TRUE(nodeNamed(c.graph(), s.node)) << s.name << " of " << s.node;
  }
  EXPECT_EQ(none, (std::vector<std::string>{"scores", "input relevance", "relevance"}));
}

}  // namespace step_nodes_test
}  // namespace relprop::test
