// w⁺, w⁻, |w|, w+γw⁺, …: the parts of weights and biases that rules name.
#pragma once

#include <optional>
#include <vector>

#include "kernels/backend.h"
#include "rules/terms.h"

namespace relprop {

std::vector<float> weightPart(const std::vector<float>& w, WeightPart part, float gamma, float sign = 1);
// The part as slopes of w, unless it is none: w², 1 and what takes patterns.
std::optional<WeightSlopes> slopesOf(WeightPart part, float gamma, float sign);
std::vector<float> patternPart(const std::vector<float>& w, const std::vector<float>& a, WeightPart part, float sign);
std::vector<float> biasPart(const std::vector<float>& b, BiasPart part, float gamma);

}  // namespace relprop
