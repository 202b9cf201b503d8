// From a model and options to what a plan is compiled from; the same for explaining and for counting work.
#pragma once

#include "explain/compiled.h"
#include "passes/passes.h"
#include "relprop/explain.h"

namespace relprop {

std::unique_ptr<Backend> backendFor(const ExplainOptions& options, Packing packing = Packing::Once);
// The canonical graph for so many rows, cut at the scores or at options.from.
Specialised canonicalFor(const Model& model, const ExplainOptions& options, const Method& method, int rows);
// All but memory.
CompileOptions compileOptionsFor(const Model& model, const ExplainOptions& options, const Method& method);

}  // namespace relprop
