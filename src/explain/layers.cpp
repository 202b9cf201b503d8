#include "explain/layers.h"

#include <algorithm>

#include "core/names.h"
#include "relprop/error.h"
#include "rules/table.h"

namespace relprop {
namespace {

bool goesBy(const Graph& g, const Node& n, const std::string& pattern) {
  const auto matches = [&](const std::string& name) { return name == pattern || globMatches(pattern, name); };
  return matches(n.name) || matches(g.value(n.outputs[0]).name) ||
         std::any_of(n.folded.begin(), n.folded.end(), matches);
}

}  // namespace

std::vector<int> nodesNamed(const Graph& graph, const std::string& name, const std::string& option) {
  std::vector<int> found;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    known.push_back(graph.nodes[i].name);
    if (goesBy(graph, graph.nodes[i], name)) found.push_back(static_cast<int>(i));
  }
  if (!found.empty()) return found;
  const std::string near = nearest(name, known);
  throw Error(ErrorCode::UnknownNode, option, "'" + name + "'", "the name of a node, see `relprop inspect`",
              near.empty() ? "" : "did you mean '" + near + "'?");
}

}  // namespace relprop
