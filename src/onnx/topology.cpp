#include "onnx/topology.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "onnx/failure.h"

namespace relprop::onnx_import {

namespace {

// Fills the maps of a Topology, refusing names that are taken.
class Registry {
 public:
  explicit Registry(Topology& topology) : t_(topology) {}

  void addInitialisers(const RawModel& model) {
    for (const RawTensor& tensor : model.initialisers)
      if (!tensor.name.empty() && !t_.initialisers.emplace(tensor.name, &tensor).second)
        malformed("initialiser " + quote(tensor.name), "appears twice");
    for (const std::string& name : model.sparseInitialisers)
      if (t_.initialisers.count(name) || !t_.sparse.insert(name).second)
        malformed("initialiser " + quote(name), "appears twice");
  }

  // Files of IR version 3 and older list initialisers among the inputs.
  void addInputs(const RawModel& model) {
    for (const RawInput& input : model.inputs)
      if (!isInitialiser(input.name) && !t_.inputs.emplace(input.name, &input).second)
        malformed("input " + quote(input.name), "appears twice");
  }

  void addNodes(const RawModel& model) {
    for (std::size_t i = 0; i < model.nodes.size(); ++i)
      for (const std::string& output : model.nodes[i].outputs)
        if (!output.empty()) addOutput(model, output, static_cast<int>(i));
  }

 private:
  bool isInitialiser(const std::string& name) const { return t_.initialisers.count(name) || t_.sparse.count(name); }

  void addOutput(const RawModel& model, const std::string& output, int node) {
    const std::string where = describe(model.nodes[static_cast<std::size_t>(node)]);
    if (isInitialiser(output) || t_.inputs.count(output))
      malformed(where, "makes the value " + quote(output) + ", which is an input or initialiser already");
    auto [taken, isNew] = t_.producers.emplace(output, node);
    if (!isNew)
      malformed(where, "makes the value " + quote(output) + " that " +
                           describe(model.nodes[static_cast<std::size_t>(taken->second)]) + " makes already");
  }

  Topology& t_;
};

// The nodes as numbers: for each, the nodes it reads from and those that read from it.
struct Edges {
  std::vector<std::vector<int>> from, to;
};

Edges edgesOf(const RawModel& model, const Topology& topology) {
  Edges edges{std::vector<std::vector<int>>(model.nodes.size()), std::vector<std::vector<int>>(model.nodes.size())};
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const std::string& input : model.nodes[i].inputs) {
      auto producer = topology.producers.find(input);
      if (producer == topology.producers.end()) continue;
      edges.from[i].push_back(producer->second);
      edges.to[static_cast<std::size_t>(producer->second)].push_back(static_cast<int>(i));
    }
  return edges;
}

void requireKnownInputs(const RawModel& model, const Topology& topology) {
  for (const RawNode& node : model.nodes)
    for (const std::string& input : node.inputs)
      if (!input.empty() && !topology.isKnown(input))
        malformed(describe(node), "reads the value " + quote(input) + ", which nothing makes");
}

// Every node left over waits for another one that is left over, so walking back must come round to a cycle.
[[noreturn]] void reportCycle(const RawModel& model, const Edges& edges, const std::vector<bool>& done) {
  auto waiting = [&](int i) { return !done[static_cast<std::size_t>(i)]; };
  int node = static_cast<int>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<bool> seen(done.size());
  while (!seen[static_cast<std::size_t>(node)]) {
    seen[static_cast<std::size_t>(node)] = true;
    const auto& sources = edges.from[static_cast<std::size_t>(node)];
    node = *std::find_if(sources.begin(), sources.end(), waiting);
  }
  malformed(describe(model.nodes[static_cast<std::size_t>(node)]), "depends on its own output",
            "a graph without cycles");
}

// Kahn's algorithm; of the nodes that are ready the first in the file goes first, so a sorted file keeps its order.
std::vector<int> sorted(const RawModel& model, const Edges& edges) {
  std::vector<std::size_t> open(model.nodes.size());
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < open.size(); ++i)
    if ((open[i] = edges.from[i].size()) == 0) ready.push(static_cast<int>(i));
  std::vector<int> order;
  std::vector<bool> done(open.size());
  while (!ready.empty()) {
    int node = ready.top();
    ready.pop();
    order.push_back(node);
    done[static_cast<std::size_t>(node)] = true;
    for (int next : edges.to[static_cast<std::size_t>(node)])
      if (--open[static_cast<std::size_t>(next)] == 0) ready.push(next);
  }
  if (order.size() != open.size()) reportCycle(model, edges, done);
  return order;
}

}  // namespace

std::string describe(const RawNode& node) {
  std::string name = node.name;
  for (const std::string& output : node.outputs)
    if (name.empty()) name = output;
  return "node " + quote(name) + " (" + (node.op.empty() ? "no operator" : quote(node.op)) + ")";
}

Topology analyse(const RawModel& model) {
  Topology topology;
  Registry registry(topology);
  registry.addInitialisers(model);
  registry.addInputs(model);
  registry.addNodes(model);
  requireKnownInputs(model, topology);
  topology.order = sorted(model, edgesOf(model, topology));
  return topology;
}

std::vector<bool> neededFor(const std::vector<std::string>& values, const RawModel& model, const Topology& topology) {
  std::vector<bool> needed(model.nodes.size());
  std::vector<std::string> open = values;
  while (!open.empty()) {
    const auto producer = topology.producers.find(open.back());
    open.pop_back();
    if (producer == topology.producers.end() || needed[static_cast<std::size_t>(producer->second)]) continue;
    needed[static_cast<std::size_t>(producer->second)] = true;
    const auto& inputs = model.nodes[static_cast<std::size_t>(producer->second)].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return needed;
}

}  // namespace relprop::onnx_import
