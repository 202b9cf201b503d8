// Values that are empty, alone or in a list: none that anybody meant.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace relprop::cli {

inline constexpr const char* kNoValue = "'' is no value";

// Of an app with all its options and subcommands: whoever gives "" for an option, as an unset variable of a script
// does, is told so; taken for "not given" it would do something else than was asked for. What is required and has no
// name, such as a network, is said by whoever opens it.
void refuseEmptyValues(CLI::App& app);

// What is wrong with a list separated by commas, or nothing: one of its values is empty.
std::string emptyValueIn(const std::string& list);

// An option that is a list separated by commas, a single word of the command line; one that is given again goes on with
// it. `each` says what is wrong with a value, and may settle how it is written. CLI11's own lists drop empty values in
// silence, and take the words behind them too.
CLI::Option* addListOption(CLI::App& app, const std::string& names,
                           const std::function<void(const std::vector<std::string>&)>& take, const std::string& help,
                           const CLI::Validator& each = {});

}  // namespace relprop::cli
