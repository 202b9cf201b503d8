#include "rules/simplify.h"

#include <algorithm>

namespace relprop {
namespace {

void simplify(std::vector<Term>& terms, const LinearFacts& layer, BiasMode bias) {
  if (layer.nonNegativeInput) {
    terms.erase(std::remove_if(terms.begin(), terms.end(), [](const Term& t) { return t.in == InputPart::Neg; }),
                terms.end());
    for (Term& t : terms) t.in = t.in == InputPart::Pos ? InputPart::X : t.in;
  }
  const bool without = !layer.bias || bias == BiasMode::Drop;
  for (Term& t : terms) t.bias = without ? BiasPart::None : t.bias;
}

}  // namespace

LinearRule simplified(LinearRule rule, const LinearFacts& layer) {
  for (Denominator& d : rule.denominators) simplify(d.terms, layer, rule.bias);
  for (Message& m : rule.messages) simplify(m.back, layer, rule.bias);
  return rule;
}

bool isLayerItself(const std::vector<Term>& terms, const LinearFacts& layer) {
  return terms.size() == 1 && terms[0].in == InputPart::X && terms[0].weight == WeightPart::W && terms[0].sign == 1 &&
         terms[0].bias == (layer.bias ? BiasPart::B : BiasPart::None);
}

}  // namespace relprop
