// From the imported graph to the canonical form of graph/graph.h: one ordered list of passes.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/head.h"

namespace relprop {

struct SpecialiseOptions {
  Shape inputShape;           // of the one input, batch included; every extent positive
  bool foldBatchNorm = true;  // false: each BatchNormalization becomes an Affine that stays
  // The first axis is no batch: the whole input is one image, and the canonical input has an axis of extent 1 in front.
  bool wholeInput = false;
  std::vector<std::string> disabled;  // names of passes to leave out; only those that are not required
  bool cutHead = false;               // the graph ends at the scores of its first output
  // The model is for any number of images: one that computes with that number is refused, as it gives each image other
  // results beside others than alone.
  bool openBatch = false;
  std::int64_t memory = 0;  // bytes that no constant may exceed, 0 for any
};

// What a pass is given besides the graph, and what it reports.
struct PassContext {
  const SpecialiseOptions& options;
  std::int64_t foldLimit = 0;  // elements that constants made by folding may have, each
  std::vector<std::string> notes, warnings;
  std::vector<std::string> mixing;  // names of nodes that look along the batch
  Head head = {};                   // once it is cut
  // What nodes were written with because of their extents: rewriters.h
  std::int64_t constantElements = 0, indices = 0, nodesMade = 0;
  // What folding has made, filled and passed over: fold_constants.cpp
  std::int64_t foldedElements = 0, filledElements = 0, foldingSteps = 0;
  // Elements that constants filled with one number may have, all together: weights written so may be as many as VGG-19
  // has, half a gigabyte.
  std::int64_t filledLimit = std::int64_t{150} << 20;
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
  // Nodes that look along the batch: one image at a time goes through such a graph. Empty for most.
  std::vector<std::string> mixing;
  Head head;  // where it was cut
};

// In the order they run.
const std::vector<PassInfo>& passList();

// What folding may allocate for a constant of this graph: a tiny file cannot ask for gigabytes. As many elements as the
// file has, or `least`.
inline constexpr std::int64_t kSmallestFoldLimit = std::int64_t{1} << 24;
std::int64_t foldLimitOf(const Graph& imported, std::int64_t least = kSmallestFoldLimit);

// Runs one pass; then drops dead nodes, restores the order and infers all shapes anew.
PassReport runPass(const PassInfo& pass, Graph& graph, PassContext& context);

// Throws ShapeMismatch, UnsupportedModel (the first nodes that have no canonical form are listed), InvalidArgument.
Specialised specialise(const Graph& imported, const SpecialiseOptions& options);

}  // namespace relprop
