#pragma once

#include <CLI/CLI.hpp>

namespace relprop::cli {

// --budget of a command that reads files, and of the commands below it: how much those may cause (relprop/budgets.h).
void addBudgetOption(CLI::App& app);

}  // namespace relprop::cli
