// A few pictures through a network that may be anything.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "relprop/explain.h"

namespace relprop::fuzz {

// Compiles the method in 64 MiB and, where the plan is short work, explains one picture. Throws what Explainer throws.
void explainSmall(const Model& model, const std::string& method, const std::filesystem::path& patterns = {});
// For options that may be stopped: false where it was asked so often that the work is long.
std::function<bool()> untilLong();

struct Pictures {
  int count = 1;
  float scale = 1;  // they have values from −scale to scale
};
// The same with other options; Cancelled where the method runs long, nothing where the plan does.
std::vector<Explanation> explainSmall(const Model& model, ExplainOptions options, const Pictures& pictures = {});

}  // namespace relprop::fuzz
