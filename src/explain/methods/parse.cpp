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
  unknownName(ErrorCode::UnknownMethod, "method", name, methodNames());
}

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
