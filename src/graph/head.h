// How a network ends: the value whose numbers tell the classes apart, and what makes probabilities of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

enum class HeadKind {
  None,        // several numbers an image and no function behind them: as logits, their softmax
  Softmax,     // also where the network writes its logarithm by a Log
  LogSoftmax,  // the network writes logarithms of the probabilities
  Sigmoid,     // each number by itself: one output, or many labels
  Regression   // one number and no function behind it: it has no probability
};

struct Head {
  HeadKind kind = HeadKind::None;
  ValueId scores = kNoValue;  // relevance starts here
  // Which of an image's scores each class is, where the network takes some of them or another order; empty: all, in
  // order. Probabilities of a softmax are over all of them.
  std::vector<std::int64_t> kept;
  std::string node;  // of the function behind the scores, where there is one
};

// Of the graph's first output. Every shape has to be known. Behind the function may be what moves numbers (Reshape,
// Slice, Gather, …) or keeps them (Identity, Cast, a Clip that only keeps logarithms finite, …).
Head headOf(const Graph& graph);

// "softmax, 'prob'"
std::string describe(const Head& head);

}  // namespace relprop
