#pragma once

#include "explain/compiled.h"
#include "passes/passes.h"
#include "relprop/explain.h"

namespace relprop {

std::vector<StepReport> stepsOf(const Plan& plan);
PlanReport reportOf(CompiledMethod& compiled, const std::vector<PassReport>& passes,
                    const std::vector<std::string>& warnings);

}  // namespace relprop
