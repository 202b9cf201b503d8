#include <fmt/format.h>

#include "core/names.h"
#include "explain/finish.h"
#include "explain/methods/method_list.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

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
  if (name.find(',') != name.npos)
    throw Error(ErrorCode::UnknownMethod, "method", "'" + name + "'", "one method",
                "give each by itself; the program takes a list with commas as --methods");
  unknownName(ErrorCode::UnknownMethod, "method", name, methodNames());
}

// beta_smooth=β: softplus' derivative where the method takes that of ReLU.
void applySmoothing(Method& m, Parameters& p) {
  const std::string beta =
      p.optional("beta_smooth", "of methods by gradients: ReLU's derivative is softplus' with this β");
  if (beta.empty()) return;
  const float value = p.number("beta_smooth", 10);
  if (!(value > 0 && value <= 1e6f))
    throw Error(ErrorCode::InvalidMethodParameter, "method, beta_smooth", "'" + beta + "'",
                "a number above 0, at most 1000000");
  Node relu;
  relu.op = Op::Relu;
  NodeFacts facts;
  facts.node = &relu, facts.role = Role::Activation;
  const Rule* rule = m.backward ? m.table.find(facts) : nullptr;
  if (!rule || rule->node != NodeRule::Jacobian)
    throw Error(ErrorCode::InvalidMethodParameter, "method, beta_smooth", "a method that takes no derivative of ReLU",
                "a method by gradients", "such as gradient, input-x-gradient, integrated-gradients or grad-cam");
  for (const char* op : {"Clip", "Relu"}) m.table.prepend(op, fmt::format("smooth:beta={}", value));
}

// Keys that every method takes, unless it gives them a meaning of its own.
void applyCommon(Method& m, Parameters& p) {
  if (!p.hasAsked("batchnorm")) {
    const std::string word = p.optional("batchnorm", "fold or pass");
    if (!word.empty() && word != "fold" && word != "pass")
      unknownName(ErrorCode::InvalidMethodParameter, "method, batchnorm", word, {"fold", "pass"});
    if (!word.empty()) m.foldBatchNorm = word == "fold";
  }
  applySmoothing(m, p);
  applyNoise(m, p);
  applyShifts(m, p);
  applyFinish(m, p);
}

}  // namespace

Method parseMethod(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const MethodEntry& entry = findMethod(name);
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

}  // namespace relprop
