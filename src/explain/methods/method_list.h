// Every method there is, by name, and the families' functions that make them.
#pragma once

#include "explain/method.h"
#include "rules/list.h"

namespace relprop {

struct MethodEntry {
  const char* name;
  const char* summary;
  const char* citation;
  Method (*make)(Parameters&);
};

// Every method there is. To add one: a function in a family's file and a line in method_list.cpp.
const std::vector<MethodEntry>& methodList();
// "name:key=value,…". Throws UnknownMethod, InvalidMethodParameter.
Method parseMethod(const std::string& text);
std::vector<ParameterInfo> parametersOf(const MethodEntry& entry);
// Parameters that every method takes: noise, samples, rng, shifts, shift, beta_smooth, sign,
// normalize, batchnorm. They are part of the text only
// when given.
std::vector<ParameterInfo> commonMethodParameters();

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
Method lrpResnet(Parameters& p);
Method attnLrp(Parameters& p);
Method rap(Parameters& p);
Method rapSigned(Parameters& p);
Method rapSummary(Parameters& p);
Method bowLrp(Parameters& p);
Method gradient(Parameters& p);
Method inputTimesGradient(Parameters& p);
Method sensitivity(Parameters& p);
Method guidedBackprop(Parameters& p);
Method deconvnet(Parameters& p);
Method deepLift(Parameters& p);
Method patternNet(Parameters& p);
Method patternAttribution(Parameters& p);

}  // namespace relprop
