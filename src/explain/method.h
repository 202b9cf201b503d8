// Methods: a name with parameters becomes a rule table, a seed and what is done with the result.
#pragma once

#include <string>
#include <vector>

#include "rules/table.h"

namespace relprop {

enum class Seed { Logit, One, Probability };

struct Method {
  std::string text;  // complete: every parameter with its value
  RuleTable table;
  Seed seed = Seed::Logit;
  bool foldBatchNorm = true;
  bool timesInput = false;  // the result times the input
  bool conserves = true;    // relevance is a share of the seed, so sums mean something
};

struct MethodEntry {
  const char* name;
  const char* summary;
  const char* citation;
  Method (*make)(Parameters&);
};

// Every method there is. To add one: a function in a family's file and a line in method.cpp.
const std::vector<MethodEntry>& methodList();
// "name:key=value,…". Throws UnknownMethod, InvalidMethodParameter.
Method parseMethod(const std::string& text);
std::vector<ParameterInfo> parametersOf(const MethodEntry& entry);

// Families.
Method lrp0(Parameters& p);
Method lrpEpsilon(Parameters& p);
Method lrpZplus(Parameters& p);
Method lrpAlpha2Beta1(Parameters& p);
Method lrpAlpha1Beta0(Parameters& p);
Method lrpGamma(Parameters& p);
Method epsilonPlus(Parameters& p);
Method epsilonPlusFlat(Parameters& p);
Method epsilonAlpha2Beta1(Parameters& p);
Method epsilonAlpha2Beta1Flat(Parameters& p);
Method epsilonGammaBox(Parameters& p);
Method deepTaylor(Parameters& p);
Method rap(Parameters& p);
Method rapSigned(Parameters& p);
Method rapSummary(Parameters& p);
Method gradient(Parameters& p);
Method inputTimesGradient(Parameters& p);

// Shared parameters.
Seed seedOf(Parameters& p, const std::string& fallback);
struct NodeRows {
  std::string residual = "proportional";
  float stabilizer = 1e-6f;  // 0: safe division
};
// Rows for everything without weights, from the keys residual, identity_skip, maxpool and batchnorm.
void appendNodeRows(Method& m, Parameters& p, const NodeRows& defaults);
// Row for the first layer, from the keys first and bounds; the preset's own when first is not given. bias: "bias=…" or
// "".
void prependFirstRow(Method& m, Parameters& p, const std::string& fallback, const std::string& bounds, float stabilizer,
                     const std::string& bias);

}  // namespace relprop
