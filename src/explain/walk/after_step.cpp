#include "explain/walk/after_step.h"

namespace relprop {
namespace {

struct AfterStep {
  Walk& walk;
  const Node& node;
  const Expr& raw;   // R̄
  ScalarId arrived;  // ΣR

  ScalarId scalarOf(std::vector<ScalarId> in, std::function<double(const double*)> formula) const {
    const ScalarId out = walk.plan().addScalar();
    walk.plan().addScalarStep(std::move(in), out, std::move(formula));
    return out;
  }

  std::vector<ScalarId> sumsOf(const std::vector<Expr>& exprs, const char* what) const {
    ProgramRequest request;
    std::vector<ScalarId> out;
    for (const Expr& e : exprs) {
      out.push_back(walk.plan().addScalar());
      request.reductions.push_back({e, Reduction::Sum, out.back()});
    }
    walk.plan().addProgram(node.name + " " + what, request);
    return out;
  }
};

// R_i = R̄_i − (ΣR̄ − ΣR)/Γ on the Γ activated ones (R̄_i ≠ 0).
Expr shifted(const AfterStep& s) {
  const std::vector<ScalarId> sums = s.sumsOf({s.raw, nonZero(s.raw)}, "shift");
  const ScalarId psi =
      s.scalarOf({sums[0], s.arrived, sums[1]}, [](const double* v) { return v[2] > 0 ? (v[0] - v[1]) / v[2] : 0.0; });
  return shiftNonZero(s.raw, psi);
}

// R_i = |R̄_i| · ΣR̄/Σ|R̄|.
Expr normalised(const AfterStep& s) {
  const std::vector<ScalarId> sums = s.sumsOf({s.raw, absolute(s.raw)}, "normalise");
  const ScalarId k = s.scalarOf(sums, [](const double* v) { return v[1] > 0 ? v[0] / v[1] : 0.0; });
  return absolute(s.raw) * rowScalar(k);
}

// R_i = R̄_i + (ΣR − ΣR̄)/|J| for every neuron.
Expr corrected(const AfterStep& s) {
  const std::vector<ScalarId> sums = s.sumsOf({s.raw}, "correct");
  const Shape& shape = s.walk.graph().value(s.node.inputs[0]).shape;
  const auto count = static_cast<double>(elementCount(shape) / shape[0]);
  const ScalarId delta = s.scalarOf({s.arrived, sums[0]}, [count](const double* v) { return (v[0] - v[1]) / count; });
  return s.raw + rowScalar(delta);
}

}  // namespace

Expr afterStep(Walk& walk, const Node& node, After after, const Expr& raw, ScalarId arrived) {
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
