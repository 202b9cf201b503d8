// The LRP family and deep Taylor decomposition: presets are tables of rows.
#include <fmt/format.h>

#include "explain/methods/method_list.h"

namespace relprop {
namespace {

std::string biasOf(Parameters& p) {
  return "bias=" + p.word("bias", "keep", {"keep", "drop", "spread"});
}

std::string zplus(float stabilizer) {
  return fmt::format("zplus:stabilizer={}", stabilizer);
}

std::string alphaBeta(float alpha, float beta, float stabilizer) {
  return fmt::format("alphabeta:alpha={},beta={},stabilizer={}", alpha, beta, stabilizer);
}

std::string epsilonOf(Parameters& p) {
  return fmt::format("epsilon:epsilon={}", stabiliserOf(p, "epsilon"));
}

// conv, dense: rules without the bias parameter, which they share.
Method preset(Parameters& p, const std::string& conv, const std::string& dense, float stabilizer,
              const std::string& first = "none") {
  Method m;
  const std::string bias = biasOf(p);
  m.table.append("Conv", conv + "," + bias);
  m.table.append("Dense", dense + "," + bias);
  appendNodeRows(m, p, {"proportional", stabilizer});
  prependFirstRow(m, p, first, "range", stabilizer, bias);
  m.seed = seedOf(p, "logit");
  return m;
}

Method everywhere(Parameters& p, const std::string& rule, float stabilizer, const std::string& first = "none") {
  return preset(p, rule, rule, stabilizer, first);
}

}  // namespace

// The epsilon rule at every linear map, and so at a BatchNormalization that stays: s·x/(s·x + b)·R. Relevance that it
// passed unchanged would no longer be a multiple of the output of the layer before, which divides by it. Without a bias
// in the denominator, or with its share given back, that is R itself.
Method epsilonEverywhere(Parameters& p, float epsilon) {
  Method m = everywhere(p, fmt::format("epsilon:epsilon={}", epsilon), stabiliserOf(p));
  if (m.foldBatchNorm && biasOf(p) == "bias=keep")
    m.table.prepend("Affine", fmt::format("proportional:stabilizer={}", epsilon));
  return m;
}

Method lrp0(Parameters& p) {
  return epsilonEverywhere(p, 0);
}

Method lrpEpsilon(Parameters& p) {
  return epsilonEverywhere(p, stabiliserOf(p, "epsilon"));
}

Method lrpZplus(Parameters& p) {
  const float stab = stabiliserOf(p);
  return everywhere(p, zplus(stab), stab);
}

Method lrpAlpha1Beta0(Parameters& p) {
  return lrpZplus(p);
}

Method lrpAlpha2Beta1(Parameters& p) {
  const float stab = stabiliserOf(p), alpha = p.number("alpha", 2), beta = p.number("beta", alpha - 1);
  return everywhere(p, alphaBeta(alpha, beta, stab), stab);
}

Method lrpGamma(Parameters& p) {
  const float gamma = gammaOf(p), stab = stabiliserOf(p);
  return everywhere(p, fmt::format("gamma:gamma={}", gamma), stab);
}

Method epsilonPlus(Parameters& p) {
  const float stab = stabiliserOf(p);
  return preset(p, zplus(stab), epsilonOf(p), stab);
}

Method epsilonPlusFlat(Parameters& p) {
  const float stab = stabiliserOf(p);
  return preset(p, zplus(stab), epsilonOf(p), stab, "flat");
}

Method epsilonAlpha2Beta1(Parameters& p) {
  const float stab = stabiliserOf(p);
  return preset(p, alphaBeta(2, 1, stab), epsilonOf(p), stab);
}

Method epsilonAlpha2Beta1Flat(Parameters& p) {
  const float stab = stabiliserOf(p);
  return preset(p, alphaBeta(2, 1, stab), epsilonOf(p), stab, "flat");
}

Method epsilonGammaBox(Parameters& p) {
  const float stab = stabiliserOf(p), gamma = gammaOf(p);
  return preset(p, fmt::format("gamma:gamma={}", gamma), epsilonOf(p), stab, "zbox");
}

// [LRP-ResNet] Otsuki et al., ECCV 2024, section 3 and the ablation of table 2 (residual, identity_skip).
Method lrpResnet(Parameters& p) {
  Method m;
  const float stab = stabiliserOf(p, "stabilizer", 1e-5f);
  const std::string key = fmt::format(":stabilizer={}", stab);
  m.table.append("first", "ones" + key);
  m.table.append("Conv", "wplus" + key);
  m.table.append("Dense", "wplus" + key);
  appendNodeRows(m, p, {"ratio", stab, "pass"});
  m.needsBatchNorm = true;
  m.seed = seedOf(p, "probability");
  const int levels = p.whole("quantize", 8, 0, 65536);
  if (levels == 1)
    throw Error(ErrorCode::InvalidMethodParameter, "method lrp-resnet, quantize", "1", "0 (off), or at least 2 levels");
  if (levels > 0) m.finish = {{Finish::Kind::SumChannels}, {Finish::Kind::Quantise, levels}};
  return m;
}

Method deepTaylor(Parameters& p) {
  const float stab = stabiliserOf(p);
  return everywhere(p, zplus(stab), stab, "zbox");
}

}  // namespace relprop
