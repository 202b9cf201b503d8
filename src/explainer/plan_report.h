#pragma once

#include "explain/compiled.h"
#include "relprop/explain.h"

namespace relprop {

// What a process holds besides weights and plans: the program and its libraries, and what they keep of kernels they
// compile.
constexpr std::int64_t kProgramBytes = 38 << 20;

// What every node received and passed on; row: of relevance.
std::vector<LedgerEntry> ledgerOf(CompiledMethod& compiled, std::int64_t row);
// Those that its walk needs, of a plan of several.
std::vector<StepReport> stepsOf(CompiledMethod& compiled);
// All but what the passes said. probe: what else the method has compiled, or null.
PlanReport reportOf(CompiledMethod& compiled, CompiledMethod* probe);

}  // namespace relprop
