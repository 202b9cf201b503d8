#include "passes/rewriters.h"

namespace relprop {

int rewriteEach(Graph& graph, const std::map<Op, Rewriter>& rewriters) {
  int rewrites = 0;
  for (std::size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const auto rewriter = rewriters.find(graph.nodes[i].op);
    if (rewriter != rewriters.end()) rewrites += rewriter->second(graph, i);
  }
  return rewrites;
}

}  // namespace relprop
