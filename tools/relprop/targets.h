// What is explained: the options that say it, and names that files can have.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "relprop/question.h"

namespace relprop::cli {

using TargetOptions = TargetText;
using Question = TargetChoice;

void addQuestionOptions(CLI::App& app, TargetOptions& options);  // --target, --contrast, --from
void addLayerOptions(CLI::App& app, TargetOptions& options);     // --at
// Throws CLI::ValidationError on options that contradict one another whatever the network; for the app's callback.
void checkTargetOptions(const TargetOptions& options);

// As chooseTargets, with names that differ as parts of file names too. Throws CLI::ValidationError on options that
// contradict one another for this network.
Question parseQuestion(const TargetOptions& options, const std::vector<std::string>& labels, const Model& model);

}  // namespace relprop::cli
