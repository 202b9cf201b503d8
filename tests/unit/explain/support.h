// Small graphs, methods as tables, and one backward walk with everything it leaves behind.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "explain/compiled.h"
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
  inferShapes(b.graph);
  const ValueId y = b.add(Op::Reshape, {b.graph.outputs[0]});
  b.graph.value(y).shape = std::move(shape), b.graph.value(y).hasShape = true;
  return y;
}

// Flattens what the graph has so far and adds a dense layer named "head" to `classes` scores.
inline void addHead(Build& b, std::int64_t classes = 3) {
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
  Doubles in, out;  // by row
};

struct Explained {
  Doubles scores, relevance;
  std::vector<Slot> ledger;
};

// seed: rows×classes, or empty for the scores themselves.
inline Explained explain(const Graph& graph, const Method& method, Backend& backend, const Array& x, Doubles seed = {},
                         WalkOptions options = {}) {
  CompiledMethod c(graph, method, {}, backend, options);
  std::copy(x.data.begin(), x.data.end(), c.input());
  c.plan().run(Phase::Forward);
  const auto count = static_cast<std::size_t>(c.rows() * c.classes());
  Explained e;
  e.scores.assign(c.scores(), c.scores() + count);
  if (seed.empty()) seed = e.scores;
  std::copy(seed.begin(), seed.end(), c.seed());
  c.plan().run(Phase::Backward);
  e.relevance.assign(c.relevance(), c.relevance() + c.rows() * c.inputFloats());
  for (const LedgerSlots& s : c.ledger()) {
    const auto rows = static_cast<std::size_t>(c.rows());
    Slot slot{
        graph.nodes[static_cast<std::size_t>(s.node)].name, {c.scalar(s.in), c.scalar(s.in) + rows}, Doubles(rows)};
    for (ScalarId id : s.out)
      for (std::size_t row = 0; row < rows; ++row) slot.out[row] += c.scalar(id)[row];
    e.ledger.push_back(std::move(slot));
  }
  return e;
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
