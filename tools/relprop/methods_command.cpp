#include <fmt/format.h>

#include "listing.h"
#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop::cli {
namespace {

constexpr const char* kMethodsExamples = R"(Examples:
  relprop methods
  relprop methods lrp-gamma
  relprop methods --json)";

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

void printOne(Console& console, const MethodInfo& method) {
  console.data(fmt::format("{}: {}", method.name, method.summary));
  console.data(method.citation);
  printParameters(console, "Parameters", method.parameters);
  printParameters(console, "Parameters of every method", commonParameters(method));
}

Json asJson(const MethodInfo& method) {
  return Json::parse(methodJson(method));
}

void printCommon(Console& console) {
  printParameters(console, "Parameters of every method", commonParameters());
}

}  // namespace

Command addMethods(CLI::App& root) {
  return addListing<MethodInfo>(
      root, {"methods", "list the methods, or describe one with its parameters", "the method to describe",
             kMethodsExamples, chosen, printOne, asJson, printCommon});
}

}  // namespace relprop::cli
