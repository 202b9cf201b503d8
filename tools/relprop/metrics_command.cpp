#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "console.h"
#include "relprop/error.h"
#include "relprop/metrics.h"
#include "report.h"

namespace relprop::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  relprop metrics
  relprop metrics id-score
  relprop metrics --json)";

struct MetricsArguments {
  std::string name;
  bool json = false;
};

std::vector<MetricInfo> chosen(const std::string& name) {
  if (!name.empty()) completeProtocol(name);  // an unknown name is refused there
  std::vector<MetricInfo> all = metricInfos();
  if (!name.empty())
    std::erase_if(all, [&](const MetricInfo& one) { return one.name != name.substr(0, name.find_first_of("@:")); });
  return all;
}

const char* betterName(Better better) {
  return better == Better::Higher ? "higher is better" : better == Better::Lower ? "lower is better" : "no order";
}

void printOne(Console& console, const MetricInfo& metric) {
  console.data(fmt::format("{}, version {}: {}\n{}", metric.name, metric.version, metric.summary, metric.citation));
  if (!metric.needs.empty()) console.data("Needs " + metric.needs + ".");
  console.data("\nScores");
  for (const ScoreInfo& score : metric.scores)
    console.data(fmt::format("  {:<16}{} ({})", score.name, score.summary, betterName(score.better)));
  if (!metric.parameters.empty()) console.data("\nParameters");
  for (const auto& [key, text] : metric.parameters) console.data(fmt::format("  {:<16}{}", key, text));
}

Json metricJson(const MetricInfo& metric) {
  Json json = {{"name", metric.name},         {"version", metric.version}, {"summary", metric.summary},
               {"citation", metric.citation}, {"needs", metric.needs},     {"parameters", Json::object()}};
  for (const auto& [key, text] : metric.parameters) json["parameters"][key] = text;
  json["scores"] = Json::array();
  for (const ScoreInfo& score : metric.scores)
    json["scores"].push_back({{"name", score.name}, {"summary", score.summary}, {"better", betterName(score.better)}});
  return json;
}

int runMetrics(const MetricsArguments& arguments) {
  Console console(false);
  const std::vector<MetricInfo> list = chosen(arguments.name);
  std::size_t width = 0;
  for (const MetricInfo& metric : list) width = std::max(width, metric.name.size());
  if (arguments.json) {
    Json json = Json::array();
    for (const MetricInfo& metric : list) json.push_back(metricJson(metric));
    console.data(dump(json, 2));
  } else if (!arguments.name.empty()) {
    printOne(console, list.front());
  } else {
    for (const MetricInfo& metric : list)
      console.data(fmt::format("{:<{}}  {} [{}]", metric.name, width, metric.summary, metric.citation));
  }
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addMetrics(CLI::App& root) {
  CLI::App* app = root.add_subcommand("metrics", "list the metrics of evaluate, or describe one with its parameters");
  auto arguments = std::make_shared<MetricsArguments>();
  app->add_option("name", arguments->name, "the metric to describe")->type_name("NAME");
  app->add_flag("--json", arguments->json, "as JSON");
  app->footer(kExamples);
  return {app, [arguments] { return runMetrics(*arguments); }};
}

}  // namespace relprop::cli
