// The pictures that a method compares with, read from files.
#pragma once

#include "explain/method.h"
#include "explain/session.h"
#include "relprop/explain.h"

namespace relprop {

// layout: of the model. Throws what reading the files throws; ShapeMismatch, NonFiniteInput, InvalidMethodParameter,
// and NotSupportedByMethod for a folder of pictures where nobody says how they become inputs.
BaselineFacts baselineFactsOf(const Method& method, const Model& model, const ExplainOptions& options, Layout layout);

}  // namespace relprop
