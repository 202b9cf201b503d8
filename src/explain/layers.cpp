#include "explain/layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/names.h"
#include "relprop/error.h"
#include "rules/table.h"

namespace relprop {
namespace {

constexpr const char* kNodeName = "the name of a node, see `relprop inspect`";

template <class Test>
std::vector<int> nodesWhere(const Graph& graph, Test test) {
  std::vector<int> found;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (test(graph.nodes[i])) found.push_back(static_cast<int>(i));
  return found;
}

std::vector<int> nodesThatFit(const Graph& graph, const std::string& pattern) {
  const auto fits = [&](const std::string& name) { return globMatches(pattern, name); };
  return nodesWhere(graph, [&](const Node& n) {
    return fits(n.name) || fits(graph.value(n.outputs[0]).name) || std::any_of(n.folded.begin(), n.folded.end(), fits);
  });
}

std::vector<std::string> namesOfNodes(const Graph& graph, const std::vector<int>& nodes) {
  std::vector<std::string> names;
  for (const int node : nodes) names.push_back(graph.nodes[static_cast<std::size_t>(node)].name);
  return names;
}

[[noreturn]] void refuseUnknownNode(const Graph& graph, const std::string& name, const std::string& option) {
  std::vector<std::string> known;
  for (const Node& node : graph.nodes) known.push_back(node.name);
  const std::string near = nearest(name, known);
  throw Error(ErrorCode::UnknownNode, option, "'" + name + "'", kNodeName,
              near.empty() ? "" : "did you mean '" + near + "'?");
}

[[noreturn]] void refuseGlob(const std::string& glob, std::vector<std::string> names, const std::string& option) {
  constexpr std::size_t kShown = 10;
  const std::string rest = names.size() > kShown ? fmt::format(" and {} more", names.size() - kShown) : "";
  names.resize(std::min(names.size(), kShown));
  throw Error(ErrorCode::UnknownNode, option, fmt::format("'{}' may be {}{}", glob, fmt::join(names, ", "), rest),
              kNodeName, "write the name of one");
}

}  // namespace

std::vector<int> nodesCalled(const Graph& graph, const std::string& name) {
  std::vector<int> found = nodesWhere(graph, [&](const Node& n) { return n.name == name; });
  if (found.empty()) found = nodesWhere(graph, [&](const Node& n) { return graph.value(n.outputs[0]).name == name; });
  if (found.empty())
    found = nodesWhere(
        graph, [&](const Node& n) { return std::find(n.folded.begin(), n.folded.end(), name) != n.folded.end(); });
  return found;
}

std::vector<int> nodesNamed(const Graph& graph, const std::string& name, const std::string& option) {
  std::vector<int> found = nodesCalled(graph, name);
  if (found.empty()) found = nodesThatFit(graph, name);
  if (found.empty()) refuseUnknownNode(graph, name, option);
  return found;
}

int nodeNamed(const Graph& graph, const std::string& name, const std::string& option) {
  if (const std::vector<int> called = nodesCalled(graph, name); !called.empty()) return called.back();
  const std::vector<int> fitting = nodesThatFit(graph, name);
  if (fitting.empty()) refuseUnknownNode(graph, name, option);
  refuseGlob(name, namesOfNodes(graph, fitting), option);
}

}  // namespace relprop
