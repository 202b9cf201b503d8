#pragma once

#include <CLI/CLI.hpp>

namespace relprop::cli {

inline constexpr const char* kNoValue = "'' is no value";

// Of an app with all its options and subcommands: whoever gives "" for an option, as an unset variable of a script
// does, is told so; taken for "not given" it would do something else than was asked for. What is required and has no
// name, such as a network, is said by whoever opens it.
void refuseEmptyValues(CLI::App& app);

}  // namespace relprop::cli
