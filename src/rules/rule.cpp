#include "rules/rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/names.h"
#include "relprop/error.h"
#include "rules/list.h"

namespace relprop {
namespace {

bool isActivation(Op op) {
  switch (op) {
    case Op::Relu:
    case Op::LeakyRelu:
    case Op::PRelu:
    case Op::Elu:
    case Op::Clip:
    case Op::Sigmoid:
    case Op::HardSigmoid:
    case Op::HardSwish:
    case Op::Tanh:
    case Op::Erf:
    case Op::Gelu:
    case Op::Softplus:
    case Op::Sqrt:
      return true;
    default:
      return false;
  }
}

bool hasConstantOperand(const Graph& g, const Node& n) {
  return g.isConstant(n.inputs[0]) || g.isConstant(n.inputs[1]);
}

std::vector<std::string> ruleNames() {
  std::vector<std::string> names;
  for (const RuleInfo& info : ruleList()) names.emplace_back(info.name);
  return names;
}

const RuleInfo& findRule(const std::string& name) {
  for (const RuleInfo& info : ruleList())
    if (name == info.name) return info;
  unknownName(ErrorCode::InvalidRule, "rule", name, ruleNames());
}

}  // namespace

Role roleOf(const Graph& graph, const Node& node) {
  if (isActivation(node.op)) return Role::Activation;
  switch (node.op) {
    case Op::Conv:
    case Op::Dense:
      return Role::Linear;
    case Op::MaxPool:
      return Role::MaxPool;
    case Op::AveragePool:
      return Role::AveragePool;
    case Op::Affine:
      return Role::Affine;
    case Op::Add:
    case Op::Sub:
      return hasConstantOperand(graph, node) ? Role::Affine : Role::Residual;
    case Op::Mul:
    case Op::Div:
      return hasConstantOperand(graph, node) ? Role::Affine : Role::Gate;
    case Op::LRN:
      return Role::Lrn;
    case Op::LayerNormalization:
      return Role::Normalisation;
    case Op::MatMul:
      return Role::MatMul;
    case Op::Softmax:
      return Role::Softmax;
    default:
      return Role::Move;
  }
}

const char* roleName(Role role) {
  static const char* const names[] = {"linear", "activation", "maxpool",       "averagepool", "residual", "gate",
                                      "affine", "lrn",        "normalisation", "matmul",      "softmax",  "move"};
  return names[static_cast<std::size_t>(role)];
}

bool Rule::fits(Role role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Rule parseRule(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const RuleInfo& info = findRule(name);
  std::map<std::string, std::string> given;
  if (colon != std::string::npos)
    given = parseKeyValues(text.substr(colon + 1), info.positional, ErrorCode::InvalidRule, "rule");
  Parameters parameters(ErrorCode::InvalidRule, std::string("rule ") + info.name, std::move(given));
  Rule rule = info.make(parameters);
  parameters.finish();
  rule.name = info.name;
  rule.text = parameters.complete(info.name);
  return rule;
}

}  // namespace relprop
