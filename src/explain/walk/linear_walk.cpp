// The interpreter of linear rules: reads the terms, drops what vanishes, and emits convolutions and programs.
//   1. denominators: D = Σ terms, reusing the recorded z where the term is the layer itself
//   2. s = coef · take(R) / D, one formula a message, all stored by one program
//   3. a transposed convolution for every pair (input part, weight part)
//   4. R_i = Σ part_i(x) · (transposed convolution), and the after-step
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "explain/walk/walk.h"
#include "explain/walk/weight_parts.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// Messages that go back through the same weights and are multiplied by the same input part: their numerators are added.
struct Route {
  InputPart in;
  WeightPart weight;
  float sign;
  Expr s;
  BufferView acc;
};

class LinearStep {
 public:
  LinearStep(Walk& walk, const Node& node, const LinearRule& rule, Relevance r)
      : walk_(walk),
        f_(walk.forward()),
        plan_(walk.plan()),
        node_(node),
        rule_(simplified(rule, walk.nonNegative(node.inputs[0]))),
        l_(f_.linear(node)),
        back_(l_.shape),
        r_(std::move(r)),
        sums_(rule_.denominators.size()) {
    back_.n *= walk.targets();
  }

  void run() {
    for (const Message& m : rule_.messages) route(m);
    for (Route& route : routes_) sources_.push_back(route.s);
    storeSources();
    if (!transposeInPlace())
      for (std::size_t k = 0; k < routes_.size(); ++k)
        if (routes_[k].acc.buffer < 0) transpose(k);
    finish(combined());
  }

 private:
  // x ≥ 0: x⁺ is x, terms with x⁻ vanish. bias=drop takes the bias out of every denominator.
  static LinearRule simplified(LinearRule rule, bool nonNegative) {
    for (Denominator& d : rule.denominators) simplify(d.terms, nonNegative, rule.bias);
    for (Message& m : rule.messages) simplify(m.back, nonNegative, rule.bias);
    return rule;
  }

  static void simplify(std::vector<Term>& terms, bool nonNegative, BiasMode bias) {
    if (nonNegative) {
      terms.erase(std::remove_if(terms.begin(), terms.end(), [](const Term& t) { return t.in == InputPart::Neg; }),
                  terms.end());
      for (Term& t : terms) t.in = t.in == InputPart::Pos ? InputPart::X : t.in;
    }
    for (Term& t : terms) t.bias = bias == BiasMode::Drop ? BiasPart::None : t.bias;
  }

  Shape relevanceShape() const { return walk_.graph().value(l_.input).shape; }  // of the result
  Shape outputShape() const { return f_.graph().value(l_.output).shape; }       // of denominators
  bool hasBias() const { return !l_.bias.empty() || !l_.biasImage.empty(); }
  Expr z() { return f_.value(l_.output); }
  std::string named(const char* what) const { return node_.name + " " + what; }

  Expr biasExpr(BiasPart part) {
    const TensorDesc d = f_.desc(l_.output);
    if (!l_.biasImage.empty()) return imageConstant(biasPart(l_.biasImage, part, rule_.gamma), d);
    if (!l_.shape.dense || outputShape().size() == 2) return channelConstant(biasPart(l_.bias, part, rule_.gamma), d);
    return imageConstant(tiled(biasPart(l_.bias, part, rule_.gamma)), d);  // dense over the last of several axes
  }

  std::vector<float> tiled(const std::vector<float>& b) const {
    std::vector<float> all(static_cast<std::size_t>(elementCount(outputShape()) / outputShape()[0]));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = b[i % b.size()];
    return all;
  }

  // ---- parts of the input
  BufferView partView(InputPart part) {
    static const char* const names[] = {"x", "pos", "neg", "one", "above low", "below high"};
    const std::string name = names[static_cast<std::size_t>(part)];
    auto& memo = walk_.parts();
    const auto key =
        std::make_pair(l_.input, name + (rule_.imageBounds ? "/image" : "") + (l_.shape.dense ? "/dense" : ""));
    if (const auto found = memo.find(key); found != memo.end()) return found->second;
    return memo[key] = stored(partExpr(part), named(name.c_str()));
  }

  // Dense layers take float32 and convert what they need.
  BufferView stored(const Expr& e, const std::string& name) {
    return l_.shape.dense ? f_.materialise(e, name) : f_.materialiseOperand(e, name);
  }

  Expr partExpr(InputPart part) {
    const Expr x = load(l_.shape.dense ? f_.buffer(l_.input) : f_.operand(l_.input));
    switch (part) {
      case InputPart::Pos:
        return positive(x);
      case InputPart::Neg:
        return negative(x);
      case InputPart::One:
        return x * 0.0f + 1.0f;
      case InputPart::AboveLow:
        return x - bound(x, Reduction::Min);
      case InputPart::BelowHigh:
        return x - bound(x, Reduction::Max);
      default:
        return x;
    }
  }

  Expr bound(const Expr& x, Reduction kind) {
    if (rule_.imageBounds) {
      const ScalarId extreme = plan_.addScalar();
      plan_.addProgram(named("bounds"), {{}, {{x, kind, extreme}}});
      return rowScalar(extreme);
    }
    const auto& range = walk_.options().bounds;
    if (!range || static_cast<std::int64_t>(range->low.size()) != f_.desc(l_.input).channels())
      throw Error(ErrorCode::NotSupportedByMethod, node_.name,
                  range ? fmt::format("a pixel range of {} channels", range->low.size()) : "no pixel range",
                  fmt::format("lowest and highest value of {} channels for bounds=range", f_.desc(l_.input).channels()),
                  "give the preprocessing (--preprocess), or use bounds=image");
    return channelConstant(kind == Reduction::Min ? range->low : range->high, f_.desc(l_.input));
  }

  // ---- denominators
  bool isLayerItself(const std::vector<Term>& terms) const {
    return terms.size() == 1 && terms[0].in == InputPart::X && terms[0].weight == WeightPart::W && terms[0].sign == 1 &&
           (terms[0].bias == BiasPart::B || !hasBias());
  }

  BufferView layout(const BufferView& v) { return l_.shape.dense ? f_.plain(v, node_.name) : v; }
  BufferView freshOut(const char* what) {
    return l_.shape.dense ? f_.freshPlain(outputShape(), named(what)) : f_.fresh(outputShape(), named(what));
  }

  SharedFloats weights(WeightPart part, float sign) const {
    if (part == WeightPart::W && sign == 1) return l_.weights;
    if (!isPattern(part)) return weightPart(*l_.weights, part, rule_.gamma, sign);
    const auto& patterns = walk_.options().patterns;
    const auto found = patterns.find(node_.name);
    if (found == patterns.end() || found->second.size() != l_.weights->size())
      throw Error(ErrorCode::NotSupportedByMethod, node_.name,
                  found == patterns.end() ? "no patterns" : fmt::format("{} patterns", found->second.size()),
                  fmt::format("one for each of {} weights", l_.weights->size()),
                  "estimate them for this model with `relprop patterns` and give the file with --patterns");
    return patternPart(*l_.weights, found->second, part, sign);
  }

  LinearKernelSpec spec(WeightPart part, float sign, int src, int dst, Element in) const {
    const std::optional<WeightSlopes> slopes = slopesOf(part, rule_.gamma, sign);
    return {.shape = l_.shape,
            .srcBlock = src,
            .dstBlock = dst,
            .weights = slopes ? SharedFloats(l_.weights) : weights(part, sign),
            .bias = {},
            .operands = plan_.backend().operand(),
            .in = in,
            .part = slopes.value_or(WeightSlopes{})};
  }

  // A dense layer at few rows, whose weights are taken in parts while they are read.
  std::optional<DenseSpec> denseInPlace(const std::vector<std::pair<WeightPart, float>>& parts,
                                        std::int64_t rows) const {
    if (!l_.shape.dense || !plan_.backend().readsDenseInPlace(rows)) return std::nullopt;
    DenseSpec spec{rows, l_.shape.ic, l_.shape.oc, l_.weights, {}, {}};
    for (const auto& [part, sign] : parts) {
      const std::optional<WeightSlopes> slopes = slopesOf(part, rule_.gamma, sign);
      if (!slopes) return std::nullopt;
      spec.parts.push_back(*slopes);
    }
    return spec;
  }

  // Σ part(x)·part(w) without bias, in one pass over the weights.
  bool convolvedInPlace(const std::vector<Term>& terms, const char* what, const BufferView& out) {
    std::vector<std::pair<WeightPart, float>> parts;
    for (const Term& t : terms) parts.emplace_back(t.weight, t.sign);
    const std::optional<DenseSpec> dense = denseInPlace(parts, l_.shape.n);
    if (!dense) return false;
    std::vector<BufferView> in;
    for (const Term& t : terms) in.push_back(layout(partView(t.in)));
    plan_.addKernel(named(what), plan_.backend().denseForward(*dense), in, {out}, dense->flops());
    return true;
  }

  // Σ part(x)·part(w) without bias, by one convolution a term.
  Expr convolved(const std::vector<Term>& terms, const char* what) {
    const BufferView out = freshOut(what);
    bool first = !convolvedInPlace(terms, what, out);
    if (!first) return load(f_.canonical(out, node_.name));
    for (const Term& t : terms) {
      const BufferView x = layout(partView(t.in));
      LinearKernelSpec k = spec(t.weight, t.sign, x.desc.block, out.desc.block, x.desc.element);
      k.accumulate = !first;
      plan_.addKernel(named(what), plan_.backend().linearForward(k), {x}, {out}, l_.shape.flops());
      first = false;
    }
    return load(f_.canonical(out, node_.name));
  }

  Expr denominator(int index) {
    Expr& memo = sums_[static_cast<std::size_t>(index)];
    if (memo) return memo;
    const std::vector<Term>& terms = rule_.denominators[static_cast<std::size_t>(index)].terms;
    if (isLayerItself(terms)) return memo = z();
    Expr sum = convolved(terms, "denominator");
    for (const Term& t : terms)
      if (t.bias != BiasPart::None && hasBias()) sum = sum + biasExpr(t.bias) * t.sign;
    return memo = sum;
  }

  // The sum of the denominators a message names. P + (P − (z − b)) needs no convolution beside P.
  Expr total(const std::vector<int>& over) {
    if (over.size() == 2 && rule_.denominators[static_cast<std::size_t>(over[1])].complementOf == over[0]) {
      const Expr zWithoutBias = hasBias() ? z() - biasExpr(BiasPart::B) : z();
      return denominator(over[0]) * 2.0f - zWithoutBias;
    }
    Expr sum = denominator(over[0]);
    for (std::size_t k = 1; k < over.size(); ++k) sum = sum + denominator(over[k]);
    return sum;
  }

  // ---- messages
  Expr taken(Take take) {
    switch (take) {
      case Take::Positive:
        return positive(r_.expr);
      case Take::Negative:
        return negative(r_.expr);
      case Take::WherePositive:
        return r_.expr * isPositive(z());
      case Take::WhereNegative:
        return r_.expr * isPositive(z() * -1.0f);
      default:
        return r_.expr;
    }
  }

  Expr divided(const Message& m) {
    const Expr r = taken(m.take) * m.coef;
    if (m.over.empty()) return r;
    const float eps = rule_.denominators[static_cast<std::size_t>(m.over[0])].epsilon;
    const Expr d = total(m.over);
    if (eps == 0) {
      if (recorded()) walk_.absorb(r_, Absorbed::ZeroDenominator, r * isZero(d));
      return safeDivide(r, d);
    }
    const Expr stable = stabilise(d, eps), s = divide(r, stable);
    if (recorded()) walk_.absorb(r_, Absorbed::Stabiliser, s * (stable - d));
    return s;
  }

  // The ledger's reasons. Where an after-step puts all relevance back, nothing is absorbed in the end.
  bool recorded() const { return rule_.after == After::None; }
  static Expr isZero(const Expr& d) { return nonZero(d) * -1.0f + 1.0f; }

  void recordBias(const Message& m, const Expr& s) {
    if (!recorded() || !hasBias() || rule_.bias == BiasMode::Spread) return;
    for (int index : m.over)
      for (const Term& t : rule_.denominators[static_cast<std::size_t>(index)].terms)
        if (t.bias != BiasPart::None) walk_.absorb(r_, Absorbed::Bias, s * biasExpr(t.bias) * t.sign);
  }

  void route(const Message& m) {
    if (m.back.empty()) return;
    // A ReLU inside the convolution left z ≥ 0, and no relevance where it was cut off.
    if (m.take == Take::WhereNegative && f_.fused(l_.output)) return;
    const Expr s = divided(m);
    recordBias(m, s);
    if (m.take == Take::WherePositive && recorded() && !f_.fused(l_.output))
      walk_.absorb(r_, Absorbed::ZeroDenominator, r_.expr * isZero(z()));
    for (const Term& t : m.back) add(t.in, t.weight, s, t.sign);
    if (rule_.bias == BiasMode::Spread && hasBias()) spreadBias(m, s);
  }

  void add(InputPart in, WeightPart weight, const Expr& s, float sign) {
    for (Route& r : routes_)
      if (r.in == in && r.weight == weight) {
        r.s = r.sign == sign ? r.s + s : r.s - s;
        return;
      }
    routes_.push_back({in, weight, sign, s, {}});
  }

  // The bias' share s_j·b_j goes to the inputs of j in equal parts: through weights of one, over their number.
  void spreadBias(const Message& m, const Expr& s) {
    for (int index : m.over)
      for (const Term& t : rule_.denominators[static_cast<std::size_t>(index)].terms) {
        if (t.bias == BiasPart::None) continue;
        if (!count_) count_ = convolved({{InputPart::One, WeightPart::One}}, "inputs");
        add(InputPart::One, WeightPart::One, safeDivide(s * biasExpr(t.bias), count_), t.sign);
      }
  }

  // One program evaluates R once and stores every numerator; equal formulas share a buffer.
  void storeSources() {
    ProgramRequest request{{}, std::move(r_.pending)};
    std::map<const ExprNode*, BufferView> known;
    for (const Expr& s : sources_) {
      BufferView& v = known[s.get()];
      const TensorDesc desc = s->desc.as(l_.shape.dense ? Element::Float32 : plan_.backend().operand());
      const bool there = isLoad(s) && s->view.rowStride == 0 && s->view.desc.element == desc.element;
      if (v.buffer < 0 && there) v = s->view;
      if (v.buffer < 0) {
        v = {plan_.addBuffer(desc, named("s")), desc};
        request.outputs.push_back({s, v});
      }
      stored_.push_back(v);
    }
    plan_.addProgram(named("s"), request);
  }

  // A transposed convolution for route k, together with the others that go back from the same numerators where that
  // fills the vector lanes a few input channels would leave empty (zbox on pixels: six channels instead of twice
  // three).
  void transpose(std::size_t k) {
    std::vector<Route*> same;
    for (std::size_t i = k; i < routes_.size(); ++i)
      if (stored_[i].buffer == stored_[k].buffer) same.push_back(&routes_[i]);
    const auto count = static_cast<std::int64_t>(same.size());
    const bool stackable = count > 1 && f_.desc(l_.input).block == 1 && !l_.shape.dense && l_.shape.groups == 1 &&
                           l_.shape.ic * count <= 16;
    if (stackable)
      transposeStacked(same, stored_[k]);
    else
      routes_[k].acc = transposed(routes_[k], stored_[k]);
  }

  // All routes of a dense layer in one pass over the weights.
  bool transposeInPlace() {
    std::vector<std::pair<WeightPart, float>> parts;
    for (const Route& r : routes_) parts.emplace_back(r.weight, 1.0f);
    const std::optional<DenseSpec> dense = denseInPlace(parts, back_.n);
    if (!dense || routes_.empty()) return false;
    std::vector<BufferView> in, out;
    for (const BufferView& s : stored_) in.push_back(f_.plain(s, node_.name));
    for (std::size_t k = 0; k < routes_.size(); ++k) out.push_back(f_.freshPlain(relevanceShape(), named("back")));
    plan_.addKernel(named("back"), plan_.backend().denseBackward(*dense), in, out, dense->flops());
    for (std::size_t k = 0; k < routes_.size(); ++k) routes_[k].acc = f_.canonical(out[k], node_.name);
    return true;
  }

  BufferView transposed(const Route& route, const BufferView& stored) {
    const BufferView s = layout(stored);
    const BufferView acc =
        l_.shape.dense ? f_.freshPlain(relevanceShape(), named("back")) : f_.fresh(relevanceShape(), named("back"));
    // The kernel speaks of the layer: its source is the layer's input, its destination the layer's output.
    LinearKernelSpec k = spec(route.weight, 1, acc.desc.block, s.desc.block, s.desc.element);
    k.shape = back_;
    plan_.addKernel(named("back"), plan_.backend().linearBackward(k), {s}, {acc}, back_.flops());
    return f_.canonical(acc, node_.name);
  }

  void transposeStacked(const std::vector<Route*>& routes, const BufferView& s) {
    const auto count = static_cast<std::int64_t>(routes.size());
    LinearKernelSpec k{.shape = back_,
                       .srcBlock = 1,
                       .dstBlock = s.desc.block,
                       .weights = {},
                       .bias = {},
                       .operands = plan_.backend().operand(),
                       .in = s.desc.element};
    k.shape.ic *= count;
    const std::int64_t perOutput = l_.shape.weightCount() / l_.shape.oc;
    std::vector<float> stacked(static_cast<std::size_t>(k.shape.weightCount()));
    for (std::int64_t r = 0; r < count; ++r) {
      const SharedFloats part = weights(routes[static_cast<std::size_t>(r)]->weight, 1);
      for (std::int64_t o = 0; o < l_.shape.oc; ++o)
        std::copy_n(part.data() + o * perOutput, perOutput, stacked.data() + (o * count + r) * perOutput);
    }
    k.weights = std::move(stacked);
    const BufferView all = f_.freshPlain(k.shape.inputShape(), named("back"));
    plan_.addKernel(named("back"), plan_.backend().linearBackward(k), {s}, {all}, k.shape.flops());
    const TensorDesc one{relevanceShape(), 1};
    for (std::int64_t r = 0; r < count; ++r)
      routes[static_cast<std::size_t>(r)]->acc = {all.buffer, one, r * one.rowFloats(), all.desc.rowFloats()};
  }

  Expr combined() {
    std::map<InputPart, Expr> byPart;
    for (const Route& r : routes_) {
      Expr& sum = byPart[r.in];
      const Expr acc = load(r.acc);
      if (!sum)
        sum = acc * r.sign;
      else
        sum = r.sign > 0 ? sum + acc : sum - acc;
    }
    Expr total;
    for (const auto& [part, acc] : byPart) {
      const Expr term = part == InputPart::One ? acc : load(partView(part)) * acc;
      total = total ? total + term : term;
    }
    return total;
  }

  // ---- after-steps
  void finish(const Expr& raw) {
    switch (rule_.after) {
      case After::None:
        return walk_.give(l_.input, walk_.derived(r_, raw));
      case After::ShiftActivated:
        return walk_.give(l_.input, walk_.derived(r_, shifted(raw)));
      case After::AbsoluteNormalise:
        return walk_.give(l_.input, walk_.derived(r_, normalised(raw)));
      case After::UniformCorrection:
        return walk_.give(l_.input, walk_.derived(r_, corrected(raw)));
    }
  }

  ScalarId scalarOf(std::vector<ScalarId> in, double (*formula)(const double*)) {
    const ScalarId out = plan_.addScalar();
    plan_.addScalarStep(std::move(in), out, formula);
    return out;
  }

  std::vector<ScalarId> sumsOf(const std::vector<Expr>& exprs, const char* what) {
    ProgramRequest request;
    std::vector<ScalarId> out;
    for (const Expr& e : exprs) {
      out.push_back(plan_.addScalar());
      request.reductions.push_back({e, Reduction::Sum, out.back()});
    }
    plan_.addProgram(named(what), request);
    return out;
  }

  // R_i = R̄_i − (ΣR̄ − ΣR)/Γ on the Γ activated ones (R̄_i ≠ 0).
  Expr shifted(const Expr& raw) {
    const std::vector<ScalarId> s = sumsOf({raw, nonZero(raw)}, "shift");
    const ScalarId psi =
        scalarOf({s[0], r_.sum, s[1]}, [](const double* v) { return v[2] > 0 ? (v[0] - v[1]) / v[2] : 0.0; });
    return shiftNonZero(raw, psi);
  }

  // R'_i = |R_i| · ΣR/Σ|R|.
  Expr normalised(const Expr& raw) {
    const std::vector<ScalarId> s = sumsOf({raw, absolute(raw)}, "normalise");
    const ScalarId k = scalarOf(s, [](const double* v) { return v[1] > 0 ? v[0] / v[1] : 0.0; });
    return absolute(raw) * rowScalar(k);
  }

  // R_i + (ΣR_k − ΣR_i)/|J| for every neuron.
  Expr corrected(const Expr& raw) {
    const std::vector<ScalarId> s = sumsOf({raw}, "correct");
    const double count = static_cast<double>(elementCount(relevanceShape()) / relevanceShape()[0]);
    const ScalarId delta = plan_.addScalar();
    plan_.addScalarStep({r_.sum, s[0]}, delta, [count](const double* v) { return (v[0] - v[1]) / count; });
    return raw + rowScalar(delta);
  }

  Walk& walk_;
  Forward& f_;
  Plan& plan_;
  const Node& node_;
  const LinearRule rule_;
  const LinearNode l_;
  LinearShape back_;  // the layer with the rows of relevance
  Relevance r_;
  std::vector<Expr> sums_, sources_;
  std::vector<BufferView> stored_;
  std::vector<Route> routes_;
  Expr count_;
};

}  // namespace

void walkLinear(Walk& walk, const Node& node, const LinearRule& rule, Relevance r) {
  LinearStep(walk, node, rule, std::move(r)).run();
}

}  // namespace relprop
