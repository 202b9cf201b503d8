// The subcommands of the program. Each add… function adds its options to the app and returns what runs after parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace relprop::cli {

inline constexpr int kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitInterrupted = 130;
inline constexpr int kExitReaderGone = 141;  // as of a program that SIGPIPE ends

struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;  // returns the exit code; throws relprop::Error
};

Command addExplain(CLI::App& root);
Command addInspect(CLI::App& root);
Command addBench(CLI::App& root);
Command addTune(CLI::App& root);
Command addCompare(CLI::App& root);
Command addMethods(CLI::App& root);
Command addPatterns(CLI::App& root);
Command addEvaluate(CLI::App& root, int argc, const char* const* argv);  // the command line is kept as provenance
Command addMetrics(CLI::App& root);
Command addReport(CLI::App& root);
Command addExport(CLI::App& root);
Command addMerge(CLI::App& root);
Command addBow(CLI::App& root);
Command addCompletion(CLI::App& root);

// The closest of `names` when it is close enough to be a slip of the keyboard, else "".
std::string nearestName(const std::string& word, const std::vector<std::string>& names);

}  // namespace relprop::cli
