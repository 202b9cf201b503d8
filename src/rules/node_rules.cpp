// Rules of nodes without weights (methods: section 3 "other nodes", section 5 residual additions).
//   pools       R_i = (x_i/n)/stab(z_j)·R_j, z_j the mean of the n values in the window, or all to the winner
//   additions   proportional h_s/stab(h_s + h_m)·R; ratio |h_s|/(|h_s| + |h_m|)·R, half each where both are 0;
//   symmetric R/2; residual-gamma c_s/(c_s + c_m)·R, c = h·(1 + γ·[h·(h_s + h_m) > 0]): the branch whose sign is that
//   of the sum weighs more proportional at sums with a constant and at LayerNormalization: x_i's part of the output
//   over the output, R; the deviation counts as a constant
// [LRP-ResNet] Otsuki et al., ECCV 2024, section 3; residual-gamma: [ResLRP] 2026.
#include <fmt/format.h>

#include <cmath>

#include "relprop/error.h"
#include "rules/list.h"

namespace relprop {
namespace {

const std::vector<Role> kAllButLinear = {Role::Activation, Role::MaxPool, Role::AveragePool, Role::Residual,
                                         Role::Gate,       Role::Affine,  Role::Lrn,         Role::Normalisation,
                                         Role::MatMul,     Role::Softmax, Role::Move};

Rule residualRule(NodeRule what, Parameters& p) {
  Rule rule = nodeRule(what, {Role::Residual});
  rule.identitySkip = p.word("identity_skip", "on", {"on", "off"}) == "on";
  return rule;
}

}  // namespace

Rule passRule(Parameters&) {
  return nodeRule(NodeRule::Pass, {Role::Activation, Role::Affine, Role::Lrn, Role::Normalisation, Role::Softmax});
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

// Guided backpropagation, [GBP] Springenberg et al. 2015: R⁺ where x > 0. Deconvolution, [DN] Zeiler & Fergus 2014: R⁺.
Rule guidedRule(Parameters&) {
  return nodeRule(NodeRule::Guided, {Role::Activation});
}
Rule deconvRule(Parameters&) {
  return nodeRule(NodeRule::Deconv, {Role::Activation});
}
// [BETA] Dombrowski et al., NeurIPS 2019, section 5: the derivative of log(1 + exp(βx))/β, 1/(1 + exp(−βx)), in place
// of that of ReLU, which it becomes as β grows.
Rule smoothRule(Parameters& p) {
  constexpr float kMost = 1e6f;
  Rule rule = nodeRule(NodeRule::Smooth, {Role::Activation});
  rule.beta = p.number("beta", 10);
  if (!(rule.beta > 0 && rule.beta <= kMost))
    throw Error(ErrorCode::InvalidRule, "rule smooth, beta", fmt::to_string(rule.beta),
                "a number above 0, at most 1000000");
  return rule;
}
// [DL] Shrikumar et al. 2017: Δy/Δx, with Δ the difference to the baseline.
Rule rescaleRule(Parameters&) {
  return nodeRule(NodeRule::Rescale, {Role::Activation, Role::MaxPool, Role::Gate, Role::Lrn, Role::Affine});
}

// [AttnLRP] Achtibat et al. 2024, section 3.3: O = A·B gives A ⊙ (R/stab(2·O))·Bᵀ to A and the like to B; a softmax
// x_i·(R_i − s_i·ΣR), s its output.
Rule attentionRule(Parameters& p) {
  Rule rule = nodeRule(NodeRule::Attention, {Role::MatMul, Role::Softmax});
  rule.epsilon = stabiliserOf(p);
  return rule;
}

Rule averageRule(Parameters& p) {
  Rule rule = nodeRule(NodeRule::Average, {Role::MaxPool});
  const float window = p.number("window", 0);
  if (window < 0 || window > 1024 || window != std::floor(window))
    throw Error(ErrorCode::InvalidRule, "rule average, window", fmt::to_string(window),
                "a whole number from 0 to 1024");
  rule.window = static_cast<int>(window);
  rule.epsilon = stabiliserOf(p);
  return rule;
}

Rule proportionalRule(Parameters& p) {
  Rule rule = residualRule(NodeRule::Proportional, p);
  rule.roles = {Role::MaxPool, Role::AveragePool, Role::Residual, Role::Affine, Role::Normalisation};
  rule.epsilon = stabiliserOf(p);
  return rule;
}

Rule ratioRule(Parameters& p) {
  return residualRule(NodeRule::Ratio, p);
}
Rule residualGammaRule(Parameters& p) {
  Rule rule = residualRule(NodeRule::Agreeing, p);
  rule.gamma = gammaOf(p);
  return rule;
}
Rule symmetricRule(Parameters& p) {
  return residualRule(NodeRule::Symmetric, p);
}

}  // namespace relprop
