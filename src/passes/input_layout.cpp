#include "passes/input_layout.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "graph/edit.h"
#include "graph/op_traits.h"

namespace relprop {
namespace {

enum class Reading {
  Unsaid,     // says nothing about the axes, nor do its readers
  Through,    // leaves the axes where they are: its readers say
  First,      // takes axis 1 for the channels
  ToFirst,    // brings the last axis to where channels are expected
  ToFirst1D,  // the same of N×L×C, where it may as well be a transposed matrix
};

// [0, r−1, 1, …, r−2]
bool bringsLastToFront(const Shape& perm) {
  if (perm.size() < 3 || perm[0] != 0 || perm[1] != static_cast<std::int64_t>(perm.size()) - 1) return false;
  for (std::size_t i = 2; i < perm.size(); ++i)
    if (perm[i] != static_cast<std::int64_t>(i) - 1) return false;
  return true;
}

Reading readingOf(const Node& node) {
  switch (node.op) {
    case Op::Conv:
    case Op::ConvTranspose:
    case Op::BatchNormalization:
    case Op::MaxPool:
    case Op::AveragePool:
    case Op::GlobalAveragePool:
    case Op::GlobalMaxPool:
    case Op::LRN:
      return Reading::First;
    case Op::Transpose: {
      const Shape perm = node.intsAttr("perm");
      if (!bringsLastToFront(perm)) return Reading::Unsaid;
      return perm.size() == 3 ? Reading::ToFirst1D : Reading::ToFirst;
    }
    case Op::Identity:
    case Op::Dropout:
    case Op::Cast:
    case Op::Pad:
    case Op::Squeeze:  // of the axis that makes a signal a picture of one row, as Keras's Conv1D has it
    case Op::Unsqueeze:
    case Op::Slice:
    case Op::Split:
    case Op::Gather:
    case Op::Concat:
    case Op::QuantizeLinear:
    case Op::DequantizeLinear:
      return Reading::Through;
    default:  // elementwise ops leave axes alone; of any other nothing is concluded
      return isElementwise(node.op) ? Reading::Through : Reading::Unsaid;
  }
}

class Search {
 public:
  explicit Search(const Graph& graph) : graph_(graph), uses_(usesOf(graph)) {}

  // The nodes behind `start`, past what leaves the axes alone, that read it in one of these ways; the first one.
  const Node* find(ValueId start, std::initializer_list<Reading> ways) const {
    std::vector<bool> seen(graph_.nodes.size());
    std::vector<ValueId> open{start};
    while (!open.empty()) {
      const ValueId value = open.back();
      open.pop_back();
      for (int reader : uses_.consumers[static_cast<std::size_t>(value)]) {
        if (seen[static_cast<std::size_t>(reader)]) continue;
        seen[static_cast<std::size_t>(reader)] = true;
        const Node& node = graph_.nodes[static_cast<std::size_t>(reader)];
        const Reading reading = readingOf(node);
        if (std::find(ways.begin(), ways.end(), reading) != ways.end()) return &node;
        if (reading == Reading::Through) open.insert(open.end(), node.outputs.begin(), node.outputs.end());
      }
    }
    return nullptr;
  }

 private:
  const Graph& graph_;
  Uses uses_;
};

bool mayBeChannels(std::int64_t extent) {
  return extent == 1 || extent == 3 || extent == 4;
}

InputLayout byExtents(const Shape& shape) {
  const bool last = shape.size() == 4 && mayBeChannels(shape[3]) && !mayBeChannels(shape[1]);
  if (last) return {true, false, "the last axis alone has 1, 3 or 4 elements"};
  return {false, false, "nothing says otherwise"};
}

}  // namespace

InputLayout inputLayoutOf(const Graph& graph) {
  const ValueId input = graph.inputs.at(0);
  const Search search(graph);
  if (const Node* node = search.find(input, {Reading::First}))
    return {false, true, describe(*node) + " takes the second axis for the channels"};
  if (const Node* node = search.find(input, {Reading::ToFirst}))
    return {true, true, describe(*node) + " makes N×C×H×W of it"};
  const Node* node = search.find(input, {Reading::ToFirst1D});
  if (node && search.find(node->outputs.at(0), {Reading::First}))
    return {true, true, describe(*node) + " makes N×C×L of it"};
  return byExtents(graph.value(input).shape);
}

Graph withChannelsFirst(Graph graph) {
  const ValueId last = graph.inputs.at(0);
  Value first = graph.value(last);
  if (first.shape.size() < 3) return graph;
  std::rotate(first.shape.begin() + 1, first.shape.end() - 1, first.shape.end());
  graph.value(last).name += " (channels last)";
  Node transpose = makeNode(first.name + "/channels-last", Op::Transpose);
  Shape perm(first.shape.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::rotate(perm.begin() + 1, perm.begin() + 2, perm.end());
  transpose.attrs["perm"] = perm;
  transpose.inputs = {graph.addValue(std::move(first))};
  transpose.outputs = {last};
  graph.inputs[0] = transpose.inputs[0];
  graph.nodes.insert(graph.nodes.begin(), std::move(transpose));
  return graph;
}

}  // namespace relprop
