#include "no_empty_values.h"

#include <string>

namespace relprop::cli {

void refuseEmptyValues(CLI::App& app) {
  for (CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) refuseEmptyValues(*below);
  const auto takesValue = [](const CLI::Option* option) {
    return option->get_items_expected_min() > 0 && (option->nonpositional() || !option->get_required());
  };
  const auto some = [](const std::string& text) { return std::string(text.empty() ? kNoValue : ""); };
  // Before an option's own checks, which name ranges and choices.
  for (CLI::Option* option : app.get_options(takesValue)) option->transform(CLI::Validator(some, ""));
}

}  // namespace relprop::cli
