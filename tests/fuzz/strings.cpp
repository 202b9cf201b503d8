// What people type: methods, rules, rows of rules, metrics, targets, names.
#include "explain/methods/method_list.h"
#include "fuzz/harness.h"
#include "relprop/choices.h"
#include "relprop/metrics.h"
#include "relprop/question.h"
#include "relprop/text.h"
#include "rules/table.h"

namespace relprop::fuzz {
namespace {

const Harness stringsHarness("strings", [](Bytes bytes) {
  const std::string text = textOf(bytes);
  expectResultOrError([&] { parseMethod(parseMethod(text).text); });
  expectResultOrError([&] { parseRule(parseRule(text).text); });
  expectResultOrError([&] { RuleTable().prependUser({text}); });
  expectResultOrError([&] { completeProtocol(completeProtocol(text)); });
  expectResultOrError([&] { chooseTargets({.targets = {text}}, {"cat", "dog", "dogfish"}, 3); });
  expectResultOrError([&] { chooseTargets({.targets = {}, .contrast = text, .from = text, .at = {}}, {}, -1); });
  expectResultOrError([&] { layoutFromName(text); });
  expectResultOrError([&] { viewFromName(text); });
  globMatches(text.substr(0, 40), text.substr(0, 200));
  if (visibleText(text).find('\x1b') != std::string::npos) std::abort();
  validUtf8(text);
});

}  // namespace
}  // namespace relprop::fuzz
