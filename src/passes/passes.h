// From the imported graph to the canonical form of graph/graph.h: one ordered list of passes.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

struct SpecialiseOptions {
  Shape inputShape;                   // of the one input, batch included; every extent positive
  bool foldBatchNorm = true;          // false: each BatchNormalization becomes an Affine that stays
  std::vector<std::string> disabled;  // names of passes to leave out; only those that are not required
};

// What a pass is given besides the graph, and what it reports.
struct PassContext {
  const SpecialiseOptions& options;
  std::int64_t foldLimit = 0;  // elements that constants made by folding may have, each
  std::vector<std::string> notes, warnings;
};

struct PassInfo {
  const char* name;
  const char* summary;
  bool required;                           // the canonical form depends on it
  int (*run)(Graph& graph, PassContext&);  // returns the number of rewrites
};

struct PassReport {
  std::string name;
  int rewrites = 0;
  double seconds = 0;
  std::vector<std::string> notes;
};

struct Specialised {
  Graph graph;
  std::vector<PassReport> passes;
  std::vector<std::string> warnings;
};

// In the order they run.
const std::vector<PassInfo>& passList();

// What folding may allocate for a constant of this graph: a tiny file cannot ask for gigabytes.
std::int64_t foldLimitOf(const Graph& imported);

// Runs one pass; then drops dead nodes, restores the order and infers all shapes anew.
PassReport runPass(const PassInfo& pass, Graph& graph, PassContext& context);

// Throws ShapeMismatch, UnsupportedModel (all nodes that have no canonical form are listed), InvalidArgument.
Specialised specialise(const Graph& imported, const SpecialiseOptions& options);

}  // namespace relprop
