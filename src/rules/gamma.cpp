// Where z_j > 0: x⁺(w+γw⁺) + x⁻(w+γw⁻) with b+γb⁺; where z_j < 0: x⁺(w+γw⁻) + x⁻(w+γw⁺) with b+γb⁻; 0 where z_j = 0.
// [overview] Montavon et al. 2019, LRP-γ, generalised to inputs of both signs.
#include "rules/list.h"

namespace relprop {

Rule gammaRule(Parameters& p) {
  using I = InputPart;
  using W = WeightPart;
  const std::vector<Term> up = {{I::Pos, W::PlusGammaPos, BiasPart::PlusGammaPos}, {I::Neg, W::PlusGammaNeg}};
  const std::vector<Term> down = {{I::Pos, W::PlusGammaNeg, BiasPart::PlusGammaNeg}, {I::Neg, W::PlusGammaPos}};
  LinearRule r;
  r.gamma = gammaOf(p);
  const float eps = stabiliserOf(p, "stabilizer", 0);
  r.denominators = {{up, eps}, {down, eps}};
  r.messages = {{1, Take::WherePositive, {0}, up}, {1, Take::WhereNegative, {1}, down}};
  r.bias = biasMode(p);
  return linearRule(r);
}

}  // namespace relprop
