// One picture through a network that may be anything.
#pragma once

#include <string>

#include "relprop/explain.h"

namespace relprop::fuzz {

// Compiles the method in 64 MiB and, where the plan is short work, explains one picture. Throws what Explainer throws.
void explainSmall(const Model& model, const std::string& method, const std::filesystem::path& patterns = {});

}  // namespace relprop::fuzz
