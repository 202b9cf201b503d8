#include "c/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "c/option_table.h"
#include "core/json_depth.h"
#include "core/names.h"
#include "image/preprocess_json.h"
#include "relprop/choices.h"
#include "relprop/error.h"

namespace relprop::c {
namespace {

const std::vector<std::pair<const char*, Function>>& functions() {
  static const std::vector<std::pair<const char*, Function>> all = {
      {"load", Function::Load},          {"from_bytes", Function::FromBytes}, {"describe", Function::Describe},
      {"prepare", Function::Prepare},    {"explainer", Function::Explainer},  {"question", Function::Question},
      {"render", Function::Render},      {"evaluate", Function::Evaluate},    {"store_read", Function::StoreRead},
      {"set_budgets", Function::Budgets}};
  return all;
}

nlohmann::json parsed(const char* text) {
  requireShallowJson(text, ErrorCode::InvalidArgument, "options");
  requireKeysOnce(text, ErrorCode::InvalidArgument, "options");
  try {
    nlohmann::json json = nlohmann::json::parse(text);
    if (json.is_object()) return json;
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(ErrorCode::InvalidArgument, "options", fmt::format("broken JSON at byte {}", error.byte),
                "a JSON object");
  } catch (const nlohmann::json::out_of_range&) {  // not a parse error of theirs
    throw Error(ErrorCode::InvalidArgument, "options", "a number that no double holds", "finite numbers");
  }
  throw Error(ErrorCode::InvalidArgument, "options", "JSON, but no object", "a JSON object");
}

// Of an option in two groups the last is meant: evaluate's memory, not the plan's.
const Option* optionCalled(const std::string& name, const std::vector<const OptionGroup*>& groups) {
  const Option* found = nullptr;
  for (const OptionGroup* group : groups)
    for (const Option& option : *group)
      if (option.name == name) found = &option;
  return found;
}

[[noreturn]] void refuseKey(const std::string& key, const std::vector<const OptionGroup*>& groups) {
  std::vector<std::string> known;
  for (const OptionGroup* group : groups)
    for (const Option& option : *group) known.emplace_back(option.name);
  unknownName(ErrorCode::InvalidArgument, "options", key, known);
}

std::string inPlace(const std::vector<std::pair<std::string, std::string>>& parameters, std::string method) {
  for (const auto& [key, value] : parameters) method = withParameter(method, key, value);
  return method;
}

NamedTarget namedTarget(const std::string& word, const Options& options, const std::vector<std::string>& labels,
                        std::int64_t classes) {
  if (word.starts_with(kRelevance)) {
    const std::size_t which = std::stoul(word.substr(kRelevance.size()));
    return {Target::withRelevance(options.relevance.at(which)), "relevance"};
  }
  TargetChoice choice = chooseTargets({{word}, options.target.contrast, "", {}}, labels, classes);
  if (choice.targets.size() != 1)
    throw Error(ErrorCode::UnknownTarget, "target", "'" + word + "', which is several", "one target");
  return std::move(choice.targets.front());
}

bool isRelevance(const std::string& word) {
  return word.starts_with(kRelevance);
}

}  // namespace

Options readOptions(const char* json, Function function, Options options) {
  if (json == nullptr) return options;
  const nlohmann::json object = parsed(json);
  const std::vector<const OptionGroup*> groups = groupsOf(function);
  for (const auto& [key, value] : object.items()) {
    const Option* option = optionCalled(key, groups);
    if (option == nullptr) refuseKey(key, groups);
    if (!value.is_null()) option->read(Value(key, value), options);
  }
  if (function != Function::Question && !options.targetsOfImages.empty())
    throw Error(ErrorCode::InvalidArgument, "target", "a list for each image", "targets of all images",
                "ask each image its own where it is given, in the question of relprop_explain");
  return options;
}

std::string optionsJson() {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, function] : functions())
    for (const OptionGroup* group : groupsOf(function))
      for (const Option& option : *group) json[name][option.name] = option.help;
  return json.dump();
}

FoundPreprocess preprocessOf(const Model& model, const Options& options) {
  if (options.preprocessJson.empty()) return findPreprocess(model, options.preprocess);
  return {parsePreprocess(options.preprocessJson, "preprocess"), "the options"};
}

Preprocess requiredPreprocess(const Model& model, const Options& options) {
  if (std::optional<Preprocess> found = preprocessOf(model, options).preprocess) return *found;
  throw Error(ErrorCode::InvalidArgument, model.path(), "no preprocessing is known", "",
              "give --preprocess, a name, a file or an object, or put it beside the model as MODEL.preprocess.json");
}

FoundLabels labelsOf(const Model& model, const Options& options) {
  if (options.labelNames.empty()) return findLabels(model, options.labels);
  requireLabelsFor(model.outputClasses(), options.labelNames, "labels");
  return {options.labelNames, "the options", {}};
}

std::vector<std::string> methodsOf(const Model& model, const Options& options, std::vector<std::string>& optional) {
  std::vector<std::string> names = options.methods, all;
  if (names.empty()) names = {model.isBagOfWords() ? "bow-lrp" : "rap"};
  for (const std::string& name : names) {
    if (name != "all") {
      all.push_back(inPlace(options.parameters, name));
      continue;
    }
    for (const MethodInfo& method : methods())
      if ((model.isBagOfWords() ? method.ofBags : method.ofNetworks) &&
          (!method.name.starts_with("pattern-") || !options.patterns.empty()))
        all.push_back(method.name), optional.push_back(method.name);
  }
  return all;
}

TargetChoice choiceOf(const TargetText& text, const Options& options, const std::vector<std::string>& labels,
                      const Model& model) {
  if (const std::string why = contradiction(text, model); !why.empty())
    throw Error(ErrorCode::InvalidArgument, "options", why);
  TargetText words = text;
  std::vector<std::string> given;
  std::copy_if(text.targets.begin(), text.targets.end(), std::back_inserter(given), isRelevance);
  std::erase_if(words.targets, isRelevance);
  TargetChoice choice = chooseTargets(words, labels, model);
  if (given.empty()) return choice;
  if (words.targets.empty()) choice.targets.clear();
  for (const std::string& word : given)
    choice.targets.push_back(namedTarget(word, options, labels, model.outputClasses()));
  return choice;
}

}  // namespace relprop::c
