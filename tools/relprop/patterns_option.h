#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "method_choice.h"
#include "relprop/error.h"

namespace relprop::cli {

// --patterns is for some methods, as a key of the method string is: where none of them is chosen it is a slip.
inline void requireUseOfPatterns(const std::string& patterns, const std::vector<MethodChoice>& methods) {
  const auto uses = [](const MethodChoice& method) { return method.text.starts_with("pattern-"); };
  if (!patterns.empty() && std::none_of(methods.begin(), methods.end(), uses))
    throw Error(ErrorCode::InvalidArgument, "--patterns", patterns + ", which none of the methods uses",
                "pattern-net or pattern-attribution among them", "name one of those, or leave it out");
}

}  // namespace relprop::cli
