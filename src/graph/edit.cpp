#include "graph/edit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "relprop/error.h"

namespace relprop {

namespace {

std::size_t index(ValueId id) {
  return static_cast<std::size_t>(id);
}

bool anyNeeded(const Node& node, const std::vector<char>& needed) {
  for (ValueId output : node.outputs)
    if (output != kNoValue && needed[index(output)]) return true;
  return false;
}

// How many different inputs of each node are still to be made.
std::vector<int> pendingInputs(const Graph& graph, const Uses& uses) {
  std::vector<int> pending(graph.nodes.size(), 0);
  for (std::size_t value = 0; value < graph.values.size(); ++value)
    if (uses.producer[value] >= 0)
      for (int reader : uses.consumers[value]) ++pending[static_cast<std::size_t>(reader)];
  return pending;
}

bool joinsBesideRows(const Node& node) {
  return node.op == Op::Concat && node.intAttr("axis", 1) != 0;
}

bool hasOtherRows(const Graph& graph, ValueId id, std::int64_t rows) {
  return constantFloats(graph, id) && !graph.value(id).shape.empty() && graph.value(id).shape[0] != rows;
}

}  // namespace

void Replacements::add(ValueId from, ValueId to) {
  if (index(from) >= target_.size()) target_.resize(index(from) + 1, kNoValue);
  target_[index(from)] = to;
}

ValueId Replacements::resolve(ValueId id) {
  ValueId root = id;
  while (root != kNoValue && index(root) < target_.size() && target_[index(root)] != kNoValue)
    root = target_[index(root)];
  while (id != root) id = std::exchange(target_[index(id)], root);
  return root;
}

void Replacements::apply(Graph& graph) {
  for (Node& node : graph.nodes)
    for (ValueId& input : node.inputs) input = resolve(input);
  for (ValueId& output : graph.outputs) output = resolve(output);
}

ValueId addDynamicValue(Graph& graph, const std::string& name, Shape shape, DType dtype) {
  Value value;
  value.name = name;
  value.dtype = dtype;
  value.shape = std::move(shape);
  value.hasShape = true;
  return graph.addValue(std::move(value));
}

std::shared_ptr<const Constant> withoutValues(const Constant& constant) {
  return std::make_shared<const Constant>(Constant{constant.dtype, constant.shape, {}, {}});
}

const std::vector<float>* constantFloats(const Graph& graph, ValueId id) {
  return graph.isConstant(id) ? graph.value(id).constant->floats.get() : nullptr;
}

bool floatParameter(const Graph& graph, const Node& node, std::size_t input, float& value) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return true;
  const std::vector<float>* values = constantFloats(graph, node.inputs[input]);
  if (!values || values->size() != 1) return false;
  value = values->front();
  return true;
}

ValueId addFloatConstant(Graph& graph, const std::string& name, Shape shape, std::vector<float> values) {
  Constant constant;
  constant.shape = std::move(shape);
  constant.floats = std::make_shared<const std::vector<float>>(std::move(values));
  return graph.addConstant(name, std::move(constant));
}

ValueId appendNode(Graph& graph, Node node, Shape outputShape, DType dtype) {
  const ValueId output = addDynamicValue(graph, node.name, std::move(outputShape), dtype);
  node.outputs = {output};
  graph.nodes.push_back(std::move(node));
  return output;
}

Node makeNode(std::string name, Op op, std::vector<ValueId> inputs) {
  Node node;
  node.name = std::move(name);
  node.op = op;
  node.inputs = std::move(inputs);
  return node;
}

void spliceBefore(Graph& graph, std::size_t nodeIndex, Node first, Shape between) {
  const ValueId input = graph.nodes[nodeIndex].inputs[0];
  first.inputs.insert(first.inputs.begin(), input);
  const ValueId middle = appendNode(graph, std::move(first), std::move(between), graph.value(input).dtype);
  graph.nodes[nodeIndex].inputs[0] = middle;
}

void spliceAfter(Graph& graph, std::size_t nodeIndex, Node last, Shape between) {
  const ValueId output = graph.nodes[nodeIndex].outputs[0];
  const ValueId middle =
      addDynamicValue(graph, graph.nodes[nodeIndex].name + "/inner", std::move(between), graph.value(output).dtype);
  graph.nodes[nodeIndex].outputs[0] = middle;
  last.inputs.insert(last.inputs.begin(), middle);
  last.outputs = {output};
  graph.nodes.push_back(std::move(last));
}

std::int64_t elementsOfRepeatedRows(const Graph& graph, std::size_t node, std::int64_t rows) {
  if (!joinsBesideRows(graph.nodes[node])) return 0;
  std::int64_t elements = 0;
  for (const ValueId id : graph.nodes[node].inputs)
    if (hasOtherRows(graph, id, rows))
      elements += elementCount(graph.value(id).shape) / graph.value(id).shape[0] * rows;
  return elements;
}

int repeatConstantRows(Graph& graph, std::size_t node, std::int64_t rows) {
  if (!joinsBesideRows(graph.nodes[node])) return 0;
  int repeated = 0;
  for (std::size_t i = 0; i < graph.nodes[node].inputs.size(); ++i) {
    const ValueId id = graph.nodes[node].inputs[i];
    if (!hasOtherRows(graph, id, rows)) continue;
    const std::vector<float>* values = constantFloats(graph, id);
    Shape shape = graph.value(id).shape;
    const std::int64_t row = elementCount(shape) / shape[0];
    shape[0] = rows;
    std::vector<float> all;
    for (std::int64_t r = 0; r < rows; ++r) all.insert(all.end(), values->begin(), values->begin() + row);
    const std::string name = graph.value(id).name + ".rows";
    graph.nodes[node].inputs[i] = addFloatConstant(graph, name, std::move(shape), std::move(all));
    ++repeated;
  }
  return repeated;
}

Graph withRows(Graph graph, std::int64_t rows) {
  const std::int64_t before = graph.value(graph.inputs.at(0)).shape.at(0);
  for (Value& v : graph.values)
    if (!v.constant && v.hasShape && !v.shape.empty()) v.shape[0] = v.shape[0] * rows / before;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    repeatConstantRows(graph, i, graph.value(graph.nodes[i].outputs.at(0)).shape.at(0));
  return graph;
}

int removeDeadNodes(Graph& graph) {
  std::vector<char> needed(graph.values.size(), 0);
  for (ValueId output : graph.outputs) needed[index(output)] = 1;
  std::vector<char> alive(graph.nodes.size(), 0);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    alive[i] = anyNeeded(graph.nodes[i], needed);
    if (!alive[i]) continue;
    for (ValueId input : graph.nodes[i].inputs)
      if (input != kNoValue) needed[index(input)] = 1;
  }
  std::vector<Node> kept;
  kept.reserve(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (alive[i]) kept.push_back(std::move(graph.nodes[i]));
  const int removed = static_cast<int>(graph.nodes.size() - kept.size());
  graph.nodes = std::move(kept);
  return removed;
}

void sortTopologically(Graph& graph) {
  const Uses uses = usesOf(graph);
  std::vector<int> pending = pendingInputs(graph, uses);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;  // smallest index first keeps the order stable
  for (std::size_t i = 0; i < pending.size(); ++i)
    if (pending[i] == 0) ready.push(static_cast<int>(i));
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    Node& node = graph.nodes[static_cast<std::size_t>(ready.top())];
    ready.pop();
    for (ValueId output : node.outputs)
      if (output != kNoValue)
        for (int reader : uses.consumers[index(output)])
          if (--pending[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    sorted.push_back(std::move(node));
  }
  if (sorted.size() != graph.nodes.size())
    throw Error(ErrorCode::MalformedModel, "graph", "its nodes form a cycle", "an acyclic graph");
  graph.nodes = std::move(sorted);
}

const Shape& inputShape(const Graph& graph, const Node& node) {
  return graph.value(node.inputs.at(0)).shape;
}

const Node* producerOf(const Graph& graph, const Uses& uses, ValueId id) {
  const bool known = id != kNoValue && static_cast<std::size_t>(id) < uses.producer.size();
  const int index = known ? uses.producer[static_cast<std::size_t>(id)] : -1;
  return index < 0 ? nullptr : &graph.nodes[static_cast<std::size_t>(index)];
}

std::string numbersText(const Shape& numbers) {
  constexpr std::size_t kShown = 10;
  if (numbers.empty()) return toString(numbers);
  const auto end = numbers.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, numbers.size()));
  const std::string text = fmt::format("{}", fmt::join(numbers.begin(), end, "×"));
  return numbers.size() > kShown ? fmt::format("{}… ({} numbers)", text, numbers.size()) : text;
}

void mismatch(const Node& node, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::ShapeMismatch, describe(node), got, expected);
}

std::string describe(const Node& node) {
  return fmt::format("node '{}' ({})", shortName(node.name), opName(node.op));
}

std::string shortName(const std::string& name) {
  constexpr std::size_t kLongest = 200, kLongestCharacter = 4;
  if (name.size() <= kLongest) return name;
  std::size_t end = kLongest;
  for (std::size_t i = 1; i < kLongestCharacter && (name[end] & 0xC0) == 0x80; ++i) --end;
  return name.substr(0, end) + "…";
}

}  // namespace relprop
