// What is explained, as a user writes it: classes by index, name or rank, relevance from a file, or the channels of an
// inner node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relprop/explain.h"
#include "relprop/export.h"

namespace relprop {

// As the command line's --target, --contrast and --from have it.
struct TargetText {
  std::vector<std::string> targets = {};     // none: argmax, and with `from` the whole node
  std::optional<std::string> contrast = {};  // "": all other classes
  std::string from = {};                     // NODE or NODE:channel; a node that is called so in full goes first
  std::vector<std::string> at = {};          // ExplainOptions::at
};

struct NamedTarget {
  Target target;
  std::string name;  // as the user calls it, where there is no class to name
};

// All that is asked about each image, each once.
struct TargetChoice {
  std::string from;  // the inner node, "" for the scores
  std::vector<NamedTarget> targets;
  std::vector<std::string> labels;  // of the scores; empty when there are none or when a node is explained
  std::string other = {};           // of a network with one output, the name of the other answer
  bool single() const { return targets.size() == 1; }
};

// Forms of a target: argmax, top:K, a class by its index or the beginning of its name, not:CLASS, a .npy file with one
// value a score; several with commas. `classes`: how many the network has, -1 when that is not known. Throws
// UnknownTarget, and what reading a .npy throws.
RELPROP_API TargetChoice chooseTargets(const TargetText& text, const std::vector<std::string>& labels,
                                       std::int64_t classes);
// The same of a network's classes and nodes: what stands behind a colon is no channel where it belongs to a name.
RELPROP_API TargetChoice chooseTargets(const TargetText& text, const std::vector<std::string>& labels,
                                       const Model& model);
// What is wrong with a combination of them, or "": whatever the network is, and for this one.
RELPROP_API std::string contradiction(const TargetText& text);
RELPROP_API std::string contradiction(const TargetText& text, const Model& model);
// What two names of a network with one output were taken for, or "".
RELPROP_API std::string namesNote(const TargetChoice& choice);
RELPROP_API std::vector<Target> targetsOf(const TargetChoice& choice);

}  // namespace relprop
