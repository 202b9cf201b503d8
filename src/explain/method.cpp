#include "explain/method.h"

#include <fmt/format.h>

namespace relprop {
namespace {

const char* const kLrp = "Bach et al., PLOS ONE 2015";
const char* const kOverview = "Montavon et al., LRP: an overview, 2019";
const char* const kRap = "Nam et al., AAAI 2020, arXiv:1904.00605";

std::vector<std::string> methodNames() {
  std::vector<std::string> names;
  for (const MethodEntry& e : methodList()) names.emplace_back(e.name);
  return names;
}

const MethodEntry& findMethod(const std::string& name) {
  const std::string known = name == "gradient*input" ? "input-x-gradient" : name;
  for (const MethodEntry& e : methodList())
    if (known == e.name) return e;
  unknownName(ErrorCode::UnknownMethod, "method", name, methodNames());
}

}  // namespace

const std::vector<MethodEntry>& methodList() {
  static const std::vector<MethodEntry> methods = {
      {"rap", "relative attributing propagation: relevant and irrelevant parts, conserving", kRap, rap},
      {"rap-signed", "RAP with negative relevance sent to negative contributions", kRap, rapSigned},
      {"rap-summary", "RAP's summary form: R+ over z+, R- over z-", kRap, rapSummary},
      {"lrp-0", "LRP without stabiliser", kLrp, lrp0},
      {"lrp-epsilon", "LRP-epsilon everywhere", kLrp, lrpEpsilon},
      {"lrp-zplus", "positive contributions everywhere (alpha 1, beta 0)", "Montavon et al., Pattern Recognition 2017",
       lrpZplus},
      {"lrp-alpha1beta0", "LRP alpha 1, beta 0 everywhere", kLrp, lrpAlpha1Beta0},
      {"lrp-alpha2beta1", "LRP alpha 2, beta 1 everywhere", kLrp, lrpAlpha2Beta1},
      {"lrp-gamma", "LRP-gamma everywhere", kOverview, lrpGamma},
      {"epsilon-plus", "epsilon for dense, z+ for convolutions", kOverview, epsilonPlus},
      {"epsilon-plus-flat", "epsilon-plus with flat first layer", kOverview, epsilonPlusFlat},
      {"epsilon-alpha2beta1", "epsilon for dense, alpha 2 beta 1 for convolutions", kOverview, epsilonAlpha2Beta1},
      {"epsilon-alpha2beta1-flat", "epsilon-alpha2beta1 with flat first layer", kOverview, epsilonAlpha2Beta1Flat},
      {"epsilon-gamma-box", "epsilon for dense, gamma for convolutions, z^B first", kOverview, epsilonGammaBox},
      {"deep-taylor", "z+ everywhere, z^B for pixels (first=wsquare for unbounded inputs)",
       "Montavon et al., Pattern Recognition 2017, arXiv:1512.02479", deepTaylor},
      {"gradient", "derivative of the score by the input", "Simonyan et al., ICLR workshop 2014, arXiv:1312.6034",
       gradient},
      {"input-x-gradient", "input times gradient", "Shrikumar et al., 2016, arXiv:1605.01713", inputTimesGradient}};
  return methods;
}

Method parseMethod(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const MethodEntry& entry = findMethod(name);
  std::map<std::string, std::string> given;
  const std::string subject = "method " + name;
  if (colon != std::string::npos)
    given = parseKeyValues(text.substr(colon + 1), "", ErrorCode::InvalidMethodParameter, subject);
  Parameters parameters(ErrorCode::InvalidMethodParameter, subject, std::move(given));
  Method method = entry.make(parameters);
  parameters.finish();
  method.text = parameters.complete(entry.name);
  return method;
}

std::vector<ParameterInfo> parametersOf(const MethodEntry& entry) {
  Parameters parameters(ErrorCode::InvalidMethodParameter, entry.name, {});
  entry.make(parameters);
  return parameters.asked();
}

Seed seedOf(Parameters& p, const std::string& fallback) {
  const std::string word = p.word("seed", fallback, {"logit", "one", "probability"});
  return word == "logit" ? Seed::Logit : word == "one" ? Seed::One : Seed::Probability;
}

namespace {

// maxpool = winner | average | average:K | proportional
std::string maxPoolRule(Parameters& p, float stabilizer) {
  const std::string word = p.text("maxpool", "winner", "winner, average, average:K or proportional");
  if (word == "winner") return word;
  const std::string stab = fmt::format("stabilizer={}", stabilizer);
  if (word == "average" || word == "proportional") return word + ":" + stab;
  const bool window = word.rfind("average:", 0) == 0 && word.size() > 8 && word.size() < 12 &&
                      word.find_first_not_of("0123456789", 8) == std::string::npos && word != "average:0";
  if (window) return "average:window=" + word.substr(8) + "," + stab;
  unknownName(ErrorCode::InvalidMethodParameter, "method, maxpool", word,
              {"winner", "average", "average:K", "proportional"});
}

}  // namespace

void appendNodeRows(Method& m, Parameters& p, const NodeRows& defaults) {
  const std::string residual = p.word("residual", defaults.residual, {"proportional", "ratio", "symmetric"});
  const std::string skip = p.word("identity_skip", "on", {"on", "off"});
  const std::string stab = fmt::format("stabilizer={}", defaults.stabilizer);
  m.foldBatchNorm = p.word("batchnorm", "fold", {"fold", "pass"}) == "fold";
  m.table.append("[residual]", residual + ":identity_skip=" + skip + (residual == "proportional" ? "," + stab : ""));
  m.table.append("[maxpool]", maxPoolRule(p, defaults.stabilizer));
  m.table.append("[averagepool]", "proportional:" + stab);
  m.table.append("[gate]", "gate");
  for (const char* role : {"[activation]", "[affine]", "[lrn]"}) m.table.append(role, "pass");
  m.table.append("[move]", "jacobian");
}

void prependFirstRow(Method& m, Parameters& p, const std::string& fallback, const std::string& bounds, float stabilizer,
                     const std::string& bias) {
  const std::string first = p.word("first", fallback, {"zbox", "flat", "wsquare", "none"});
  const std::string where = p.word("bounds", bounds, {"image", "range"});
  const std::string stab = fmt::format("stabilizer={}", stabilizer);
  if (first == "none") return;
  std::string rule = first + ":" + stab;
  if (first == "zbox") rule += ",bounds=" + where;
  if (first == "wsquare" && !bias.empty()) rule += "," + bias;  // the others have no bias in their denominators
  m.table.prepend("first", rule);
}

}  // namespace relprop
