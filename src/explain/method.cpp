#include "explain/method.h"

#include <fmt/format.h>

#include "explain/procedure.h"

namespace relprop {
namespace {

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

namespace {

// Keys that every method takes, unless it gives them a meaning of its own.
void applyCommon(Method& m, Parameters& p) {
  if (!p.hasAsked("batchnorm")) {
    const std::string word = p.optional("batchnorm", "fold or pass");
    if (!word.empty() && word != "fold" && word != "pass")
      unknownName(ErrorCode::InvalidMethodParameter, "method, batchnorm", word, {"fold", "pass"});
    if (!word.empty()) m.foldBatchNorm = word == "fold";
  }
  applyNoise(m, p);
  applyFinish(m, p);
}

}  // namespace

Method parseMethod(const std::string& text) {
  const std::size_t colon = text.find(':');
  const MethodEntry& entry = findMethod(text.substr(0, colon));
  std::map<std::string, std::string> given;
  const std::string subject = std::string("method ") + entry.name;
  if (colon != std::string::npos)
    given = parseKeyValues(text.substr(colon + 1), "", ErrorCode::InvalidMethodParameter, subject);
  Parameters parameters(ErrorCode::InvalidMethodParameter, subject, std::move(given));
  Method method = entry.make(parameters);
  applyCommon(method, parameters);
  parameters.finish();
  method.text = parameters.complete(entry.name);
  return method;
}

std::vector<ParameterInfo> parametersOf(const MethodEntry& entry) {
  Parameters parameters(ErrorCode::InvalidMethodParameter, entry.name, {});
  entry.make(parameters);
  return parameters.asked();
}

std::vector<ParameterInfo> commonMethodParameters() {
  Parameters parameters(ErrorCode::InvalidMethodParameter, "method", {});
  Method none;
  applyCommon(none, parameters);
  return parameters.asked();
}

Baseline baselineOf(Parameters& p, const std::string& fallback) {
  const std::string word = p.text("baseline", fallback, "zero, black, mean or a .npy file");
  if (word == "zero") return {Baseline::Kind::Zero, ""};
  if (word == "black") return {Baseline::Kind::Black, ""};
  if (word == "mean") return {Baseline::Kind::Mean, ""};
  if (word.size() > 4 && word.ends_with(".npy")) return {Baseline::Kind::File, word};
  unknownName(ErrorCode::InvalidMethodParameter, "method, baseline", word, {"zero", "black", "mean", "FILE.npy"});
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
  m.foldBatchNorm = p.word("batchnorm", defaults.batchnorm, {"fold", "pass"}) == "fold";
  m.table.append("[residual]", residual + ":identity_skip=" + skip + (residual == "proportional" ? "," + stab : ""));
  m.table.append("[maxpool]", maxPoolRule(p, defaults.stabilizer));
  m.table.append("[averagepool]", "proportional:" + stab);
  m.table.append("[gate]", "gate");
  for (const char* role : {"[activation]", "[affine]", "[lrn]", "[normalisation]"}) m.table.append(role, "pass");
  for (const char* role : {"[matmul]", "[softmax]"}) m.table.append(role, "attention:" + stab);
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
