#pragma once

#include "explain/compiled.h"
#include "passes/passes.h"
#include "relprop/explain.h"

namespace relprop {

// What every node received and passed on; row: of relevance.
std::vector<LedgerEntry> ledgerOf(CompiledMethod& compiled, std::int64_t row);
std::vector<StepReport> stepsOf(const Plan& plan);
// probe: what else the method has compiled, or null.
PlanReport reportOf(CompiledMethod& compiled, CompiledMethod* probe, const std::vector<PassReport>& passes,
                    const std::vector<std::string>& warnings);

}  // namespace relprop
