#include "rules/terms.h"

#include <algorithm>

namespace relprop {
namespace {

template <class Test>
bool anyBackTerm(const LinearRule& rule, Test test) {
  return std::any_of(rule.messages.begin(), rule.messages.end(),
                     [&](const Message& m) { return std::any_of(m.back.begin(), m.back.end(), test); });
}

}  // namespace

bool LinearRule::multipliesInput() const {
  const auto constant = [](const Term& t) {
    return t.in == InputPart::One || t.in == InputPart::AboveLow || t.in == InputPart::BelowHigh;
  };
  return bias != BiasMode::Spread && after != After::UniformCorrection && !anyBackTerm(*this, constant);
}

bool LinearRule::usesBounds() const {
  return anyBackTerm(*this, [](const Term& t) { return t.in == InputPart::AboveLow || t.in == InputPart::BelowHigh; });
}

bool LinearRule::usesPatterns() const {
  return anyBackTerm(*this, [](const Term& t) { return isPattern(t.weight); });
}

bool LinearRule::readsOutput() const {
  const auto isOutput = [](const Denominator& d) {
    return d.complementOf >= 0 || (d.terms.size() == 1 && d.terms[0].weight == WeightPart::W);
  };
  return std::any_of(denominators.begin(), denominators.end(), isOutput) ||
         std::any_of(messages.begin(), messages.end(), [](const Message& m) { return m.take == Take::WhereNegative; });
}

}  // namespace relprop
