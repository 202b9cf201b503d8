#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "console.h"
#include "network_options.h"
#include "report.h"

namespace relprop::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  relprop inspect resnet50.onnx --method rap
  relprop inspect resnet50.onnx --method epsilon-plus --rule 'layer4.*=gamma:0.5' --steps
  relprop inspect model.onnx --shape 3x299x299 --batch 8 --json)";

struct InspectArguments {
  NetworkOptions network;
  bool steps = false, json = false;
};

std::string readableBytes(std::int64_t bytes) {
  if (bytes < 1 << 10) return fmt::format("{} B", bytes);
  if (bytes < 1 << 20) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

// How many columns a text takes: "×" is one column but two bytes.
std::size_t columnsOf(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Columns as wide as their widest cell; no blanks at the end of a line.
void printTable(Console& console, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columnsOf(row[i]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += "  " + row[i] + std::string(widths[i] - columnsOf(row[i]), ' ');
    console.data(line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

void printList(Console& console, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  console.data("\n" + title);
  for (const std::string& line : lines) console.data("  " + line);
}

void printNodes(Console& console, const std::vector<NodeReport>& nodes) {
  std::vector<std::vector<std::string>> rows = {{"node", "op", "shape", "rule", "folded in"}};
  for (const NodeReport& node : nodes)
    rows.push_back({node.node, node.op, node.shape, node.rule, joined(node.folded, ", ")});
  console.data("\nNodes");
  printTable(console, rows);
}

void printSteps(Console& console, const std::vector<StepReport>& steps) {
  std::vector<std::vector<std::string>> rows = {{"phase", "step", "shape", "memory", "MFLOP"}};
  for (const StepReport& step : steps)
    rows.push_back({step.phase, step.name, step.shape, readableBytes(step.bytes),
                    fmt::format("{:.2f}", static_cast<double>(step.flops) * 1e-6)});
  console.data("\nSteps");
  printTable(console, rows);
}

void printReport(Console& console, const Model& model, const Explainer& explainer, bool steps) {
  const PlanReport& plan = explainer.report();
  std::int64_t total = plan.weightBytes + plan.arenaBytes;
  console.data(fmt::format("model    {} ({})", model.path(), model.hash()));
  console.data(fmt::format("input    {}", toString(explainer.inputShape())));
  console.data(fmt::format("method   {}", plan.method));
  console.data(fmt::format("memory   {} = weights {} + values {}", readableBytes(total),
                           readableBytes(plan.weightBytes), readableBytes(plan.arenaBytes)));
  printList(console, "Warnings", plan.warnings);
  printList(console, "Graph passes", plan.passes);
  printList(console, "Rules, the first that matches wins", plan.table);
  printNodes(console, plan.nodes);
  if (steps) printSteps(console, plan.steps);
}

Json nodesJson(const std::vector<NodeReport>& nodes) {
  Json json = Json::array();
  for (const NodeReport& node : nodes)
    json.push_back(
        {{"node", node.node}, {"op", node.op}, {"shape", node.shape}, {"rule", node.rule}, {"folded", node.folded}});
  return json;
}

Json stepsJson(const std::vector<StepReport>& steps) {
  Json json = Json::array();
  for (const StepReport& step : steps)
    json.push_back({{"phase", step.phase},
                    {"name", step.name},
                    {"shape", step.shape},
                    {"bytes", step.bytes},
                    {"flops", step.flops}});
  return json;
}

Json reportJson(const RunFacts& facts, const Explainer& explainer) {
  const PlanReport& plan = explainer.report();
  Json json = factsJson(facts);
  json["inputShape"] = explainer.inputShape();
  json["weightBytes"] = plan.weightBytes;
  json["arenaBytes"] = plan.arenaBytes;
  json["warnings"] = plan.warnings;
  json["passes"] = plan.passes;
  json["table"] = plan.table;
  json["nodes"] = nodesJson(plan.nodes);
  json["steps"] = stepsJson(plan.steps);
  return json;
}

int runInspect(const InspectArguments& arguments) {
  Console console(false);
  const NetworkOptions& network = arguments.network;
  Model model = Model::load(network.model);
  std::optional<Preprocess> preprocess = findPreprocess(model, network);
  Shape shape = chooseShape(model, network, preprocess);
  for (const std::string& method : methodStrings(network)) {
    Explainer explainer(model, explainOptions(model, network, method, shape, preprocess));
    RunFacts facts = {model.path(), model.hash(), explainer.methodString(), network.rules, {}, preprocess};
    if (arguments.json)
      console.data(dump(reportJson(facts, explainer), -1));
    else
      printReport(console, model, explainer, arguments.steps);
  }
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addInspect(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("inspect", "print, without running, what explain would do: shapes, rules, memory");
  auto arguments = std::make_shared<InspectArguments>();
  addNetworkOptions(*app, arguments->network);
  app->add_flag("--steps", arguments->steps, "also every step of the plan with its memory and arithmetic");
  app->add_flag("--json", arguments->json, "one JSON object for each method");
  app->footer(kExamples);
  return {app, [arguments] { return runInspect(*arguments); }};
}

}  // namespace relprop::cli
