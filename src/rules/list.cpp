#include "rules/list.h"

namespace relprop {

const std::vector<RuleInfo>& ruleList() {
  static const std::vector<RuleInfo> rules = {
      {"epsilon", "epsilon", "linear: z_ij/(z_j + ε·sign z_j); 0 for the plain rule", epsilonRule},
      {"zplus", "stabilizer", "linear: positive contributions only (α1β0)", zplusRule},
      {"alphabeta", "alpha", "linear: α·positive − β·negative contributions", alphaBetaRule},
      {"contrast", "stabilizer", "linear: positive less negative contributions, each as shares", contrastRule},
      {"gamma", "gamma", "linear: positive contributions favoured by γ", gammaRule},
      {"zbox", "bounds", "linear: inputs within bounds (first layer)", zboxRule},
      {"wsquare", "stabilizer", "linear: in proportion to w²", wsquareRule},
      {"wplus", "stabilizer", "linear: positive weights only, no bias (LRP for ResNets)", wplusRule},
      {"ones", "stabilizer", "linear: positive weights, as if every input were 1", onesRule},
      {"pattern", "", "linear: Aᵀ R with the patterns A (PatternNet)", patternRule},
      {"pattern-attribution", "", "linear: (W ⊙ A)ᵀ R (PatternAttribution)", patternAttributionRule},
      {"flat", "stabilizer", "linear: equally to all inputs", flatRule},
      {"gradient", "", "linear: Wᵀ R", gradientRule},
      {"rap", "", "linear: relative attributing propagation", rapRule},
      {"rap-signed", "", "linear: RAP, negative relevance to negative contributions", rapSignedRule},
      {"rap-top", "", "linear: RAP's first step, absolute influence normalisation", rapTopRule},
      {"rap-summary", "stabilizer", "linear: RAP's summary form, R⁺ over z⁺ and R⁻ over z⁻", rapSummaryRule},
      {"rap-summary-top", "", "linear: shares |z|/Σ|z| and uniform correction", rapSummaryTopRule},
      {"pass", "", "any shape-preserving node but a linear one: R unchanged", passRule},
      {"jacobian", "", "any node but a linear one: vector-Jacobian product", jacobianRule},
      {"winner", "", "max pool: all to the maximum", winnerRule},
      {"average", "window", "max pool: as an average pool of the same (or a given) window", averageRule},
      {"proportional", "stabilizer", "pools: x_i/Σx; additions, also of constants: h/(h_s + h_m)", proportionalRule},
      {"ratio", "", "additions: |h|/(|h_s| + |h_m|)", ratioRule},
      {"symmetric", "", "additions: half each", symmetricRule},
      {"residual-gamma", "gamma", "additions: c/(c_s + c_m), c = h, 1 + gamma times where its sign is the sum's",
       residualGammaRule},
      {"gate", "", "products of two values: all to the gated signal", gateRule},
      {"attention", "stabilizer", "products of computed matrices: half to each; softmax: x(R - s*sum R)",
       attentionRule},
      {"guided", "", "activations: the positive part of R times the derivative", guidedRule},
      {"deconv", "", "activations: the positive part of R", deconvRule},
      {"smooth", "beta", "ReLU, Clip: the derivative of softplus with beta; others: their own", smoothRule},
      {"rescale", "", "DeepLIFT: the change of the output over the change of the input", rescaleRule}};
  return rules;
}

float stabiliserOf(Parameters& p, const std::string& key, float fallback) {
  return p.numberFrom(key, fallback, 0, kLargestParameter);
}

float gammaOf(Parameters& p, float fallback) {
  return p.numberFrom("gamma", fallback, 0, kLargestParameter);
}

Rule linearRule(LinearRule terms) {
  Rule rule;
  rule.linear = true;
  rule.roles = {Role::Linear};
  rule.terms = std::move(terms);
  return rule;
}

Rule nodeRule(NodeRule what, std::vector<Role> roles) {
  Rule rule;
  rule.node = what;
  rule.roles = std::move(roles);
  return rule;
}

BiasMode biasMode(Parameters& p) {
  const std::string word = p.word("bias", "keep", {"keep", "drop", "spread"});
  return word == "keep" ? BiasMode::Keep : word == "drop" ? BiasMode::Drop : BiasMode::Spread;
}

std::vector<Term> positiveTerms(BiasPart bias, float sign) {
  return {{InputPart::Pos, WeightPart::Pos, bias, sign}, {InputPart::Neg, WeightPart::Neg, BiasPart::None, sign}};
}

std::vector<Term> negativeTerms(BiasPart bias, float sign) {
  return {{InputPart::Pos, WeightPart::Neg, bias, sign}, {InputPart::Neg, WeightPart::Pos, BiasPart::None, sign}};
}

}  // namespace relprop
