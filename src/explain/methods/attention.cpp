// LRP for attention networks. [AttnLRP] Achtibat et al., ICML 2024, arXiv:2402.05602.
#include <fmt/format.h>

#include "explain/methods/method_list.h"

namespace relprop {

// Epsilon at layers with weights (gamma at convolutions, where noise is worst, if asked for), at additions and at
// normalisation, whose deviation counts as a constant; half of what a product of matrices got to each operand; Taylor
// shares at softmax; activations and gates as constant factors.
Method attnLrp(Parameters& p) {
  Method m;
  const float epsilon = stabiliserOf(p, "epsilon"), gamma = gammaOf(p, 0);
  const std::string dense = fmt::format("epsilon:epsilon={}", epsilon);
  m.table.append("Conv", gamma > 0 ? fmt::format("gamma:gamma={}", gamma) : dense);
  m.table.append("Dense", dense);
  for (const char* role : {"[affine]", "[normalisation]"})
    m.table.append(role, fmt::format("proportional:stabilizer={}", epsilon));
  appendNodeRows(m, p, {"proportional", epsilon});
  prependFirstRow(m, p, "none", "range", epsilon, "");
  m.seed = seedOf(p, "logit");
  return m;
}

}  // namespace relprop
