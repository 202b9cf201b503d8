#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "console.h"
#include "relprop/error.h"
#include "relprop/explain.h"
#include "report.h"

namespace relprop::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  relprop methods
  relprop methods lrp-gamma
  relprop methods --json)";

struct MethodsArguments {
  std::string name;
  bool json = false;
};

std::vector<MethodInfo> chosen(const std::string& name) {
  std::vector<MethodInfo> all = methods();
  if (name.empty()) return all;
  std::vector<std::string> names;
  for (const MethodInfo& method : all) {
    if (method.name == name) return {method};
    names.push_back(method.name);
  }
  std::string nearest = nearestName(name, names);
  throw Error(ErrorCode::UnknownMethod, name, "no such method", "one of those that relprop methods lists",
              nearest.empty() ? "" : "did you mean '" + nearest + "'?");
}

std::size_t longestName(const std::vector<MethodInfo>& list) {
  std::size_t width = 0;
  for (const MethodInfo& method : list) width = std::max(width, method.name.size());
  return width;
}

void printParameters(Console& console, const std::string& title,
                     const std::vector<std::pair<std::string, std::string>>& parameters) {
  if (parameters.empty()) return;
  console.data("\n" + title);
  for (const auto& [key, text] : parameters) console.data(fmt::format("  {:<16}{}", key, text));
}

// What every method takes, less what this one gives a meaning of its own.
std::vector<std::pair<std::string, std::string>> commonTo(const MethodInfo& method) {
  std::vector<std::pair<std::string, std::string>> common = commonParameters();
  std::erase_if(common, [&](const auto& one) {
    return std::any_of(method.parameters.begin(), method.parameters.end(),
                       [&](const auto& own) { return own.first == one.first; });
  });
  return common;
}

void printOne(Console& console, const MethodInfo& method) {
  console.data(fmt::format("{}: {}\n{}", method.name, method.summary, method.citation));
  printParameters(console, "Parameters", method.parameters);
  printParameters(console, "Parameters of every method", commonTo(method));
}

Json methodJson(const MethodInfo& method) {
  Json json = {{"name", method.name}, {"summary", method.summary}, {"citation", method.citation}};
  json["parameters"] = Json::object();
  for (const auto& [key, text] : method.parameters) json["parameters"][key] = text;
  json["common"] = Json::object();
  for (const auto& [key, text] : commonTo(method)) json["common"][key] = text;
  return json;
}

int runMethods(const MethodsArguments& arguments) {
  Console console(false);
  std::vector<MethodInfo> list = chosen(arguments.name);
  if (arguments.json) {
    Json json = Json::array();
    for (const MethodInfo& method : list) json.push_back(methodJson(method));
    console.data(dump(json, 2));
  } else if (!arguments.name.empty()) {
    printOne(console, list.front());
  } else {
    for (const MethodInfo& method : list)
      console.data(fmt::format("{:<{}}  {} [{}]", method.name, longestName(list), method.summary, method.citation));
    printParameters(console, "Parameters of every method", commonParameters());
  }
  flushStandardOutput();
  return kExitOk;
}

}  // namespace

Command addMethods(CLI::App& root) {
  CLI::App* app = root.add_subcommand("methods", "list the methods, or describe one with its parameters");
  auto arguments = std::make_shared<MethodsArguments>();
  app->add_option("name", arguments->name, "the method to describe")->type_name("NAME");
  app->add_flag("--json", arguments->json, "as JSON");
  app->footer(kExamples);
  return {app, [arguments] { return runMethods(*arguments); }};
}

}  // namespace relprop::cli
