#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "console.h"
#include "interrupt.h"
#include "ledger.h"
#include "network_options.h"
#include "patterns_option.h"
#include "relprop/error.h"
#include "report.h"
#include "table.h"

namespace relprop::cli {
namespace {

constexpr const char* kInspectExamples = R"(Examples:
  relprop inspect resnet50.onnx --method rap
  relprop inspect resnet50.onnx --method epsilon-plus --rule 'layer4.*=gamma:0.5' --steps
  relprop inspect model.onnx --shape 3x299x299 --batch 8 --json
  relprop inspect resnet50.onnx --ledger dog.jpg --method lrp-zplus

--ledger runs the network on the image and lists what every node received, passed on and absorbed.)";

struct InspectArguments {
  LedgerArguments run;  // the network, and what --ledger needs
  std::string order;
  bool steps = false, ledger = false;
};

std::string readableBytes(std::int64_t bytes) {
  if (bytes < 1 << 10) return fmt::format("{} B", bytes);
  if (bytes < 1 << 20) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

void printList(Console& console, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  console.heading(title);
  for (const std::string& line : lines) console.data("  " + line);
}

void printNodes(Console& console, const std::vector<NodeReport>& nodes) {
  std::vector<std::vector<std::string>> rows = {{"node", "op", "shape", "rule", "folded in"}};
  for (const NodeReport& node : nodes)
    rows.push_back({node.node, node.op, node.shape, node.rule, joined(node.folded, ", ")});
  console.heading("Nodes");
  printTable(console, rows);
}

void printSteps(Console& console, const std::vector<StepReport>& steps) {
  std::vector<std::vector<std::string>> rows = {
      {"phase", "step", "shape", "memory", "MFLOP", "computed", "MFLOP done"}};
  for (const StepReport& step : steps)
    rows.push_back({step.phase, step.name, step.shape, readableBytes(step.bytes),
                    fmt::format("{:.2f}", static_cast<double>(step.flops) * 1e-6), step.algorithm,
                    fmt::format("{:.2f}", static_cast<double>(step.multiplied) * 1e-6)});
  console.heading("Steps");
  printTable(console, rows);
}

std::string otherOutputs(const Model& model) {
  std::vector<std::string> others = model.outputs();
  std::erase(others, model.output());
  return others.empty() ? "" : fmt::format(" (others: {})", joined(others, ", "));
}

// Where the channels lie, and how that is known.
std::string layoutText(const Model& model, const Explainer& explainer) {
  const bool last = explainer.layout() == Layout::ChannelsLast, picture = explainer.inputShape().size() == 3;
  if (!picture && !last) return "";
  const char* axes = !picture ? "channels last" : last ? "H×W×C" : "C×H×W";
  const bool asFound = model.layout() == explainer.layout();
  return fmt::format(", {} ({})", axes, asFound ? model.layoutReason() : "as --layout says");
}

// What is known beside the network, and from where.
void printSideData(Console& console, const Model& model, const NetworkOptions& network) {
  const FoundPreprocess pixels = relprop::findPreprocess(model, network.preprocess);
  console.data(pixels.preprocess
                   ? fmt::format("pixels   {}: {}", pixels.from, dump(Json::parse(toJson(*pixels.preprocess)), -1))
                   : "pixels   no preprocessing is known; pictures need --preprocess");
  const FoundLabels labels = relprop::findLabels(model);
  if (!labels.names.empty()) console.data(fmt::format("classes  {}: {} names", labels.from, labels.names.size()));
}

void printReport(Console& console, const Model& model, const Explainer& explainer, const NetworkOptions& network,
                 bool steps) {
  const PlanReport& plan = explainer.report();
  console.data(fmt::format("model    {} ({})", model.path(), model.hash()));
  console.data(fmt::format("input    {}{}", toString(explainer.inputShape()), layoutText(model, explainer)));
  printSideData(console, model, network);
  console.data(fmt::format("output   {}{}", model.output(), otherOutputs(model)));
  console.data(fmt::format("head     {}", plan.head));
  console.data(fmt::format("method   {}", plan.method));
  console.data(fmt::format("memory   about {}: model {}, weights for the method {}, values {}",
                           readableBytes(plan.memory), readableBytes(plan.modelBytes), readableBytes(plan.weightBytes),
                           readableBytes(plan.arenaBytes)));
  printList(console, "Warnings", plan.warnings);
  printList(console, "Graph passes", plan.passes);
  printList(console, "Rules, the first that matches wins", plan.table);
  printNodes(console, plan.nodes);
  if (steps) printSteps(console, plan.steps);
}

Json reportJson(const RunFacts& facts, const Model& model, const Explainer& explainer) {
  Json json = Json::parse(factsJson(facts));
  json.update(Json::parse(planJson(model, explainer)));
  return json;
}

Json withOrigins(Json json, const Model& model, const NetworkOptions& network) {
  json["preprocessFrom"] = relprop::findPreprocess(model, network.preprocess).from;
  json["labelsFrom"] = relprop::findLabels(model).from;
  return json;
}

void reportOn(const MethodChoice& method, const Model& model, const InspectArguments& arguments, Console& console) {
  const NetworkOptions& network = arguments.run.network;
  const auto note = [&console](const std::string& text) { console.note(text); };
  const std::optional<Preprocess> preprocess = chosenPreprocess(model, network, note);
  const Shape shape = chooseShape(model, network, preprocess);
  const Explainer explainer(model, explainOptions(model, network, method.text, shape, preprocess));
  const RunFacts facts = {model.path(), model.hash(), explainer.methodString(), network.rules,
                          {},           preprocess,   network.precision,        tuningName(network)};
  if (arguments.run.json)
    console.lines(dump(withOrigins(reportJson(facts, model, explainer), model, network), -1));
  else
    printReport(console, model, explainer, network, arguments.steps);
}

void runReports(const InspectArguments& arguments, Console& console) {
  const Model model = loadModel(arguments.run.network, console);
  std::vector<std::string> notes;
  const std::vector<MethodChoice> methods = chosenMethods(model, arguments.run.network, notes);
  for (const std::string& note : notes) console.note(note);
  if (!model.isBagOfWords()) requireUseOfPatterns(arguments.run.network, methods);
  for (const MethodChoice& method : methods) try {
      reportOn(method, model, arguments, console);
    } catch (const Error& error) {
      if (!method.optional || error.code() != ErrorCode::NotSupportedByMethod) throw;
      console.note(method.text + " is left out: " + error.what());
    }
}

int runInspect(InspectArguments& arguments) {
  Console console(false);
  watchInterrupts();
  arguments.run.networkOrder = arguments.order == "network";
  arguments.ledger ? runLedger(arguments.run, console) : runReports(arguments, console);
  flushStandardOutput();
  return interrupted() ? kExitInterrupted : kExitOk;
}

void check(const InspectArguments& arguments) {
  const auto refuse = [](const std::string& why) { throw CLI::ValidationError(why); };
  const LedgerArguments& run = arguments.run;
  checkTargetOptions(run.target);
  if (arguments.ledger && run.image.empty()) refuse("--ledger needs an image");
  if (arguments.ledger && arguments.steps) refuse("--steps and --ledger are two reports; ask for one of them");
  if (arguments.ledger) return;
  if (!run.image.empty()) refuse("an image is only used with --ledger: " + run.image);
  const bool targeted = !run.target.targets.empty() || run.target.contrast || !run.target.from.empty();
  if (targeted || !run.labels.empty() || !arguments.order.empty())
    refuse("--target, --contrast, --from, --labels and --order are for --ledger");
}

void addLedgerOptions(CLI::App& app, InspectArguments& arguments) {
  app.option_defaults()->group("Ledger");
  app.add_option("image", arguments.run.image, "the image to explain, with --ledger")->type_name("IMAGE");
  app.add_flag("--ledger", arguments.ledger,
               "run an image and print what every node received, passed on and absorbed, and why");
  app.add_option("--order", arguments.order, "leaks, the largest first (default), or network, from the output down")
      ->check(CLI::IsMember({"leaks", "network"}));
  addQuestionOptions(app, arguments.run.target);
  addLabelsOption(app, arguments.run.labels);
}

}  // namespace

Command addInspect(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "inspect", "print what explain would do: shapes, rules, memory; with --ledger where relevance stays");
  auto arguments = std::make_shared<InspectArguments>();
  addNetworkOptions(*app, arguments->run.network);
  addLedgerOptions(*app, *arguments);
  app->option_defaults()->group("Results");
  app->add_flag("--steps", arguments->steps, "also every step of the plan with its memory and arithmetic");
  app->add_flag("--json", arguments->run.json, "one JSON object for each method");
  app->footer(kInspectExamples);
  app->callback([arguments] { check(*arguments); });
  return {app, [arguments] { return runInspect(*arguments); }};
}

}  // namespace relprop::cli
