#include "explain/walk/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {
namespace {

bool spreadsToSeveral(const Graph& g, const Node& n) {
  int dynamic = 0;
  for (ValueId id : n.inputs) dynamic += id != kNoValue && !g.isConstant(id);
  return dynamic > 1;
}

// The graph with the rows of relevance. Constants that withRows repeats are new values there; the walk sends them
// nothing, and its values have to be those of the forward pass.
Graph graphOfRelevance(const Graph& forward, std::int64_t rows) {
  Graph graph = withRows(forward, rows);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) graph.nodes[i].inputs = forward.nodes[i].inputs;
  graph.values.resize(forward.values.size());
  return graph;
}

// So many messages wait at a value to be added up: a tensor that thousands read would otherwise have as many buffers.
constexpr std::size_t kMessages = 64;

}  // namespace

Walk::Walk(Forward& forward, std::vector<const Rule*> rules, WalkOptions options)
    : forward_(forward),
      graph_(graphOfRelevance(forward.graph(), forward.plan().rows() * forward.plan().targets())),
      rules_(std::move(rules)),
      options_(std::move(options)),
      nonNegative_(nonNegativeValues(forward.graph())),
      signals_(signalsOf(forward.graph())) {
  findUseful();
}

// Backwards from the scores only what lies between them and a goal is visited.
void Walk::findUseful() {
  useful_.assign(graph_.values.size(), false);
  for (ValueId id : options_.record) useful_[static_cast<std::size_t>(id)] = true;
  if (options_.toInput) useful_[static_cast<std::size_t>(graph_.inputs[0])] = true;
  for (const Node& n : graph_.nodes)
    for (ValueId id : n.inputs)
      if (id != kNoValue && useful_[static_cast<std::size_t>(id)])
        useful_[static_cast<std::size_t>(n.outputs[0])] = true;
}

InputRanges::Range Walk::rangeOf(ValueId id) {
  if (!ranges_) ranges_.emplace(forward_.graph(), *options_.bounds);
  return ranges_->of(id);
}

Relevance Walk::derived(Relevance& from, const Expr& e) {
  const ScalarId sum = plan().addScalar();
  Relevance r{e, sum, std::move(from.pending), from.scale};
  from.pending.clear();
  if (options_.sums) r.pending.push_back({e, Reduction::Sum, sum});
  return r;
}

void Walk::give(ValueId to, Relevance relevance) {
  if (!useful_[static_cast<std::size_t>(to)]) return;
  if (current_) current_->out.push_back(relevance.sum), current_->scaleOut = relevance.scale;
  std::vector<Relevance>& all = given_[to];
  all.push_back(std::move(relevance));
  if (all.size() < kMessages) return;
  Relevance sum = collect(to);
  store(sum, graph_.value(to).name + " (R so far)");
  all.clear();
  all.push_back(std::move(sum));
}

BufferView Walk::store(Relevance& r, const std::string& name) {
  if (isLoad(r.expr) && r.expr->view.rowStride == 0) {
    plan().addProgram(name, {{}, r.pending});
    r.pending.clear();
    return r.expr->view;
  }
  const BufferView to{plan().addBuffer(r.expr->desc, name), r.expr->desc};
  plan().addProgram(name, {{{r.expr, to}}, r.pending});
  r.expr = load(to);
  r.pending.clear();
  return to;
}

void Walk::absorb(Relevance& r, Absorbed why, const Expr& e) {
  if (!options_.sums || !current_) return;
  const ScalarId sum = plan().addScalar();
  current_->absorbed[static_cast<std::size_t>(why)].push_back(sum);
  r.pending.push_back({e, Reduction::Sum, sum});
}

BufferView Walk::expanded(const BufferView& activation, const std::string& name) {
  if (targets() == 1) return activation;
  TensorDesc desc = activation.desc;
  desc.shape[0] *= targets();
  const BufferView to{plan().addBuffer(desc, name), desc};
  plan().addProgram(name + " (targets)", {{{load(activation), to}}, {}});
  return to;
}

void Walk::record(ValueId id, Relevance& r) {
  if (std::find(options_.record.begin(), options_.record.end(), id) == options_.record.end()) return;
  const std::string name = graph_.value(id).name + " (recorded)";
  Relevance whole = unscaled(r);
  r.pending = {};
  const BufferView from = forward_.plain(store(whole, name), name),
                   to = forward_.freshPlain(graph_.value(id).shape, name);
  plan().pin(to.buffer);
  plan().addProgram(name, {{{load(from), to}}, {}});
  recorded_.push_back({id, to});
  if (r.scale < 0) r.expr = whole.expr;
}

void Walk::recordConstant(const Node& node, const Rule& rule, const Relevance& r) {
  Relevance whole = unscaled({r.expr, r.sum, {}, r.scale});
  const Expr constant = constantPart(*this, node, rule, whole);
  if (!constant) return;
  const std::string name = node.name + " (constant)";
  const BufferView from = forward_.plain(forward_.materialise(whole.expr * constant, name), name),
                   to = forward_.freshPlain(graph_.value(node.outputs[0]).shape, name);
  plan().pin(to.buffer);
  plan().addProgram(name, {{{load(from), to}}, {}});
  constants_.push_back({node.outputs[0], to});
}

// The formula for what is meant. In two factors that float32 holds: what is 0 stays 0, and what float32 does not hold
// becomes infinite.
Relevance Walk::unscaled(Relevance r) {
  if (r.scale < 0) return r;
  const ScalarId first = plan().addScalar(), second = plan().addScalar();
  plan().addScalarStep({r.scale}, first, [](const double* v) { return std::min(v[0], 0x1p127); });
  plan().addScalarStep({r.scale, first}, second, [](const double* v) { return std::min(v[0] / v[1], 0x1p127); });
  Relevance whole = derived(r, r.expr * rowScalar(first) * rowScalar(second));
  whole.scale = -1;
  return whole;
}

// Several messages can be added once all mean the same by 1: the largest of their scales.
ScalarId Walk::commonScale(std::vector<Relevance>& all) {
  std::vector<ScalarId> scales;
  for (const Relevance& r : all) scales.push_back(r.scale);
  if (std::all_of(scales.begin(), scales.end(), [&](ScalarId id) { return id == scales[0]; })) return scales[0];
  std::erase(scales, -1);
  const std::size_t count = scales.size();
  const ScalarId common = plan().addScalar();
  plan().addScalarStep(scales, common,
                       [count](const double* v) { return std::max(1.0, *std::max_element(v, v + count)); });
  for (Relevance& r : all) {
    const ScalarId factor = plan().addScalar();
    if (r.scale < 0)
      plan().addScalarStep({common}, factor, [](const double* v) { return 1 / v[0]; });
    else
      plan().addScalarStep({r.scale, common}, factor, [](const double* v) { return v[0] / v[1]; });
    r.expr = r.expr * rowScalar(factor);
  }
  return common;
}

// What arrived at a value: the only message, or the sum of all.
Relevance Walk::collect(ValueId id) {
  std::vector<Relevance>& all = given_[id];
  if (all.size() == 1) return std::move(all[0]);
  Relevance parts;
  parts.scale = commonScale(all);
  Expr sum = all[0].expr;
  for (std::size_t k = 1; k < all.size(); ++k) sum = sum + all[k].expr;
  for (Relevance& r : all) parts.pending.insert(parts.pending.end(), r.pending.begin(), r.pending.end());
  return derived(parts, sum);
}

void Walk::visit(int index) {
  const Node& node = graph().nodes[static_cast<std::size_t>(index)];
  if (given_.count(node.outputs[0]) == 0) return;
  const NodeScope scope(plan(), node.name);
  const bool ends = std::none_of(node.inputs.begin(), node.inputs.end(),
                                 [&](ValueId id) { return id != kNoValue && useful_[static_cast<std::size_t>(id)]; });
  if (ends) {
    Relevance last = collect(node.outputs[0]);
    return record(node.outputs[0], last);
  }
  const Rule* rule = rules_[static_cast<std::size_t>(index)];
  if (!rule)
    throw Error(ErrorCode::NotSupportedByMethod, node.name, fmt::format("no rule for {}", opName(node.op)),
                "a row of the table that fits", "add one with --rule");
  Relevance r = collect(node.outputs[0]);
  record(node.outputs[0], r);
  ledger_.push_back({index, r.sum, {}, {}, r.scale, -1});
  current_ = &ledger_.back();
  if (spreadsToSeveral(graph(), node)) store(r, node.name + " (R)");
  if (options_.constants) recordConstant(node, *rule, r);
  if (rule->linear)
    walkLinear(*this, node, rule->terms, std::move(r));
  else
    walkNode(*this, node, *rule, std::move(r));
  current_ = nullptr;
}

// Kernels have copies of what they need; weights that were made for this plan alone would double them until the end.
void Walk::release(int index) {
  for (ValueId id : graph().nodes[static_cast<std::size_t>(index)].inputs) {
    if (id == kNoValue || !graph().isConstant(id)) continue;
    const std::vector<int>& readers = forward_.uses().consumers[static_cast<std::size_t>(id)];
    if (*std::min_element(readers.begin(), readers.end()) < index) continue;
    graph_.value(id).constant = withoutValues(*graph_.value(id).constant);
    if (options_.release) options_.release(id);
  }
}

BufferView Walk::run(const BufferView& seed, ValueId scores) {
  const Shape& shape = graph().value(scores).shape;
  Relevance none;
  give(scores, derived(none, load(forward_.canonical(seed.reshaped({shape, 1}), "seed"))));
  for (int i = static_cast<int>(graph().nodes.size()) - 1; i >= 0; --i) visit(i), release(i);
  return options_.toInput ? finish(graph().inputs[0]) : BufferView{};
}

BufferView Walk::finish(ValueId in) {
  const BufferView out = forward_.freshPlain(graph().value(in).shape, "relevance");
  plan().pin(out.buffer);
  if (given_.count(in) == 0)
    throw Error(ErrorCode::NotSupportedByMethod, graph().value(in).name, "no relevance reaches the input",
                "a path from the scores to the input");
  Relevance r = unscaled(collect(in));
  if (options_.times == Multiply::Input) r = derived(r, r.expr * forward_.value(in));
  if (options_.times == Multiply::DifferenceToBaseline)
    r = derived(r, r.expr * (forward_.value(in) - options_.baseline->value(in)));
  resultSum_ = r.sum;
  const BufferView at = forward_.plain(store(r, "input relevance"), "relevance");
  plan().addProgram("relevance", {{{load(at), out}}, {}});
  return out;
}

}  // namespace relprop
