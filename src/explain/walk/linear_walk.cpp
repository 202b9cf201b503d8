// The interpreter of linear rules:
//   1. denominators: D = Σ terms, reusing the recorded z where the term is the layer itself
//   2. s = coef · take(R) / D, one formula a message; what is absorbed goes to the ledger
//   3. R_i = Σ part_i(x) · Σ_j part_ij(w) s_j through the layer (linear_layer.h), and the after-step (after_step.h)
#include "explain/walk/after_step.h"
#include "explain/walk/linear_layer.h"
#include "explain/walk/walk.h"
#include "rules/simplify.h"

namespace relprop {
namespace {

class LinearStep {
 public:
  LinearStep(Walk& walk, const Node& node, const LinearRule& rule, Relevance r)
      : walk_(walk),
        node_(node),
        layer_(walk, node, rule),
        facts_{walk.nonNegative(node.inputs[0]), layer_.hasBias()},
        rule_(simplified(rule, facts_)),
        r_(std::move(r)),
        sums_(rule_.denominators.size()) {}

  void run() {
    for (const Message& m : rule_.messages) send(m);
    const Expr raw = layer_.backward(routes_, std::exchange(r_.pending, {}));
    const Expr after = afterStep(walk_, node_, rule_.after, raw, r_);
    walk_.give(node_.inputs[0], walk_.derived(r_, after));
  }

 private:
  const Denominator& denominatorAt(int index) const { return rule_.denominators[static_cast<std::size_t>(index)]; }

  // ---- denominators
  Expr denominator(int index) {
    Expr& memo = sums_[static_cast<std::size_t>(index)];
    if (memo) return memo;
    const std::vector<Term>& terms = denominatorAt(index).terms;
    if (isLayerItself(terms, facts_)) return memo = layer_.z();
    Expr sum = layer_.forward(terms, "denominator");
    for (const Term& t : terms)
      if (t.bias != BiasPart::None) sum = sum + layer_.bias(t.bias) * t.sign;
    return memo = sum;
  }

  // The sum of the denominators a message names. P + (P − (z − b)) needs no convolution beside P.
  Expr total(const std::vector<int>& over) {
    if (over.size() == 2 && denominatorAt(over[1]).complementOf == over[0]) {
      const Expr zWithoutBias = facts_.bias ? layer_.z() - layer_.bias(BiasPart::B) : layer_.z();
      return denominator(over[0]) * 2.0f - zWithoutBias;
    }
    Expr sum = denominator(over[0]);
    for (std::size_t k = 1; k < over.size(); ++k) sum = sum + denominator(over[k]);
    return sum;
  }

  // ---- messages
  Expr taken(Take take) {
    switch (take) {
      case Take::All:
        break;
      case Take::Positive:
        return positive(r_.expr);
      case Take::Negative:
        return negative(r_.expr);
      case Take::WherePositive:
        return r_.expr * isPositive(layer_.z());
      case Take::WhereNegative:
        return r_.expr * isPositive(layer_.z() * -1.0f);
    }
    return r_.expr;
  }

  Expr divided(const Message& m) {
    const Expr r = taken(m.take) * m.coef;
    if (m.over.empty()) return r;
    const float eps = denominatorAt(m.over[0]).epsilon;
    const Expr d = total(m.over);
    if (eps == 0) {
      const Expr s = safeDivide(r, d);
      if (recorded()) walk_.absorb(r_, Absorbed::ZeroDenominator, r * isZero(s));
      return s;
    }
    const Expr stable = stabilise(d, eps), s = divide(r, stable);
    if (recorded()) walk_.absorb(r_, Absorbed::Stabiliser, s * (stable - d));
    return s;
  }

  // A ReLU inside the convolution left z ≥ 0, and no relevance where it was cut off.
  bool cutOff() { return walk_.forward().fused(node_.outputs[0]); }

  void send(const Message& m) {
    if (m.back.empty()) return;
    if (m.take == Take::WhereNegative && cutOff()) return;
    const Expr s = divided(m);
    recordBias(m, s);
    if (m.take == Take::WherePositive && recorded() && !cutOff())
      walk_.absorb(r_, Absorbed::ZeroDenominator, r_.expr * isZero(layer_.z()));
    for (const Term& t : m.back) add(t.in, t.weight, s, t.sign);
    if (rule_.bias == BiasMode::Spread) spreadBias(m, s);
  }

  void add(InputPart in, WeightPart weight, const Expr& s, float sign) {
    for (Route& r : routes_)
      if (r.in == in && r.weight == weight) {
        r.s = r.sign == sign ? r.s + s : r.s - s;
        return;
      }
    routes_.push_back({in, weight, sign, s});
  }

  // The bias' share s_j·b_j goes to the inputs of j in equal parts: through weights of one, over their number.
  void spreadBias(const Message& m, const Expr& s) {
    for (int index : m.over)
      for (const Term& t : denominatorAt(index).terms) {
        if (t.bias == BiasPart::None) continue;
        if (!count_) count_ = layer_.forward({{InputPart::One, WeightPart::One}}, "inputs");
        add(InputPart::One, WeightPart::One, safeDivide(s * layer_.bias(t.bias), count_), t.sign);
      }
  }

  // ---- the ledger's reasons. Where an after-step puts all relevance back, nothing is absorbed in the end.
  bool recorded() const { return rule_.after == After::None; }
  static Expr isZero(const Expr& d) { return nonZero(d) * -1.0f + 1.0f; }

  void recordBias(const Message& m, const Expr& s) {
    if (!recorded() || rule_.bias == BiasMode::Spread) return;
    for (int index : m.over)
      for (const Term& t : denominatorAt(index).terms)
        if (t.bias != BiasPart::None) walk_.absorb(r_, Absorbed::Bias, s * layer_.bias(t.bias) * t.sign);
  }

  Walk& walk_;
  const Node& node_;
  LinearLayer layer_;
  const LinearFacts facts_;
  const LinearRule rule_;
  Relevance r_;
  std::vector<Expr> sums_;
  std::vector<Route> routes_;
  Expr count_;
};

}  // namespace

void walkLinear(Walk& walk, const Node& node, const LinearRule& rule, Relevance r) {
  LinearStep(walk, node, rule, std::move(r)).run();
}

}  // namespace relprop
