// The method that options ask for.
#pragma once

#include "explain/method.h"
#include "relprop/explain.h"

namespace relprop {

// options.method, which uses patterns as well where a row of options.rules does. Throws what parseMethod throws, and
// InvalidRule.
Method chosenMethod(const ExplainOptions& options);

}  // namespace relprop
