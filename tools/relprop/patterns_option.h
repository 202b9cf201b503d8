#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "method_choice.h"
#include "network_options.h"
#include "relprop/error.h"

namespace relprop::cli {

// --patterns is for some methods and rules, as a key of the method string is: where none of them is chosen it is a
// slip.
inline void requireUseOfPatterns(const NetworkOptions& options, const std::vector<MethodChoice>& methods) {
  const auto uses = [&](const MethodChoice& method) { return usesPatterns(method.text, options.rules); };
  if (!options.patterns.empty() && std::none_of(methods.begin(), methods.end(), uses))
    throw Error(ErrorCode::InvalidArgument, "--patterns", options.patterns + ", which none of the methods uses",
                "pattern-net or pattern-attribution among them",
                "name one of those, as a method or in a --rule, or leave it out");
}

}  // namespace relprop::cli
