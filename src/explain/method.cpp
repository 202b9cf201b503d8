#include "explain/method.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/names.h"
#include "relprop/error.h"

namespace relprop {

Method derivatives(const std::string& linear, const std::string& cut) {
  Method m;
  m.table = {{"Conv", linear}, {"Dense", linear}, {"Relu", cut}, {"Clip", cut}, {"*", "jacobian"}};
  m.seed = Seed::One;
  m.conserves = false;
  return m;
}

Method gradientOfScore() {
  return derivatives("gradient", "jacobian");
}

namespace {

// As unknownName, where beside the words a form such as "average:K" is allowed: no form is what anybody meant to write.
[[noreturn]] void unknownValue(const std::string& key, const std::string& value, std::vector<std::string> words,
                               const std::string& form) {
  const std::string near = nearest(value, words);
  words.push_back(form);
  throw Error(ErrorCode::InvalidMethodParameter, "method, " + key, "'" + value + "'", listed(words),
              near.empty() ? "" : "did you mean '" + near + "'?");
}

}  // namespace

Baseline baselineOf(Parameters& p, const std::string& fallback) {
  const std::string word = p.text("baseline", fallback, "zero, black, mean or a .npy file");
  if (word == "zero") return {Baseline::Kind::Zero, ""};
  if (word == "black") return {Baseline::Kind::Black, ""};
  if (word == "mean") return {Baseline::Kind::Mean, ""};
  if (word.size() > 4 && word.ends_with(".npy")) return {Baseline::Kind::File, word};
  unknownValue("baseline", word, {"zero", "black", "mean"}, "FILE.npy");
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
  unknownValue("maxpool", word, {"winner", "average", "proportional"}, "average:K with K from 1 to 999");
}

// residual = proportional | ratio | symmetric | gamma:γ
std::string residualRule(Parameters& p, const NodeRows& defaults, const std::string& keys) {
  const std::string word = p.text("residual", defaults.residual, "proportional, ratio, symmetric or gamma:G");
  if (word == "ratio" || word == "symmetric") return word + ":" + keys;
  if (word == "proportional") return fmt::format("{}:{},stabilizer={}", word, keys, defaults.stabilizer);
  const std::string number = word.rfind("gamma:", 0) == 0 ? word.substr(6) : "";
  const bool digits = !number.empty() && number.size() < 12 &&
                      number.find_first_not_of("0123456789.") == std::string::npos &&
                      std::count(number.begin(), number.end(), '.') <= 1 && number != ".";
  if (digits) return "residual-gamma:gamma=" + number + "," + keys;
  unknownValue("residual", word, {"proportional", "ratio", "symmetric"}, "gamma:G with G from 0 on");
}

}  // namespace

void appendNodeRows(Method& m, Parameters& p, const NodeRows& defaults) {
  const std::string keys = "identity_skip=" + p.word("identity_skip", "on", {"on", "off"});
  const std::string stab = fmt::format("stabilizer={}", defaults.stabilizer);
  m.foldBatchNorm = p.word("batchnorm", defaults.batchnorm, {"fold", "pass"}) == "fold";
  m.table.append("[residual]", residualRule(p, defaults, keys));
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
