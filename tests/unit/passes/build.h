// Small graphs for tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "graph/edit.h"
#include "graph/graph.h"
#include "graph/op_traits.h"
#include "passes/passes.h"
#include "unit/passes/evaluate.h"

namespace relprop::test {

using Attributes = std::map<std::string, Attribute>;
using Ints = std::vector<std::int64_t>;

// Builds a graph in the importer's form: one input, nodes in order.
class Build {
 public:
  explicit Build(Shape input) {
    Value value;
    value.name = "x";
    value.shape = std::move(input);
    value.hasShape = true;
    graph.inputs = {graph.addValue(value)};
  }
  ValueId x() const { return graph.inputs[0]; }

  ValueId floats(Shape shape, std::vector<float> values) {
    return addFloatConstant(graph, "c" + std::to_string(graph.values.size()), std::move(shape), std::move(values));
  }
  // Random values between low and high.
  ValueId random(const Shape& shape, float low = -1, float high = 1) {
    std::uniform_real_distribution<float> uniform(low, high);
    std::vector<float> values(static_cast<std::size_t>(elementCount(shape)));
    for (float& v : values) v = uniform(engine_);
    return floats(shape, values);
  }
  ValueId ints(Ints values, bool scalar = false) {
    Constant constant;
    constant.dtype = DType::Int64;
    constant.shape = scalar ? Shape{} : Shape{static_cast<std::int64_t>(values.size())};
    constant.ints = std::make_shared<const Ints>(std::move(values));
    return graph.addConstant("i" + std::to_string(graph.values.size()), constant);
  }
  // A node with `count` outputs; the first is returned and the others have the ids after it.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attrs = {}, int count = 1) {
    Node node = makeNode(opName(op) + std::to_string(graph.nodes.size()), op, std::move(inputs));
    node.attrs = std::move(attrs);
    for (int i = 0; i < count; ++i) {
      Value value;
      value.name = node.name + ":" + std::to_string(i);
      node.outputs.push_back(graph.addValue(value));
    }
    graph.nodes.push_back(node);
    graph.outputs = {node.outputs[0]};
    return node.outputs[0];
  }
  ValueId batchNorm(ValueId input, std::int64_t channels) {
    return add(Op::BatchNormalization,
               {input, random({channels}, -2, 2), random({channels}), random({channels}), random({channels}, 0.2f, 3)});
  }

  Graph graph;

 private:
  std::mt19937 engine_{7};
};

// All activations of the table of ops.
inline std::vector<Op> activationOps() {
  std::vector<Op> ops;
  for (std::size_t i = 0; i < kOpCount; ++i)
    if (traitsOf(static_cast<Op>(i)).kind == OpKind::Activation) ops.push_back(static_cast<Op>(i));
  return ops;
}

// An activation with default attributes, where it bends most: of 5x, or of something positive where it needs that.
inline ValueId addActivation(Build& b, Op op, ValueId x) {
  const bool positive = op == Op::Sqrt || op == Op::Log || op == Op::Reciprocal || op == Op::Pow;
  std::vector<ValueId> in = {positive ? b.add(Op::Sigmoid, {x}) : b.add(Op::Mul, {x, b.floats({}, {5})})};
  if (op == Op::Pow) in.push_back(b.random({b.graph.value(b.x()).shape[1], 1, 1}, 0.3f, 2.5f));
  if (op == Op::PRelu) in.push_back(b.random({b.graph.value(b.x()).shape[1], 1, 1}));
  return b.add(op, in);
}

inline Array randomInput(const Shape& shape) {
  std::mt19937 engine(11);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Array input{shape, std::vector<double>(static_cast<std::size_t>(elementCount(shape)))};
  for (double& v : input.data) v = uniform(engine);
  return input;
}

inline double relativeError(const Array& got, const Array& expected) {
  if (got.shape != expected.shape) return INFINITY;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.data.size(); ++i) {
    difference += std::pow(got.data[i] - expected.data[i], 2);
    norm += std::pow(expected.data[i], 2);
  }
  return std::sqrt(difference / std::max(norm, 1e-30));
}

inline std::vector<Op> opsOf(const Graph& graph) {
  std::vector<Op> ops;
  for (const Node& node : graph.nodes) ops.push_back(node.op);
  return ops;
}

}  // namespace relprop::test
