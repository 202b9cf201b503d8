#include "explain/methods/method_list.h"
#include "explain/procedure.h"
#include "kernels/backend.h"
#include "relprop/explain.h"

#ifndef RELPROP_VERSION
#define RELPROP_VERSION "unknown"
#endif

namespace relprop {

std::vector<MethodInfo> methods() {
  std::vector<MethodInfo> all;
  for (const MethodEntry& e : methodList()) {
    const Method method = parseMethod(e.name);
    MethodInfo info{e.name,
                    e.summary,
                    e.citation,
                    {},
                    method.ofNetworks,
                    method.bag.has_value(),
                    method.readsAttention != ReadAttention::None};
    for (const ParameterInfo& p : parametersOf(e))
      info.parameters.emplace_back(p.key, p.fallback + " (" + p.choices + ")");
    all.push_back(std::move(info));
  }
  return all;
}

std::string completeMethod(const std::string& method) {
  return parseMethod(method).text;
}

bool runsManyInputs(const std::string& method) {
  return parseMethod(method).procedure->runsManyInputs();
}

std::vector<std::pair<std::string, std::string>> commonParameters() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const ParameterInfo& p : commonMethodParameters()) all.emplace_back(p.key, p.choices);
  return all;
}

std::string version() {
  return RELPROP_VERSION;
}

std::map<std::string, std::string> versions() {
  std::map<std::string, std::string> all = backendLibraries();
  all.emplace("relprop", version());
  return all;
}

}  // namespace relprop
