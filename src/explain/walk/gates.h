// Which operand of a product is the signal and which the gate, from what the operands are made of.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

// Between which numbers a value lies, and why.
struct ValueRange {
  double low, high;
  bool cut = false;  // bounded by cutting off alone (Clip, Min, Max), as ReLU6 does to signals

  bool bounded() const;
};

// By value id, as far as arithmetic with intervals tells.
std::vector<ValueRange> valueRanges(const Graph& graph);

// Mul and Div of two computed values.
enum class Signal { First, Second, Both };  // Both: nothing tells the operands apart, half of the relevance each

// Of a quotient the numerator. Of a product, by the first of these that tells the operands apart:
//   1. what a squashing function bounds to one side of 0 (sigmoid, softmax, 1 + tanh, a clip to a width of at most 1)
//   is
//      the gate: it weights, and changes no sign;
//   2. what has the output's full size is the signal;
//   3. what is bounded is the gate, rather by a squashing function than by cutting off.
Signal signalOf(const Graph& graph, const std::vector<ValueRange>& ranges, const Node& product);

// By node: the signal of products, Signal::First elsewhere.
std::vector<Signal> signalsOf(const Graph& graph);

}  // namespace relprop
