// What is explained: classes by index, name or rank, relevance from a file, or the channels of an inner node.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "relprop/explain.h"

namespace relprop::cli {

struct TargetOptions {
  std::vector<std::string> targets;     // none: argmax, and with `from` the whole node
  std::optional<std::string> contrast;  // "": all other classes
  std::string from;                     // NODE or NODE:channel
  std::vector<std::string> at;
};

void addQuestionOptions(CLI::App& app, TargetOptions& options);  // --target, --contrast, --from
void addLayerOptions(CLI::App& app, TargetOptions& options);     // --at
// Throws CLI::ValidationError on options that contradict one another; for the app's callback.
void checkTargetOptions(const TargetOptions& options);

struct NamedTarget {
  Target target;
  std::string name;  // as the user calls it, for names of files and where there is no class to name
};

// All that was asked about each image, each once.
struct Question {
  std::string from;  // the inner node, "" for the scores
  std::vector<NamedTarget> targets;
  std::vector<std::string> labels;  // of the scores; empty when there are none or when a node is explained
  std::string other = {};           // of a network with one output, the name of the other answer
  bool single() const { return targets.size() == 1; }
};

std::vector<Target> targetsOf(const Question& question);

// What two names of a network with one output were taken for, or "".
std::string namesNote(const Question& question);

// `classes`: how many the network has, -1 when that is not known. Throws UnknownTarget, and what reading a .npy throws.
Question parseQuestion(const TargetOptions& options, const std::vector<std::string>& labels, std::int64_t classes);

}  // namespace relprop::cli
