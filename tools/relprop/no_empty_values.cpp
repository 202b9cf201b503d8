#include "no_empty_values.h"

#include <algorithm>
#include <utility>

namespace relprop::cli {
namespace {

std::vector<std::string> valuesOfList(const std::string& list) {
  std::vector<std::string> values(1);
  for (const char c : list) {
    if (c == ',')
      values.emplace_back();
    else
      values.back() += c;
  }
  return values;
}

// What is wrong with it, or nothing: then its values are written as `each` settles them.
std::string settleList(std::string& list, const CLI::Validator& each) {
  std::string fault = emptyValueIn(list), settled;
  for (std::string& value : valuesOfList(list)) {
    if (fault.empty()) fault = each(value);
    settled += (settled.empty() ? "" : ",") + value;
  }
  if (fault.empty()) list = std::move(settled);
  return fault;
}

}  // namespace

void refuseEmptyValues(CLI::App& app) {
  for (CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) refuseEmptyValues(*below);
  const auto takesValue = [](const CLI::Option* option) {
    return option->get_items_expected_min() > 0 && (option->nonpositional() || !option->get_required());
  };
  const auto some = [](const std::string& text) { return std::string(text.empty() ? kNoValue : ""); };
  // Before an option's own checks, which name ranges and choices.
  for (CLI::Option* option : app.get_options(takesValue)) option->transform(CLI::Validator(some, ""));
}

std::string emptyValueIn(const std::string& list) {
  const std::vector<std::string> values = valuesOfList(list);
  const auto empty = std::find(values.begin(), values.end(), std::string());
  if (empty == values.end()) return "";
  return "value " + std::to_string(empty - values.begin() + 1) + " of '" + list +
         "' is empty; leave out a comma, or write what is missing";
}

CLI::Option* addListOption(CLI::App& app, const std::string& names,
                           const std::function<void(const std::vector<std::string>&)>& take, const std::string& help,
                           const CLI::Validator& each) {
  const auto takeAll = [take](const CLI::results_t& lists) {
    std::vector<std::string> all;
    for (const std::string& list : lists)
      for (std::string& value : valuesOfList(list)) all.push_back(std::move(value));
    take(all);
    return true;
  };
  const auto settle = [each](std::string& list) { return settleList(list, each); };
  return app.add_option(names, CLI::callback_t(takeAll), help)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->transform(CLI::Validator(settle, each.get_description()));
}

}  // namespace relprop::cli
