#include "explainer/chosen_method.h"

#include "explain/methods/method_list.h"

namespace relprop {
namespace {

// Where there is no walk, rows are refused later on.
Method withUserRows(const std::string& text, const std::vector<std::string>& rows) {
  Method method = parseMethod(text);
  if (rows.empty() || !method.ofNetworks || !method.backward) return method;
  RuleTable own;
  own.prependUser(rows);
  method.usesPatterns = method.usesPatterns || own.usesPatterns();
  return method;
}

}  // namespace

Method chosenMethod(const ExplainOptions& options) {
  return withUserRows(options.method, options.rules);
}

bool usesPatterns(const std::string& method, const std::vector<std::string>& rules) {
  return withUserRows(method, rules).usesPatterns;
}

}  // namespace relprop
