#include "rules/rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/names.h"
#include "graph/op_traits.h"
#include "relprop/error.h"
#include "rules/list.h"

namespace relprop {
namespace {

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
  switch (traitsOf(node.op).kind) {
    case OpKind::Linear:
      return Role::Linear;
    case OpKind::Activation:
      return Role::Activation;
    case OpKind::Sum:
      return hasConstantOperand(graph, node) ? Role::Affine : Role::Residual;
    case OpKind::Product:
      return hasConstantOperand(graph, node) ? Role::Affine : Role::Gate;
    case OpKind::Affine:
      return Role::Affine;
    case OpKind::MaxPool:
      return Role::MaxPool;
    case OpKind::AveragePool:
      return Role::AveragePool;
    case OpKind::LocalResponse:
      return Role::Lrn;
    case OpKind::LayerNorm:
      return Role::Normalisation;
    case OpKind::MatMul:
      return Role::MatMul;
    case OpKind::Softmax:
      return Role::Softmax;
    case OpKind::Move:
    case OpKind::Reshape:
    case OpKind::Resize:
    case OpKind::Choice:
    case OpKind::Comparison:
      return Role::Move;
    case OpKind::Rewritten:
    case OpKind::Unsaid:
      break;
  }
  throw Error(ErrorCode::Internal, node.name, std::string(opName(node.op)) + " in a canonical graph");
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
