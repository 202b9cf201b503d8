// docs/operators.md says what the tables say. RELPROP_WRITE_OPERATORS=FILE writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "graph/op_traits.h"
#include "onnx/op_rules.h"

namespace relprop::onnx_import {
namespace {

const char* roleText(OpKind kind) {
  switch (kind) {
    case OpKind::Linear:
      return "layer with weights: the method's rule for linear layers";
    case OpKind::Activation:
      return "activation: passed on";
    case OpKind::Sum:
      return "addition: shared by the rule for additions; beside a constant passed on";
    case OpKind::Product:
      return "product: all to the signal, none to its gate; beside a constant passed on";
    case OpKind::Choice:
      return "choice: all to the operand that was chosen";
    case OpKind::Comparison:
      return "0 or 1: a constant to first order, nothing goes further back";
    case OpKind::MaxPool:
      return "maximum: all to the winner";
    case OpKind::AveragePool:
      return "mean: in proportion";
    case OpKind::LocalResponse:
    case OpKind::LayerNorm:
      return "normalisation: passed on";
    case OpKind::MatMul:
      return "product of matrices: by the method's rule; beside a constant a layer with weights";
    case OpKind::Softmax:
      return "softmax: passed on, or its own rule; at the end it is the head, and relevance starts before it";
    case OpKind::Move:
    case OpKind::Reshape:
    case OpKind::Resize:
      return "move: back to where the values came from";
    case OpKind::Affine:
    case OpKind::Rewritten:
    case OpKind::Unsaid:
      break;
  }
  return "written as other operators of this list, or computed from constants and shapes";
}

std::string rowOf(const std::string& name) {
  const OpRule* rule = findRule(name);
  return "| " + name + " | " + roleText(rule ? traitsOf(rule->op).kind : OpKind::Rewritten) + " |\n";
}

std::string document() {
  std::string text =
      "# Operators\n\n"
      "ONNX opsets 1 to 28, functions of the model included. Everything computed from constants and shapes alone is "
      "evaluated once,\n"
      "whatever it is made of. `relprop inspect` shows what a network's operators become, node by node. What relevance "
      "does at each\n"
      "is the default of the LRP family; gradients take the derivative. Names with `com.microsoft` are those of "
      "onnxruntime's\n"
      "optimiser and quantiser.\n\n"
      "| operator | relevance |\n|---|---|\n";
  for (const std::string& name : supportedOperators()) text += rowOf(name);
  return text +
         "\nControl flow (If, Loop, Scan), recurrent networks (LSTM, GRU, RNN), RoiAlign, NonMaxSuppression, "
         "sequences, strings and\n"
         "`ai.onnx.ml` are refused by name.\n";
}

TEST(Operators, AreTheOnesTheDocumentLists) {
  if (const char* file = std::getenv("RELPROP_WRITE_OPERATORS")) std::ofstream(file) << document();
  const std::filesystem::path docs = std::filesystem::path(__FILE__).parent_path() / "../../../docs/operators.md";
  std::ifstream file(docs);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, document()) << "write it anew with RELPROP_WRITE_OPERATORS=docs/operators.md test_onnx";
}

TEST(Operators, EveryNameIsKnownToTheImporter) {
  for (const char* name : {"Conv", "ReduceL2", "Attention", "QLinearConv", "Einsum", "Swish", "GroupNormalization"})
    EXPECT_NE(document().find(std::string("| ") + name + " |"), std::string::npos) << name;
}

}  // namespace
}  // namespace relprop::onnx_import
