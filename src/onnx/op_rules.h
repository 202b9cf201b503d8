// What the importer knows of each operator. Adding one is a row in the table and, if its form changed between opsets, a
// function that brings the older forms to the modern one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"
#include "onnx/raw_model.h"
#include "onnx/refusals.h"

namespace relprop::onnx_import {

// A node being converted: inputs and attributes are in `node` as the file has them, until a rule rewrites them.
struct NodeContext {
  Graph& graph;
  Node& node;
  const RawNode& raw;
  Refusals& refusals;
  std::int64_t opset;  // of the standard operators, that the node is written for
  const std::unordered_map<ValueId, std::int64_t>& elementTypes;  // of constants: TensorProto's number

  bool hasInput(std::size_t index) const { return index < node.inputs.size() && node.inputs[index] != kNoValue; }
  void setInput(std::size_t index, ValueId value);
  std::string where() const;
};

struct OpRule {
  Op op;
  int minInputs, maxInputs;
  // Element type of each input of the modern form, the last one for all that follow: f(loat), i(nteger), b(ool),
  // = (as the first), ~ (as the one before), * (any).
  const char* types;
  int maxOutputs;  // 1: further outputs are dropped if nobody reads them; kAny: all are kept
  // "name:kind" of every attribute of any opset from 7 on; ! after it: required, - after it: of no effect here,
  // dropped.
  const char* attributes;
  void (*normalise)(NodeContext&);  // may be null
  const char* name = nullptr;       // in the file, where it is not the op's

  static constexpr int kAny = 1 << 30;
};

// Null when the operator is not supported.
const OpRule* findRule(const std::string& op);

// Sorted, composites included: "Add", "AveragePool", …, "com.microsoft::…".
std::vector<std::string> supportedOperators();

// Takes the node to its modern form and checks the result. Throws MalformedModel.
void applyRule(const OpRule& rule, NodeContext& context);

// Element type of an output of a node in modern form.
DType outputType(const Graph& graph, const Node& node, std::size_t output);

// Which integers the output of a node in modern form holds, where it holds any.
IntegerKind outputIntegers(const NodeContext& context, std::size_t output);

// A number or list of numbers as a tensor: scalar or one-dimensional.
Constant toConstant(const Attribute& attribute);

struct AttributeRule {
  AttrKind kind = AttrKind::Other;
  bool known = false, dropped = false;
};
AttributeRule attributeRule(const OpRule& rule, const std::string& name);
AttributeRule attributeRule(std::string_view attributes, const std::string& name);

}  // namespace relprop::onnx_import
