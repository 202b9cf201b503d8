// Rules of nodes without weights (methods: section 3 "other nodes", section 5 residual additions).
//   pools       R_i = x_i/stab(Σ_i x_i)·R_j in the window, or all to the winner
//   additions   proportional h_s/stab(h_s + h_m)·R; ratio |h_s|/(|h_s| + |h_m|)·R, half each where both are 0;
//   symmetric R/2
// [LRP-ResNet] Otsuki et al., ECCV 2024, section 3.
#include <cmath>

#include "relprop/error.h"
#include "rules/list.h"

namespace relprop {
namespace {

const std::vector<Role> kAllButLinear = {Role::Activation, Role::MaxPool, Role::AveragePool, Role::Residual, Role::Gate,
                                         Role::Affine,     Role::Lrn,     Role::Softmax,     Role::Move};

Rule residualRule(NodeRule what, Parameters& p) {
  Rule rule = nodeRule(what, {Role::Residual});
  rule.identitySkip = p.word("identity_skip", "on", {"on", "off"}) == "on";
  return rule;
}

}  // namespace

Rule passRule(Parameters&) {
  return nodeRule(NodeRule::Pass, {Role::Activation, Role::Affine, Role::Lrn, Role::Softmax});
}
Rule jacobianRule(Parameters&) {
  return nodeRule(NodeRule::Jacobian, kAllButLinear);
}
Rule winnerRule(Parameters&) {
  return nodeRule(NodeRule::Winner, {Role::MaxPool});
}
Rule gateRule(Parameters&) {
  return nodeRule(NodeRule::Gate, {Role::Gate});
}

Rule averageRule(Parameters& p) {
  Rule rule = nodeRule(NodeRule::Average, {Role::MaxPool});
  const float window = p.number("window", 0);
  if (window < 0 || window > 1024 || window != std::floor(window))
    throw Error(ErrorCode::InvalidRule, "rule average, window", std::to_string(window),
                "a whole number from 0 to 1024");
  rule.window = static_cast<int>(window);
  rule.epsilon = p.number("stabilizer", kStabiliser);
  return rule;
}

Rule proportionalRule(Parameters& p) {
  Rule rule = residualRule(NodeRule::Proportional, p);
  rule.roles = {Role::MaxPool, Role::AveragePool, Role::Residual};
  rule.epsilon = p.number("stabilizer", kStabiliser);
  return rule;
}

Rule ratioRule(Parameters& p) {
  return residualRule(NodeRule::Ratio, p);
}
Rule symmetricRule(Parameters& p) {
  return residualRule(NodeRule::Symmetric, p);
}

}  // namespace relprop
