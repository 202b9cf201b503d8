// Where the channels of a network's input lie: N×C×H×W, or N×H×W×C as Keras has them.
#pragma once

#include <string>

#include "graph/graph.h"

namespace relprop {

struct InputLayout {
  bool channelsLast = false;
  bool certain = false;  // what the graph does with the input leaves no choice; else the extents suggest it
  std::string reason;
};

// Of an imported graph.
InputLayout inputLayoutOf(const Graph& graph);

// The same network with its channels first: its input has the channels behind the batch, and a Transpose brings it into
// the form that the nodes read. merge-reshapes takes that away again with the Transpose that is there.
Graph withChannelsFirst(Graph graph);

}  // namespace relprop
