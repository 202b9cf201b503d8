#include "passes/constant_products.h"

#include <algorithm>

#include "graph/edit.h"
#include "passes/strided.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Floats = std::vector<float>;

struct Matrix {
  const float* at;
  std::int64_t rows, columns, rowStride, columnStride;
};

Matrix matrixOf(const float* at, const Shape& shape, bool transposed) {
  const std::int64_t rows = shape[shape.size() - 2], columns = shape.back();
  return transposed ? Matrix{at, columns, rows, 1, columns} : Matrix{at, rows, columns, columns, 1};
}

// Row i of a·b, with b walked over as it lies in memory; either way each sum has its terms in the same order.
void multiplyRow(const Matrix& a, const Matrix& b, std::int64_t i, std::vector<double>& sums) {
  const auto left = [&](std::int64_t k) { return static_cast<double>(a.at[i * a.rowStride + k * a.columnStride]); };
  std::fill(sums.begin(), sums.end(), 0.0);
  if (b.columnStride == 1)
    for (std::int64_t k = 0; k < a.columns; ++k) {
      const double x = left(k);
      const float* row = b.at + k * b.rowStride;
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += x * static_cast<double>(row[j]);
    }
  else
    for (std::size_t j = 0; j < sums.size(); ++j)
      for (std::int64_t k = 0; k < a.columns; ++k)
        sums[j] += left(k) * static_cast<double>(b.at[k * b.rowStride + static_cast<std::int64_t>(j) * b.columnStride]);
}

void multiply(const Matrix& a, const Matrix& b, double factor, float* out) {
  std::vector<double> sums(static_cast<std::size_t>(b.columns));
  for (std::int64_t i = 0; i < a.rows; ++i) {
    multiplyRow(a, b, i, sums);
    for (const double sum : sums) *out++ = static_cast<float>(factor * sum);
  }
}

const Floats& operandOf(const Graph& graph, const Node& node, std::size_t input) {
  const Floats* values = constantFloats(graph, node.inputs.at(input));
  if (!values) throw Error(ErrorCode::UnsupportedModel, describe(node), "a product of integers", "floats");
  return *values;
}

Floats productOfGemm(const Graph& graph, const Node& node, const Shape& output) {
  const auto matrix = [&](std::size_t input, const char* transposed) {
    return matrixOf(operandOf(graph, node, input).data(), graph.value(node.inputs[input]).shape,
                    node.intAttr(transposed, 0) != 0);
  };
  Floats result(static_cast<std::size_t>(elementCount(output)));
  multiply(matrix(0, "transA"), matrix(1, "transB"), static_cast<double>(node.floatAttr("alpha", 1)), result.data());
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return result;
  const Floats& bias = operandOf(graph, node, 2);
  float* to = result.data();
  forEachPosition(broadcastView(graph.value(node.inputs[2]).shape, output),
                  [&](std::int64_t at) { *to++ += node.floatAttr("beta", 1) * bias[static_cast<std::size_t>(at)]; });
  return result;
}

// Where each matrix of a stack begins, repeated as the other operand's stack asks.
std::vector<std::int64_t> startsOfMatrices(const Shape& shape, const Shape& stack) {
  std::vector<std::int64_t> all;
  forEachPosition(broadcastView(Shape(shape.begin(), shape.end() - 2), stack),
                  [&](std::int64_t at) { all.push_back(at * shape[shape.size() - 2] * shape.back()); });
  return all;
}

Floats productOfMatMul(const Graph& graph, const Node& node, const Shape& output) {
  Shape a = graph.value(node.inputs[0]).shape, b = graph.value(node.inputs[1]).shape, stack = output;
  stack.resize(output.size() - (a.size() > 1) - (b.size() > 1));
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  const std::vector<std::int64_t> fromA = startsOfMatrices(a, stack), fromB = startsOfMatrices(b, stack);
  Floats result(static_cast<std::size_t>(elementCount(output)));
  float* to = result.data();
  for (std::size_t i = 0; i < fromA.size(); ++i, to += a[a.size() - 2] * b.back())
    multiply(matrixOf(operandOf(graph, node, 0).data() + fromA[i], a, false),
             matrixOf(operandOf(graph, node, 1).data() + fromB[i], b, false), 1, to);
  return result;
}

}  // namespace

std::vector<float> constantProduct(const Graph& graph, const Node& node, const Shape& output) {
  if (elementCount(output) == 0) return {};  // of as many matrices as there may be, all of them empty
  return node.op == Op::Gemm ? productOfGemm(graph, node, output) : productOfMatMul(graph, node, output);
}

}  // namespace relprop
