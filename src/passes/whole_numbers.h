// Arithmetic of constant integers: exact, around at the ends of 64 bits as two's complement has it, and then as the
// narrower types of the file are.
#pragma once

#include <cstdint>

#include "graph/graph.h"

namespace relprop {

// What an elementwise op makes of its operands; of ops with one operand the second is 0.
using WholeFormula = std::int64_t (*)(const Node& node, std::int64_t a, std::int64_t b);

// Null: not of integers.
WholeFormula wholeFormulaOf(Op op);

std::int64_t wholeSum(std::int64_t a, std::int64_t b);
std::int64_t wholeProduct(std::int64_t a, std::int64_t b);

// The node's result as integers of that kind. Throws UnsupportedModel where an unsigned one needs all 64 bits.
void wrapAround(const Node& node, IntegerKind kind, Constant& result);

// A float without its fraction; throws UnsupportedModel where the kind does not have it.
std::int64_t truncatedTo(const Node& node, IntegerKind kind, float value);

// The nearest number of a type of floats, TensorProto's number: half or bfloat16, and of any other the number itself.
float roundedTo(std::int64_t floats, float value);
bool isShortFloat(std::int64_t floats);  // one of those in which numbers are rounded

}  // namespace relprop
