// The vector-Jacobian walk (Simonyan et al. 2014) and its relatives, which change what happens at activations or
// weights: guided backpropagation (Springenberg et al. 2015), deconvolution (Zeiler & Fergus 2014), DeepLIFT's rescale
// rule (Shrikumar et al. 2017), PatternNet and PatternAttribution (Kindermans et al. 2018).
#include "explain/methods/method_list.h"

namespace relprop {
namespace {

Method seeded(Parameters& p, const std::string& linear, const std::string& relu, const std::string& seed) {
  Method m = derivatives(linear, relu);
  m.seed = seedOf(p, seed);
  return m;
}

Method throughPatterns(Parameters& p, const std::string& rule) {
  Method m = seeded(p, rule, "jacobian", "logit");
  m.usesPatterns = true;
  return m;
}

}  // namespace

Method gradient(Parameters& p) {
  Method m = seeded(p, "gradient", "jacobian", "one");
  m.bag = BagWay{.derivative = true};
  return m;
}

Method inputTimesGradient(Parameters& p) {
  Method m = seeded(p, "gradient", "jacobian", "one");
  m.times = Multiply::Input;
  return m;
}

Method sensitivity(Parameters& p) {
  Method m = gradient(p);
  m.finish = {{Finish::Kind::Square}};
  return m;
}

Method guidedBackprop(Parameters& p) {
  return seeded(p, "gradient", "guided", "one");
}

Method deconvnet(Parameters& p) {
  return seeded(p, "gradient", "deconv", "one");
}

Method deepLift(Parameters& p) {
  Method m;
  m.table = {
      {"Conv", "gradient"},       {"Dense", "gradient"},         {"[activation]", "rescale"}, {"[maxpool]", "rescale"},
      {"[gate]", "rescale"},      {"[lrn]", "rescale"},          {"Div", "rescale"},          {"[affine]", "jacobian"},
      {"[residual]", "jacobian"}, {"[averagepool]", "jacobian"}, {"[move]", "jacobian"}};
  m.seed = Seed::One;
  m.baseline = baselineOf(p, "zero");
  m.comparesWithBaseline = true;
  m.times = Multiply::DifferenceToBaseline;
  m.conserves = false;
  return m;
}

Method patternNet(Parameters& p) {
  return throughPatterns(p, "pattern");
}

Method patternAttribution(Parameters& p) {
  return throughPatterns(p, "pattern-attribution");
}

}  // namespace relprop
