// The families' methods, for method_list.cpp.
#pragma once

#include "explain/method.h"

namespace relprop {

// The walk of `gradient` without its parameters, for methods that are about the score itself.
Method gradientOfScore();

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
Method gradient(Parameters& p);
Method inputTimesGradient(Parameters& p);
Method sensitivity(Parameters& p);
Method guidedBackprop(Parameters& p);
Method deconvnet(Parameters& p);
Method deepLift(Parameters& p);
Method patternNet(Parameters& p);
Method patternAttribution(Parameters& p);
Method taylor(Parameters& p);
Method integratedGradients(Parameters& p);
Method smoothGrad(Parameters& p);
Method varGrad(Parameters& p);
Method gradientShap(Parameters& p);
Method gradCam(Parameters& p);
Method gradCamPlusPlus(Parameters& p);
Method layerCam(Parameters& p);
Method scoreCam(Parameters& p);
Method occlusion(Parameters& p);
Method rise(Parameters& p);

}  // namespace relprop
