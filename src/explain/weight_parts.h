// w⁺, w⁻, |w|, w+γw⁺, …: the parts of weights and biases that rules name.
#pragma once

#include <vector>

#include "rules/terms.h"

namespace relprop {

std::vector<float> weightPart(const std::vector<float>& w, WeightPart part, float gamma, float sign = 1);
std::vector<float> biasPart(const std::vector<float>& b, BiasPart part, float gamma);

}  // namespace relprop
