// Folds maps by channel (BatchNormalization, Affine, arithmetic with constants) into the linear nodes beside them.
#include <algorithm>

#include "core/parallel.h"
#include "graph/edit.h"
#include "passes/channel_map.h"
#include "passes/rewriters.h"
#include "passes/rewrites.h"

namespace relprop {

namespace {

std::size_t index(int id) {
  return static_cast<std::size_t>(id);
}

// The one node that reads a value; -1 when several do or the value is an output of the graph.
int onlyReader(const Graph& graph, const Uses& uses, ValueId value) {
  const std::vector<int>& readers = uses.consumers[index(value)];
  const bool output = std::find(graph.outputs.begin(), graph.outputs.end(), value) != graph.outputs.end();
  return readers.size() == 1 && !output ? readers[0] : -1;
}

// Maps that follow one another behind a linear node, composed.
struct Chain {
  std::size_t linear = 0;
  std::vector<std::size_t> nodes;
  ChannelMap map;
  ValueId end = kNoValue;
};

// How a graph is read, and which of its quotients have to stay.
struct Readers {
  Uses uses;
  std::vector<char> decisive;
};

Chain chainAfter(const Graph& graph, const Readers& readers, std::size_t at, ChannelNodes which) {
  const Node& linear = graph.nodes[at];
  Chain chain;
  chain.linear = at;
  chain.end = linear.outputs[0];
  const std::size_t axis = channelAxis(graph, linear);
  for (int reader; (reader = onlyReader(graph, readers.uses, chain.end)) >= 0;) {
    if (readers.decisive[index(reader)]) break;
    const Node& next = graph.nodes[index(reader)];
    const std::optional<ChannelMap> map = channelMapOf(graph, next, chain.end, axis, which);
    if (!map) break;
    if (chain.nodes.empty())
      chain.map = *map;
    else
      chain.map.then(*map);
    chain.nodes.push_back(index(reader));
    chain.end = next.outputs[0];
  }
  return chain;
}

// Notes what went into `node` and takes the folded node out of the graph.
void absorb(Node& node, Node& folded) {
  node.folded.push_back(folded.name);
  node.folded.insert(node.folded.end(), folded.folded.begin(), folded.folded.end());
  folded.outputs.clear();
}

// The new weights are computed by all cores: it is mostly memory that is touched for the first time.
int foldAfter(Graph& graph, ChannelNodes which) {
  const Readers readers{usesOf(graph), decisiveQuotients(graph)};
  std::vector<Chain> chains;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!graph.nodes[i].outputs.empty() && isLinear(graph, graph.nodes[i]))
      if (Chain chain = chainAfter(graph, readers, i, which); !chain.nodes.empty()) chains.push_back(std::move(chain));
  std::vector<LinearValues> values(chains.size());
  inParallel(chains.size(),
             [&](std::size_t i) { values[i] = appliedToOutput(graph, graph.nodes[chains[i].linear], chains[i].map); });
  int folded = 0;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    Node& linear = graph.nodes[chains[i].linear];
    setLinear(graph, linear, std::move(values[i]));
    for (std::size_t next : chains[i].nodes) absorb(linear, graph.nodes[next]);
    linear.outputs[0] = chains[i].end;
    folded += static_cast<int>(chains[i].nodes.size());
  }
  return folded;
}

// The BatchNormalization that makes the input of a linear node and is read by nothing else; -1 when there is none.
int normBefore(const Graph& graph, const Uses& uses, std::size_t linear) {
  const Node& node = graph.nodes[linear];
  const int producer = uses.producer[index(node.inputs[0])];
  if (producer < 0 || onlyReader(graph, uses, node.inputs[0]) != static_cast<int>(linear)) return -1;
  const bool channelsMatch = node.op == Op::Conv || graph.value(node.inputs[0]).shape.size() == 2;
  return channelsMatch && isBatchNorm(graph.nodes[index(producer)]) ? producer : -1;
}

bool foldBefore(Graph& graph, Uses& uses, std::size_t linear, std::int64_t limit) {
  const int norm = normBefore(graph, uses, linear);
  if (norm < 0) return false;
  const ChannelMap map = batchNormMap(graph, graph.nodes[index(norm)]);
  if (!applyToInput(graph, graph.nodes[linear], map, limit)) return false;
  const ValueId input = graph.nodes[index(norm)].inputs[0];
  graph.nodes[linear].inputs[0] = input;
  std::vector<int>& readers = uses.consumers[index(input)];
  std::replace(readers.begin(), readers.end(), norm, static_cast<int>(linear));
  absorb(graph.nodes[linear], graph.nodes[index(norm)]);
  return true;
}

}  // namespace

int foldChannelConstants(Graph& graph, PassContext&) {
  return foldAfter(graph, ChannelNodes::Arithmetic);
}

int foldBatchNormalizations(Graph& graph, PassContext& context) {
  if (!context.options.foldBatchNorm) {
    context.notes.push_back("left out: BatchNormalization is to stay");
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), isBatchNorm))
      context.warnings.push_back(
          "the model has no BatchNormalization nodes that could stay; its exporter may have folded them");
    return 0;
  }
  int folded = foldAfter(graph, ChannelNodes::ArithmeticAndBatchNorm);
  Uses uses = usesOf(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!graph.nodes[i].outputs.empty() && isLinear(graph, graph.nodes[i]))
      while (foldBefore(graph, uses, i, context.foldLimit)) ++folded;
  return folded;
}

int batchNormalizationToAffine(Graph& graph, PassContext&) {
  int rewrites = 0;
  for (Node& node : graph.nodes) {
    if (node.op != Op::BatchNormalization) continue;
    const ChannelMap map = batchNormMap(graph, node);
    const Shape channels{static_cast<std::int64_t>(map.scale.size())};
    const std::vector<float> scale(map.scale.begin(), map.scale.end()), shift(map.shift.begin(), map.shift.end());
    node.inputs = {node.inputs[0], addFloatConstant(graph, node.name + ".scale", channels, scale),
                   addFloatConstant(graph, node.name + ".shift", channels, shift)};
    node.op = Op::Affine;
    node.attrs.clear();
    ++rewrites;
  }
  return rewrites;
}

}  // namespace relprop
