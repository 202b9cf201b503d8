// Every rule there is. To add one: a file with its formula, a line here and in list.cpp, a test.
#pragma once

#include "rules/rule.h"

namespace relprop {

Rule epsilonRule(Parameters& p);
Rule zplusRule(Parameters& p);
Rule alphaBetaRule(Parameters& p);
Rule contrastRule(Parameters& p);
Rule gammaRule(Parameters& p);
Rule zboxRule(Parameters& p);
Rule wplusRule(Parameters& p);
Rule onesRule(Parameters& p);
Rule patternRule(Parameters& p);
Rule patternAttributionRule(Parameters& p);
Rule wsquareRule(Parameters& p);
Rule flatRule(Parameters& p);
Rule gradientRule(Parameters& p);
Rule rapRule(Parameters& p);
Rule rapSignedRule(Parameters& p);
Rule rapTopRule(Parameters& p);
Rule rapSummaryRule(Parameters& p);
Rule rapSummaryTopRule(Parameters& p);
Rule passRule(Parameters& p);
Rule jacobianRule(Parameters& p);
Rule winnerRule(Parameters& p);
Rule averageRule(Parameters& p);
Rule proportionalRule(Parameters& p);
Rule ratioRule(Parameters& p);
Rule symmetricRule(Parameters& p);
Rule residualGammaRule(Parameters& p);
Rule gateRule(Parameters& p);
Rule attentionRule(Parameters& p);
Rule guidedRule(Parameters& p);
Rule deconvRule(Parameters& p);
Rule smoothRule(Parameters& p);
Rule rescaleRule(Parameters& p);

// Rule objects of the two kinds, for the files above.
Rule linearRule(LinearRule terms);
Rule nodeRule(NodeRule what, std::vector<Role> roles);
BiasMode biasMode(Parameters& p);  // key bias: keep | drop | spread
// P_j = Σ (x⁺w⁺ + x⁻w⁻) and N_j = Σ (x⁺w⁻ + x⁻w⁺), with the bias part named.
std::vector<Term> positiveTerms(BiasPart bias, float sign = 1);
std::vector<Term> negativeTerms(BiasPart bias, float sign = 1);
inline constexpr float kStabiliser = 1e-6f;
// Stabilisers and γ are from 0 to this: below 0 a denominator passes through 0, and float32's end stays far.
inline constexpr float kLargestParameter = 1e6f;
float stabiliserOf(Parameters& p, const std::string& key = "stabilizer", float fallback = kStabiliser);
float gammaOf(Parameters& p, float fallback = 0.25f);

}  // namespace relprop
