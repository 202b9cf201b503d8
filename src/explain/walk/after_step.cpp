#include "explain/walk/after_step.h"

#include <cmath>
#include <utility>

namespace relprop {
namespace {

struct AfterStep {
  Walk& walk;
  const Node& node;
  const Expr& raw;  // R̄
  Relevance& arrived;

  ScalarId scalarOf(std::vector<ScalarId> in, std::function<double(const double*)> formula) const {
    const ScalarId out = walk.plan().addScalar();
    walk.plan().addScalarStep(std::move(in), out, std::move(formula));
    return out;
  }

  std::vector<ScalarId> reduced(const std::vector<std::pair<Expr, Reduction>>& exprs, const char* what) const {
    ProgramRequest request;
    std::vector<ScalarId> out;
    for (const auto& [e, kind] : exprs) {
      out.push_back(walk.plan().addScalar());
      request.reductions.push_back({e, kind, out.back()});
    }
    walk.plan().addProgram(node.name + " " + what, request);
    return out;
  }

  std::vector<ScalarId> sumsOf(const std::vector<Expr>& exprs, const char* what) const {
    std::vector<std::pair<Expr, Reduction>> all;
    for (const Expr& e : exprs) all.emplace_back(e, Reduction::Sum);
    return reduced(all, what);
  }
};

// 1 as long as float32 holds the layers still to come, which may double Σ|R| and divide by small sums; else the power
// of two that takes the largest |R̄| to between 1 and 2.
double downscale(double largest) {
  return std::isfinite(largest) && largest > 0x1p64 ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
}

Expr rescaled(const AfterStep& s, const Expr& e, ScalarId largest) {
  const ScalarId down = s.scalarOf({largest}, [](const double* v) { return downscale(v[0]); });
  ScalarId& scale = s.arrived.scale;
  scale = scale < 0 ? s.scalarOf({down}, [](const double* v) { return 1 / v[0]; })
                    : s.scalarOf({down, scale}, [](const double* v) { return v[1] / v[0]; });
  return e * rowScalar(down);
}

// R_i = R̄_i − (ΣR̄ − ΣR)/Γ on the Γ activated ones (R̄_i ≠ 0).
Expr shifted(const AfterStep& s) {
  const std::vector<ScalarId> v = s.reduced(
      {{s.raw, Reduction::Sum}, {nonZero(s.raw), Reduction::Sum}, {absolute(s.raw), Reduction::Max}}, "shift");
  const ScalarId psi =
      s.scalarOf({v[0], s.arrived.sum, v[1]}, [](const double* x) { return x[2] > 0 ? (x[0] - x[1]) / x[2] : 0.0; });
  return rescaled(s, shiftNonZero(s.raw, psi), v[2]);
}

// R_i = |R̄_i| · ΣR̄/Σ|R̄|.
Expr normalised(const AfterStep& s) {
  const std::vector<ScalarId> sums = s.sumsOf({s.raw, absolute(s.raw)}, "normalise");
  const ScalarId k = s.scalarOf(sums, [](const double* v) { return v[1] > 0 ? v[0] / v[1] : 0.0; });
  return absolute(s.raw) * rowScalar(k);
}

// R_i = R̄_i + (ΣR − ΣR̄)/|J| for every neuron.
Expr corrected(const AfterStep& s) {
  const std::vector<ScalarId> v = s.reduced({{s.raw, Reduction::Sum}, {absolute(s.raw), Reduction::Max}}, "correct");
  const Shape& shape = s.walk.graph().value(s.node.inputs[0]).shape;
  const auto count = static_cast<double>(elementCount(shape) / shape[0]);
  const ScalarId delta = s.scalarOf({s.arrived.sum, v[0]}, [count](const double* x) { return (x[0] - x[1]) / count; });
  return rescaled(s, s.raw + rowScalar(delta), v[1]);
}

}  // namespace

Expr afterStep(Walk& walk, const Node& node, After after, const Expr& raw, Relevance& arrived) {
  const AfterStep step{walk, node, raw, arrived};
  switch (after) {
    case After::None:
      break;
    case After::ShiftActivated:
      return shifted(step);
    case After::AbsoluteNormalise:
      return normalised(step);
    case After::UniformCorrection:
      return corrected(step);
  }
  return raw;
}

}  // namespace relprop
