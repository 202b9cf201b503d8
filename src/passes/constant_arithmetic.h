// Evaluation of constants by ops that compare, count and reduce: the second half of constant_ops.cpp's table.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"
#include "graph/shape_inference.h"

namespace relprop {

using EvaluateConstants = std::vector<Constant> (*)(const Graph&, const Node&, const std::vector<ValueType>&);
const std::map<Op, EvaluateConstants>& evaluatorsOfArithmetic();

}  // namespace relprop
