// Metrics of a network that may be anything, on two small pictures with boxes and masks.
#pragma once

#include "relprop/evaluate.h"

namespace relprop::fuzz {

// Measures as asked, within bounds of memory and time; what was written can be read again, or the program ends. Throws
// what Evaluation throws.
void measureSmall(const Model& model, EvaluateOptions options);

}  // namespace relprop::fuzz
