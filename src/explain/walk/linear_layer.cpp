#include "explain/walk/linear_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "explain/walk/weight_parts.h"
#include "relprop/error.h"

namespace relprop {

LinearLayer::LinearLayer(Walk& walk, const Node& node, const LinearRule& rule)
    : walk_(walk),
      f_(walk.forward()),
      plan_(walk.plan()),
      node_(node),
      l_(f_.linear(node)),
      back_(l_.shape),
      parts_(walk, node, l_.shape.dense, rule.imageBounds),
      gamma_(rule.gamma) {
  back_.n *= walk.targets();
}

BufferView LinearLayer::fresh(const Shape& shape, const char* what) {
  return l_.shape.dense ? f_.freshPlain(shape, named(what)) : f_.fresh(shape, named(what));
}

// ---- bias and weights
Expr LinearLayer::bias(BiasPart part) {
  const TensorDesc d = f_.desc(l_.output);
  if (!l_.biasImage.empty()) return imageConstant(biasPart(l_.biasImage, part, gamma_), d);
  if (!l_.shape.dense || outputShape().size() == 2) return channelConstant(biasPart(l_.bias, part, gamma_), d);
  return imageConstant(tiled(biasPart(l_.bias, part, gamma_)), d);  // dense over the last of several axes
}

std::vector<float> LinearLayer::tiled(const std::vector<float>& b) const {
  const std::int64_t elements = elementCount(outputShape()) / outputShape()[0];
  plan_.requirePart(kBytesOfImageElement * elements, named("bias"));
  std::vector<float> all(static_cast<std::size_t>(elements));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = b[i % b.size()];
  return all;
}

SharedFloats LinearLayer::weights(WeightPart part, float sign) const {
  if (part == WeightPart::W && sign == 1) return l_.weights;
  if (!isPattern(part)) return weightPart(*l_.weights, part, gamma_, sign);
  const auto& patterns = walk_.options().patterns;
  const auto found = patterns.find(node_.name);
  if (found == patterns.end() || found->second.size() != l_.weights->size())
    throw Error(ErrorCode::NotSupportedByMethod, node_.name,
                found == patterns.end() ? "no patterns" : fmt::format("{} patterns", found->second.size()),
                fmt::format("one for each of {} weights", l_.weights->size()),
                "estimate them for this model with `relprop patterns` and give the file with --patterns");
  return patternPart(*l_.weights, found->second, part, sign);
}

LinearKernelSpec LinearLayer::spec(WeightPart part, float sign, int src, int dst, Element in) const {
  const std::optional<WeightSlopes> slopes = slopesOf(part, gamma_, sign);
  return {.shape = l_.shape,
          .srcBlock = src,
          .dstBlock = dst,
          .weights = slopes ? SharedFloats(l_.weights) : weights(part, sign),
          .bias = {},
          .operands = plan_.backend().operand(),
          .in = in,
          .part = slopes.value_or(WeightSlopes{})};
}

// A dense layer at few rows, whose weights are taken in parts while they are read: one operand and one result a part.
std::optional<DenseSpec> LinearLayer::denseInPlace(const Parts& parts, std::int64_t rows) const {
  if (!l_.shape.dense || !plan_.backend().readsDenseInPlace(rows)) return std::nullopt;
  DenseSpec spec{rows, l_.shape.ic, l_.shape.oc, l_.weights, {}, {}};
  for (const auto& [part, sign] : parts) {
    const std::optional<WeightSlopes> slopes = slopesOf(part, gamma_, sign);
    if (!slopes) return std::nullopt;
    const int k = static_cast<int>(spec.terms.size());
    spec.terms.push_back({*slopes, k, k});
  }
  return spec;
}

// ---- forwards
// All terms in one pass over the weights, that of the forward pass where they read the same.
bool LinearLayer::forwardInPlace(const std::vector<Term>& terms, const char* what, const BufferView& out) {
  Parts parts;
  for (const Term& t : terms) parts.emplace_back(t.weight, t.sign);
  std::optional<DenseSpec> dense = denseInPlace(parts, l_.shape.n);
  if (!dense) return false;
  std::vector<BufferView> in;
  for (DenseTerm& t : dense->terms) t.out = 0;
  for (const Term& t : terms) in.push_back(layout(parts_.view(t.in)));
  const bool alike = std::all_of(in.begin(), in.end(), [&](const BufferView& v) { return v == in[0]; });
  if (!alike || in.empty() || !plan_.joinDense(*dense, in[0], out))
    plan_.addDense(named(what), plan_.backend().denseForward(*dense), in, out);
  return true;
}

// The sum is the same in every walk that looks at this layer. Bounds may differ from walk to walk.
bool LinearLayer::isOfAnyWalk(const std::vector<Term>& terms) const {
  return walk_.options().denominators && std::none_of(terms.begin(), terms.end(), [](const Term& t) {
           return t.in == InputPart::AboveLow || t.in == InputPart::BelowHigh || isPattern(t.weight);
         });
}

// A sum and its negative are one: −Σ x·w⁻ of one method and Σ x·w⁻ of another.
Expr LinearLayer::forward(std::vector<Term> terms, const char* what) {
  const float sign = terms.empty() ? 1 : terms[0].sign;
  for (Term& t : terms) t.sign *= sign;
  const Expr sum = isOfAnyWalk(terms) ? sharedSum(terms, what) : computed(terms, what);
  return sign == 1 ? sum : sum * sign;
}

Expr LinearLayer::sharedSum(const std::vector<Term>& terms, const char* what) {
  float gamma = 0;
  std::vector<std::tuple<InputPart, WeightPart, float>> key;
  for (const Term& t : terms) {
    key.emplace_back(t.in, t.weight, t.sign);
    if (t.weight == WeightPart::PlusGammaPos || t.weight == WeightPart::PlusGammaNeg) gamma = gamma_;
  }
  Expr& known = (*walk_.options().denominators)[{l_.output, gamma, key}];
  if (known)
    plan_.share(known->view.buffer);
  else
    known = computed(terms, what);
  return known;
}

// Where one pass over the weights does not go, a kernel for every term.
Expr LinearLayer::computed(const std::vector<Term>& terms, const char* what) {
  const BufferView out = fresh(outputShape(), what);
  if (forwardInPlace(terms, what, out)) return load(f_.canonical(out, node_.name));
  bool first = true;
  for (const Term& t : terms) {
    const BufferView x = layout(parts_.view(t.in));
    LinearKernelSpec k = spec(t.weight, t.sign, x.desc.block, out.desc.block, x.desc.element);
    k.accumulate = !first;
    plan_.addKernel(named(what), plan_.backend().linearForward(k), {x}, {out}, l_.shape.flops());
    first = false;
  }
  return load(f_.canonical(out, node_.name));
}

// ---- backwards
namespace {

// Numerators that all routes take away are stored negated, so that those routes add as well and need no weights of
// their own.
std::vector<Route> adding(const std::vector<Route>& routes) {
  const auto takenAway = [](const std::vector<Route>& all, const Route& r) {
    return std::all_of(all.begin(), all.end(), [&](const Route& o) { return o.s != r.s || o.sign < 0; });
  };
  std::map<const ExprNode*, Expr> negated;
  std::vector<Route> out = routes;
  for (Route& r : out) {
    if (!takenAway(routes, r)) continue;
    Expr& s = negated[r.s.get()];
    if (!s) s = r.s * -1.0f;
    r.s = s, r.sign = 1;
  }
  return out;
}

}  // namespace

Expr LinearLayer::backward(const std::vector<Route>& given, std::vector<ProgramRequest::Reduce> sums) {
  const std::vector<Route> routes = adding(given);
  const std::vector<BufferView> s = stored(routes, std::move(sums));
  return combined(transposed(routes, s));
}

// One program evaluates R once and stores every numerator; equal formulas share a buffer.
std::vector<BufferView> LinearLayer::stored(const std::vector<Route>& routes,
                                            std::vector<ProgramRequest::Reduce> sums) {
  ProgramRequest request{{}, std::move(sums)};
  std::map<const ExprNode*, BufferView> known;
  std::vector<BufferView> all;
  for (const Route& r : routes) {
    BufferView& v = known[r.s.get()];
    const TensorDesc desc = r.s->desc.as(l_.shape.dense ? Element::Float32 : plan_.backend().operand());
    const bool there = isLoad(r.s) && r.s->view.rowStride == 0 && r.s->view.desc.element == desc.element;
    if (v.buffer < 0 && there) v = r.s->view;
    if (v.buffer < 0) {
      v = {plan_.addBuffer(desc, named("s")), desc};
      request.outputs.push_back({r.s, v});
    }
    all.push_back(v);
  }
  plan_.addProgram(named("s"), request);
  return all;
}

// Σ sign·part(w)ᵀs of the routes that lead to one input part, each as if by a kernel of its own.
std::map<InputPart, Expr> LinearLayer::transposed(const std::vector<Route>& routes, const std::vector<BufferView>& s) {
  std::map<InputPart, Expr> sums = transposedInPlace(routes, s);
  if (!sums.empty()) return sums;
  const std::vector<BufferView> back = transposedInStacks(routes, s);
  std::vector<bool> done(routes.size());
  for (std::size_t k = 0; k < routes.size(); ++k) {
    if (done[k]) continue;
    const bool alone = back[k].buffer < 0;
    const Expr one = load(alone ? transposedTogether(routes, s, back, k, done) : back[k]);
    Expr& sum = sums[routes[k].in];
    if (!sum)
      sum = one * routes[k].sign;
    else
      sum = routes[k].sign > 0 ? sum + one : sum - one;
  }
  return sums;
}

// Of routes from the same numerators that few input channels leave room for; no view for the others.
std::vector<BufferView> LinearLayer::transposedInStacks(const std::vector<Route>& routes,
                                                        const std::vector<BufferView>& s) {
  std::vector<BufferView> back(routes.size());
  for (std::size_t k = 0; k < routes.size(); ++k) {
    if (back[k].buffer >= 0) continue;
    std::vector<std::size_t> same;
    std::vector<WeightPart> parts;
    for (std::size_t i = k; i < routes.size(); ++i)
      if (s[i].buffer == s[k].buffer) same.push_back(i), parts.push_back(routes[i].weight);
    if (!stackable(same.size())) continue;
    const std::vector<BufferView> some = stacked(parts, s[k]);
    for (std::size_t i = 0; i < some.size(); ++i) back[same[i]] = some[i];
  }
  return back;
}

// All routes of a dense layer in one pass over the weights, a result for each input part; empty where that does not go.
std::map<InputPart, Expr> LinearLayer::transposedInPlace(const std::vector<Route>& routes,
                                                         const std::vector<BufferView>& s) {
  Parts parts;
  for (const Route& r : routes) parts.emplace_back(r.weight, r.sign);
  std::optional<DenseSpec> dense = denseInPlace(parts, back_.n);
  if (!dense || routes.empty()) return {};
  std::vector<BufferView> in, out;
  for (const BufferView& v : s) in.push_back(f_.plain(v, node_.name));
  std::map<InputPart, int> results;
  for (std::size_t k = 0; k < routes.size(); ++k) {
    const auto [result, isNew] = results.try_emplace(routes[k].in, static_cast<int>(out.size()));
    if (isNew) out.push_back(f_.freshPlain(relevanceShape(), named("back")));
    dense->terms[k].out = result->second;
  }
  plan_.addKernel(named("back"), plan_.backend().denseBackward(*dense), in, out, dense->flops());
  std::map<InputPart, Expr> sums;
  for (const auto& [part, k] : results) sums[part] = load(f_.canonical(out[static_cast<std::size_t>(k)], node_.name));
  return sums;
}

// Route `first` and the later ones that lead to the same input part, one kernel after the other adding to one sum,
// which has the sign of the first.
BufferView LinearLayer::transposedTogether(const std::vector<Route>& routes, const std::vector<BufferView>& s,
                                           const std::vector<BufferView>& back, std::size_t first,
                                           std::vector<bool>& done) {
  const BufferView sum = fresh(relevanceShape(), "back");
  for (std::size_t k = first; k < routes.size(); ++k) {
    if (done[k] || back[k].buffer >= 0 || routes[k].in != routes[first].in) continue;
    addTransposed(routes[k], routes[k].sign * routes[first].sign, s[k], sum, k > first);
    done[k] = true;
  }
  return f_.canonical(sum, node_.name);
}

void LinearLayer::addTransposed(const Route& route, float sign, const BufferView& stored, const BufferView& sum,
                                bool adds) {
  const BufferView s = layout(stored);
  // The kernel speaks of the layer: its source is the layer's input, its destination the layer's output.
  LinearKernelSpec k = spec(route.weight, sign, sum.desc.block, s.desc.block, s.desc.element);
  k.shape = back_, k.accumulate = adds;
  plan_.addKernel(named("back"), plan_.backend().linearBackward(k), {s}, {sum}, back_.flops());
}

// Do so many routes from the same numerators fill the vector lanes that a few input channels would leave empty (zbox on
// pixels: six channels instead of twice three)?
bool LinearLayer::stackable(std::size_t routes) const {
  return routes > 1 && f_.desc(l_.input).block == 1 && !l_.shape.dense && l_.shape.groups == 1 &&
         l_.shape.ic * static_cast<std::int64_t>(routes) <= 16;
}

// Through all these weights at once, as if the layer had so many times its input channels.
std::vector<BufferView> LinearLayer::stacked(const std::vector<WeightPart>& parts, const BufferView& s) {
  LinearKernelSpec k = spec(WeightPart::W, 1, 1, s.desc.block, s.desc.element);
  k.shape = back_, k.weights = stackedWeights(parts);
  k.shape.ic *= static_cast<std::int64_t>(parts.size());
  const BufferView all = f_.freshPlain(k.shape.inputShape(), named("back"));
  plan_.addKernel(named("back"), plan_.backend().linearBackward(k), {s}, {all}, k.shape.flops());
  const TensorDesc one{relevanceShape(), 1};
  std::vector<BufferView> back;
  for (std::size_t r = 0; r < parts.size(); ++r)
    back.push_back({all.buffer, one, static_cast<std::int64_t>(r) * one.rowFloats(), all.desc.rowFloats()});
  return back;
}

// For every output the weights of one part behind those of another.
std::vector<float> LinearLayer::stackedWeights(const std::vector<WeightPart>& parts) const {
  const std::int64_t count = static_cast<std::int64_t>(parts.size()), perOutput = l_.shape.weightCount() / l_.shape.oc;
  std::vector<float> all(static_cast<std::size_t>(l_.shape.weightCount() * count));
  for (std::int64_t r = 0; r < count; ++r) {
    const SharedFloats part = weights(parts[static_cast<std::size_t>(r)], 1);
    for (std::int64_t o = 0; o < l_.shape.oc; ++o)
      std::copy_n(part.data() + o * perOutput, perOutput, all.data() + (o * count + r) * perOutput);
  }
  return all;
}

Expr LinearLayer::combined(const std::map<InputPart, Expr>& sums) {
  Expr total;
  for (const auto& [part, sum] : sums) {
    const Expr term = part == InputPart::One ? sum : load(parts_.view(part)) * sum;
    total = total ? total + term : term;
  }
  return total;
}

}  // namespace relprop
