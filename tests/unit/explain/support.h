// Small graphs, methods as tables, and one backward walk with everything it leaves behind.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "explain/compiled.h"
#include "explain/methods/method_list.h"
#include "graph/shape_inference.h"
#include "unit/passes/build.h"

namespace relprop::test {

using Doubles = std::vector<double>;
using Rows = std::vector<std::pair<const char*, std::string>>;

inline std::vector<std::unique_ptr<Backend>> bothBackends() {
  std::vector<std::unique_ptr<Backend>> all;
  all.push_back(makeReferenceBackend());
  all.push_back(makeOneDnnBackend());
  for (auto& backend : all) backend->setThreads(1);  // these graphs are too small to share
  return all;
}

// A Reshape to a shape of the caller's; other shapes are inferred first.
inline ValueId reshaped(Build& b, Shape shape) {
  if (b.graph.outputs.empty()) b.graph.outputs = b.graph.inputs;
  inferShapes(b.graph);
  const ValueId y = b.add(Op::Reshape, {b.graph.outputs[0]});
  b.graph.value(y).shape = std::move(shape), b.graph.value(y).hasShape = true;
  return y;
}

// Flattens what the graph has so far and adds a dense layer named "head" to `classes` scores.
inline void addHead(Build& b, std::int64_t classes = 3) {
  if (b.graph.outputs.empty()) b.graph.outputs = b.graph.inputs;
  inferShapes(b.graph);
  const Shape shape = b.graph.value(b.graph.outputs[0]).shape;
  const std::int64_t rows = shape[0], features = elementCount(shape) / rows;
  reshaped(b, {rows, features});
  const ValueId w = b.random({classes, features});
  const ValueId y = b.add(Op::Dense, {b.graph.outputs[0], w});
  b.graph.nodes.back().name = "head";
  b.graph.value(y).shape = {rows, classes}, b.graph.value(y).hasShape = true;
}

inline void nameLast(Build& b, const std::string& name) {
  b.graph.nodes.back().name = name;
}

inline Method methodOf(const Rows& rows) {
  Method m;
  for (const auto& [pattern, rule] : rows) m.table.append(pattern, rule);
  return m;
}

struct Slot {
  std::string node;
  Doubles in, out;                            // by row of relevance
  Doubles bias, stabiliser, zeroDenominator;  // what the node is said to have absorbed
};

struct Explained {
  Doubles scores, relevance;
  std::vector<Slot> ledger;
  std::vector<std::string> recordedNodes;
  std::vector<Doubles> recorded;
};

inline Doubles summed(CompiledMethod& c, const std::vector<ScalarId>& ids, ScalarId scale) {
  Doubles out(static_cast<std::size_t>(c.rows() * c.targets()));
  for (ScalarId id : ids)
    for (std::size_t row = 0; row < out.size(); ++row)
      out[row] += c.scalar(id)[row] * (scale < 0 ? 1 : c.scalar(scale)[row]);
  return out;
}

inline Slot slotOf(CompiledMethod& c, const LedgerSlots& s) {
  const auto absorbed = [&](Absorbed why) { return summed(c, s.absorbed[static_cast<std::size_t>(why)], s.scaleIn); };
  return {c.graph().nodes[static_cast<std::size_t>(s.node)].name,
          summed(c, {s.in}, s.scaleIn),
          summed(c, s.out, s.scaleOut),
          absorbed(Absorbed::Bias),
          absorbed(Absorbed::Stabiliser),
          absorbed(Absorbed::ZeroDenominator)};
}

// seed: rows·targets×scores, or empty for the scores themselves (one target). baseline: the other input of methods
// that compare with one.
inline Explained explainWith(const Graph& graph, const Method& method, Backend& backend, const Array& x, Doubles seed,
                             const CompileOptions& options, const Array& baseline = {}) {
  CompiledMethod c(graph, method, backend, options);
  std::copy(x.data.begin(), x.data.end(), c.input());
  if (method.comparesWithBaseline) std::copy(baseline.data.begin(), baseline.data.end(), c.baselineInput());
  c.run(Phase::Forward, {});
  Explained e;
  e.scores.assign(c.scores(), c.scores() + c.rows() * c.scoreShape().count());
  if (seed.empty()) seed = e.scores;
  std::copy(seed.begin(), seed.end(), c.seed());
  c.run(Phase::Backward, {});
  if (!method.readsLayer) e.relevance.assign(c.relevance(), c.relevance() + c.rows() * c.targets() * c.inputFloats());
  for (const LedgerSlots& s : c.ledger()) e.ledger.push_back(slotOf(c, s));
  e.recordedNodes = c.recordedNodes();
  for (std::size_t k = 0; k < e.recordedNodes.size(); ++k)
    e.recorded.emplace_back(c.recorded(k), c.recorded(k) + elementCount(c.recordedShape(k)));
  return e;
}

inline Explained explain(const Graph& graph, const Method& method, Backend& backend, const Array& x, Doubles seed = {},
                         WalkOptions options = {}) {
  CompileOptions all;
  all.walk = std::move(options);
  return explainWith(graph, method, backend, x, std::move(seed), all, {x.shape, Doubles(x.data.size())});
}

// Some patterns for every layer with weights, for methods that walk through patterns.
inline std::map<std::string, std::vector<float>> patternsFor(const Graph& graph) {
  std::map<std::string, std::vector<float>> all;
  std::mt19937 engine(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const Node& n : graph.nodes) {
    if (n.op != Op::Conv && n.op != Op::Dense) continue;
    std::vector<float>& a = all[n.name] = *graph.value(n.inputs[1]).constant->floats;
    for (float& v : a) v = uniform(engine);
  }
  return all;
}

// Methods that walk down to the input, by themselves or inside a procedure.
inline std::vector<std::string> walkingMethods() {
  std::vector<std::string> all;
  for (const MethodEntry& e : methodList()) {
    const Method m = parseMethod(e.name);
    const bool toInput = !m.readsLayer && m.readsAttention == ReadAttention::None;
    if (m.backward && m.ofNetworks && toInput) all.emplace_back(e.name);
  }
  return all;
}

// Random values that float holds exactly.
inline Array input(const Shape& shape, unsigned seed = 1, double low = -1, double high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  Array x{shape, Doubles(static_cast<std::size_t>(elementCount(shape)))};
  for (double& v : x.data) v = static_cast<float>(uniform(engine));
  return x;
}

inline double sum(const Doubles& values) {
  double total = 0;
  for (double v : values) total += v;
  return total;
}

// Within `tolerance` of the largest expected magnitude.
inline void expectClose(const Doubles& got, const Doubles& expected, double tolerance, const std::string& what = "") {
  ASSERT_EQ(got.size(), expected.size());
  double scale = 1e-30;
  for (double v : expected) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], expected[i], tolerance * scale) << what << ", element " << i << " of " << got.size();
}

}  // namespace relprop::test
