#include "ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "group.h"
#include "interrupt.h"
#include "method_set.h"
#include "relprop/error.h"
#include "table.h"

namespace relprop::cli {
namespace {

MethodSet::Network networkOf(const LedgerArguments& arguments, const Model& model, const std::vector<Input>& inputs,
                             Console& console) {
  MethodSet::Network network{model, arguments.network, {}, chosenPreprocess(model, arguments.network), {}, {}};
  Shape tensor = arguments.network.shape.empty() ? tensorShape(inputs) : Shape();
  network.shape = chooseShape(model, arguments.network, network.preprocess, tensor);
  network.question = parseQuestion(arguments.target, chosenLabels(model, arguments.labels), model);
  network.progress = [&console](std::int64_t done, std::int64_t total) {
    console.progress(static_cast<double>(done) / static_cast<double>(total), fmt::format("{}/{}", done, total));
    return !interrupted();
  };
  return network;
}

std::vector<LedgerEntry> ordered(std::vector<LedgerEntry> ledger, bool networkOrder) {
  if (!networkOrder)
    std::stable_sort(ledger.begin(), ledger.end(), [](const LedgerEntry& a, const LedgerEntry& b) {
      return std::abs(a.absorbed()) > std::abs(b.absorbed());
    });
  return ledger;
}

std::string number(double value) {
  return fmt::format("{: .4g}", value == 0 ? 0.0 : value);  // no "-0"
}

void printLedger(Console& console, const std::vector<LedgerEntry>& ledger, double seed) {
  std::vector<std::vector<std::string>> rows = {
      {"node", "op", "rule", " in", " out", " absorbed", " bias", " stabiliser", " zero denom.", " other", " share"}};
  for (const LedgerEntry& e : ledger)
    rows.push_back({e.node, e.op, e.rule, number(e.in), number(e.out), number(e.absorbed()), number(e.bias),
                    number(e.stabiliser), number(e.zeroDenominator), number(e.other()),
                    seed == 0 ? " -" : fmt::format("{: .2f} %", std::round(1e4 * e.absorbed() / seed) / 100 + 0.0)});
  printTable(console, rows);
}

void requireLedger(const Explanation& map, const Method& method) {
  if (!map.ledger.empty()) return;
  throw Error(ErrorCode::NotSupportedByMethod, method.choice.text, "no ledger: its maps are not shares of the score",
              "a method that conserves relevance", "use rap or one of the lrp- methods");
}

void printText(Console& console, const Input& input, const Method& method, const Explanation& map,
               const NamedTarget& target) {
  console.data(resultLine(input.path.filename().string(), map, target, {}, method.facts.question));
  console.data("method " + method.facts.method);
  printLedger(console, map.ledger, map.seed);
  const auto share = conservation(map);
  console.data(fmt::format("Σ input {:.6g} · seed {:.6g} · conservation {}", map.sum, map.seed,
                           share ? shortExponent(*share) : "-"));
  console.data("");
}

void printJson(Console& console, const Input& input, const Method& method, const Explanation& map,
               const NamedTarget& target) {
  Json json = {{"input", input.path.string()}};
  json.update(Json::parse(factsJson(method.facts)));
  json.update(Json::parse(mapJson(map, target, method.facts.question)));
  json["layers"] = Json::parse(ledgerJson(map));
  console.lines(dump(json, -1));
}

void print(Console& console, const Input& input, const Method& method, std::vector<Explanation>& maps,
           const LedgerArguments& arguments) {
  const std::vector<NamedTarget>& targets = method.facts.question.targets;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    requireLedger(maps[i], method);
    maps[i].ledger = ordered(std::move(maps[i].ledger), arguments.networkOrder);
    const auto show = arguments.json ? printJson : printText;
    show(console, input, method, maps[i], targets[i % targets.size()]);
  }
}

// Methods of "all" that keep no ledger are left out.
void printMethod(MethodSet& methods, Method& method, const Input& input, const Group& group, Console& console,
                 const LedgerArguments& arguments) {
  Explainer* explainer = methods.open(method);
  if (explainer) try {
      std::vector<Explanation> maps = explainer->explain(group.input);
      print(console, input, method, maps, arguments);
    } catch (const Error& error) {
      if (!method.choice.optional || error.code() != ErrorCode::NotSupportedByMethod) throw;
      methods.leaveOut(method, error.what());
    }
  methods.close(method, true);
}

}  // namespace

void runLedger(const LedgerArguments& arguments, Console& console) {
  std::vector<std::string> notes;
  const std::vector<Input> inputs = collectInputs({arguments.image}, notes);
  if (inputs.size() != 1)
    throw Error(ErrorCode::InvalidArgument, arguments.image, fmt::format("{} images", inputs.size()), "one image");
  const Model model = loadModel(arguments.network, console);
  std::vector<MethodChoice> choices = chosenMethods(model, arguments.network, notes);
  for (const std::string& note : notes) console.note(note);
  MethodSet::Network network = networkOf(arguments, model, inputs, console);
  const std::optional<Preprocess> preprocess = network.preprocess;
  MethodSet methods(
      std::move(choices), std::move(network), [&](const std::string& text) { console.note(text); },
      [&](const std::string& text) { console.warning(text); });
  methods.check();
  Group group;
  GroupReader(model.path(), preprocess, methods.inputShape(), model.layout(arguments.network.layout), {})
      .add(inputs.front(), group);
  for (Method& method : methods.all()) printMethod(methods, method, inputs.front(), group, console, arguments);
}

}  // namespace relprop::cli
