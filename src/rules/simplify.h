// A rule for a linear node without what is 0 at the layer it is applied to.
#pragma once

#include "rules/terms.h"

namespace relprop {

struct LinearFacts {
  bool nonNegativeInput = false;  // x ≥ 0 for every x
  bool bias = true;               // there is one
};

// x ≥ 0: x⁺ is x, terms with x⁻ vanish. No bias part is left where there is no bias or bias=drop takes it out.
LinearRule simplified(LinearRule rule, const LinearFacts& layer);
// Do simplified terms sum to the layer's own output z?
bool isLayerItself(const std::vector<Term>& terms, const LinearFacts& layer);

}  // namespace relprop
