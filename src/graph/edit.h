// Small edits of a graph that passes are made of.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Values to be read in place of others. Recorded while a pass runs and applied once, so that a long chain of
// replacements costs no more than one sweep over the graph.
class Replacements {
 public:
  explicit Replacements(const Graph& graph) : target_(graph.values.size(), kNoValue) {}
  void add(ValueId from, ValueId to);
  ValueId resolve(ValueId id);
  // Rewrites the inputs of all nodes and the graph's outputs.
  void apply(Graph& graph);

 private:
  std::vector<ValueId> target_;
};

// A new value of that shape; the node that makes it is still to be written.
ValueId addDynamicValue(Graph& graph, const std::string& name, Shape shape, DType dtype = DType::Float);

// Payload of a constant of floats; null for anything else, kNoValue included.
const std::vector<float>* constantFloats(const Graph& graph, ValueId id);

// Type and shape of a constant whose values nobody reads any more.
std::shared_ptr<const Constant> withoutValues(const Constant& constant);

// A float that a node may be given as constant input `index`: `value` is overwritten when it is there. False when the
// input is no constant of one float.
bool floatParameter(const Graph& graph, const Node& node, std::size_t index, float& value);

ValueId addFloatConstant(Graph& graph, const std::string& name, Shape shape, std::vector<float> values);

// Appends a node with one new output and returns that output. The node stands at the end until sortTopologically.
ValueId appendNode(Graph& graph, Node node, Shape outputShape, DType dtype = DType::Float);

Node makeNode(std::string name, Op op, std::vector<ValueId> inputs = {});

// Appends `first`, which reads what node `index` has as first input, and lets that node read its output instead.
void spliceBefore(Graph& graph, std::size_t index, Node first, Shape between);

// Makes node `index` write a new value, and appends `last`, which reads it and writes what the node wrote before.
// The node's readers thus see the result of `last`, under the same value.
void spliceAfter(Graph& graph, std::size_t index, Node last, Shape between);

// Puts a constant with so many rows in place of each that a Concat reads beside its rows, all of them the first of what
// is there. Returns how many.
int repeatConstantRows(Graph& graph, std::size_t node, std::int64_t rows);
// How many elements they would have together.
std::int64_t elementsOfRepeatedRows(const Graph& graph, std::size_t node, std::int64_t rows);

// A canonical graph for another number of rows: the first extent of every dynamic value is a multiple of the rows.
Graph withRows(Graph graph, std::int64_t rows);

// Drops nodes none of whose outputs reach a graph output; returns how many. Needs topological order.
int removeDeadNodes(Graph& graph);

// Stable: nodes that are in order stay where they are. Throws MalformedModel for a cycle.
void sortTopologically(Graph& graph);

// Shape of the first input.
const Shape& inputShape(const Graph& graph, const Node& node);

// The node that makes a value; null for inputs, constants, kNoValue and what came after `uses` was made.
const Node* producerOf(const Graph& graph, const Uses& uses, ValueId id);

// "node 'conv1' (Conv)", as errors name it.
std::string describe(const Node& node);

// A name out of a file for a message: cut in front of a character, with an ellipsis, where it is very long.
std::string shortName(const std::string& name);

// Numbers of a file as they stand there, where toString has a letter for an extent below 0; the first of many.
std::string numbersText(const Shape& numbers);

// Throws ShapeMismatch at the node.
[[noreturn]] void mismatch(const Node& node, const std::string& got, const std::string& expected);

}  // namespace relprop
