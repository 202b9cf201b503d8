#include "explain/compiled.h"

#include <algorithm>
#include <set>
#include <utility>

#include "explain/layers.h"
#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// A single number of an inner node is no class among others.
HeadKind kindOf(const ScoreShape& shape, const CompileOptions& options) {
  return options.anyScores && shape.count() == 1 ? HeadKind::Regression : options.head.kind;
}

ScoreShape scoreShapeOf(const Graph& graph, const CompileOptions& options) {
  const Value& scores = graph.value(graph.outputs.at(0));
  const Shape& s = scores.shape;
  ScoreShape out;
  for (std::size_t i = 2; i < s.size(); ++i) out.positions *= s[i];
  if (s.size() < 2 || (out.positions != 1 && !options.anyScores))
    throw Error(ErrorCode::UnsupportedModel, scores.name, "scores of shape " + toString(s), "N×classes",
                "give a classifier, or explain an inner node with --from");
  out.classes = s[1];
  out.head = kindOf(out, options);
  if (options.head.kept.empty()) return out;
  out.kept = options.head.kept;
  out.scores = std::exchange(out.classes, static_cast<std::int64_t>(out.kept.size()));
  return out;
}

// Rules under which a ReLU needs nothing but its output: derivatives, and a pass where no relevance arrives at neurons
// that were cut off.
bool needsOutputOnly(const Rule& rule, bool vanishes) {
  return rule.node == NodeRule::Jacobian || rule.node == NodeRule::Guided || rule.node == NodeRule::Deconv ||
         (rule.node == NodeRule::Pass && vanishes);
}

// Which ReLUs may run inside the convolution before them. `kept`: values somebody reads.
std::function<bool(int)> fusion(const Graph& graph, const std::vector<const Rule*>& rules,
                                const std::vector<ValueId>& kept) {
  const std::vector<bool> vanishes = vanishesWithValue(graph, rules);
  const Uses uses = usesOf(graph);
  std::vector<bool> fuse(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& n = graph.nodes[i];
    if (n.op != Op::Relu) continue;
    const auto in = static_cast<std::size_t>(n.inputs[0]);
    const int producer = uses.producer[in];
    const bool alone = producer >= 0 && graph.nodes[static_cast<std::size_t>(producer)].op == Op::Conv &&
                       uses.consumers[in].size() == 1 && std::find(kept.begin(), kept.end(), n.inputs[0]) == kept.end();
    fuse[i] = alone && (!rules[i] || needsOutputOnly(*rules[i], vanishes[static_cast<std::size_t>(n.outputs[0])]));
  }
  return [fuse](int i) { return static_cast<bool>(fuse[static_cast<std::size_t>(i)]); };
}

bool sumsNeeded(const std::vector<const Rule*>& rules) {
  return std::any_of(rules.begin(), rules.end(),
                     [](const Rule* r) { return r && r->linear && r->terms.after != After::None; });
}

}  // namespace

CompiledMethod::CompiledMethod(Unlaid, Graph graph, Method method, Backend& backend, const CompileOptions& options)
    : graph_(std::move(graph)),
      method_(std::move(method)),
      limit_(options.memory),
      plan_(backend, graph_.value(graph_.inputs.at(0)).shape.at(0), options.targets),
      scoreShape_(scoreShapeOf(graph_, options)) {
  method_.backward = method_.backward && !options.forwardOnly;
  method_.comparesWithBaseline = method_.comparesWithBaseline && !options.forwardOnly;
  method_.readsLayer = method_.readsLayer && !options.forwardOnly;
  chooseRules(options.rules);
  chooseNodes(options);
  watchConstants(options.imported);
  build(options);
}

CompiledMethod::CompiledMethod(Graph graph, Method method, Backend& backend, const CompileOptions& options)
    : CompiledMethod(Unlaid{}, std::move(graph), std::move(method), backend, options) {
  plan_.compile(limit());
}

std::unique_ptr<CompiledMethod> CompiledMethod::within(Graph graph, Method method, Backend& backend,
                                                       const CompileOptions& options) {
  std::unique_ptr<CompiledMethod> compiled(
      new CompiledMethod(Unlaid{}, std::move(graph), std::move(method), backend, options));
  if (!compiled->plan_.compileWithin(compiled->limit())) return nullptr;
  return compiled;
}

bool CompiledMethod::fits(const Graph& graph, const Method& method, Backend& idle, const CompileOptions& options) {
  CompiledMethod compiled(Unlaid{}, graph, method, idle, options);
  compiled.constants_.clear();
  compiled.watchConstants(options.imported);
  return compiled.plan_.fitsInto(compiled.limit());
}

// Methods without a walk have no rules; every node then runs as it is cheapest.
void CompiledMethod::chooseRules(const std::vector<std::string>& userRules) {
  rules_.assign(graph_.nodes.size(), nullptr);
  if (!method_.backward && !userRules.empty())
    throw Error(ErrorCode::NotSupportedByMethod, "rule " + userRules.front(), method_.text + " has no rules",
                "a method that walks backwards");
  if (!method_.backward) return;
  method_.table.prependUser(userRules);
  const std::vector<NodeFacts> facts = nodeFacts(graph_);
  method_.table.requireUserRowsMatch(facts);
  for (std::size_t i = 0; i < facts.size(); ++i) rules_[i] = method_.table.find(facts[i]);
}

bool CompiledMethod::scalesToSum() const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [](const Rule* r) { return r && r->linear && r->terms.after == After::AbsoluteNormalise; });
}

bool CompiledMethod::halves(int node) const {
  const auto k = static_cast<std::size_t>(node);
  return rules_[k] && rules_[k]->node == NodeRule::Gate && signals_[k] == Signal::Both;
}

// The layer of class activation maps, which has to lie in the picture.
int CompiledMethod::chooseLayer() {
  FeatureMaps maps(graph_, graph_.outputs.at(0));
  const int last = maps.last();
  if (method_.layer.empty() && last < 0)
    throw Error(ErrorCode::NotSupportedByMethod, "layer", "no value that lies in the picture and that the scores read",
                "a feature map N×C×h×w, or tokens that come from one", "name a node with layer=");
  const int node = method_.layer.empty() ? last : nodesNamed(graph_, method_.layer, "layer").back();
  const Node& n = graph_.nodes[static_cast<std::size_t>(node)];
  layer_ = n.outputs[0], layerName_ = n.name;
  const auto refuse = [&](const std::string& got, const char* expected) {
    throw Error(
        ErrorCode::NotSupportedByMethod, layerName_, got, expected,
        last < 0 ? "name another node with layer=" : "try layer=" + graph_.nodes[static_cast<std::size_t>(last)].name);
  };
  const std::optional<FeatureMap> map = maps.of(layer_);
  if (!map)
    refuse(toString(graph_.value(layer_).shape) + ", whose places in the picture are not known",
           "a feature map N×C×h×w, or tokens that come from one");
  if (method_.backward && !maps.areRead(layer_))
    refuse("no score reads what lies in the picture, only what has no place (a class token)",
           "a layer before it is read");
  layerMap_ = *map;
  return node;
}

void CompiledMethod::chooseNodes(const CompileOptions& options) {
  const auto want = [&](int node, bool required = true) {
    const Node& n = graph_.nodes[static_cast<std::size_t>(node)];
    wanted_.push_back({n.outputs[0], n.name, required});
  };
  if (method_.readsLayer) {
    const int node = chooseLayer();
    if (method_.backward) want(node);
  }
  if (!method_.backward) return;
  for (const std::string& name : options.at) {
    const bool glob = name.find_first_of("*?") != std::string::npos;
    for (int node : nodesNamed(graph_, name, "--at")) want(node, !glob);
  }
}

std::vector<float> CompiledMethod::asFeatureMap(const float* values) const {
  std::vector<float> map(static_cast<std::size_t>(elementCount(layerMap_.shape)));
  if (layerMap_.order.empty()) return {values, values + map.size()};
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = values[layerMap_.order[i]];
  return map;
}

std::vector<float> CompiledMethod::activation(std::int64_t row) {
  return asFeatureMap(plan_.data(activation_.buffer) + row * layerFloats());
}

// The layer is the first of the recorded nodes.
std::vector<float> CompiledMethod::layerRelevance(std::int64_t row) {
  return asFeatureMap(recorded(0) + row * layerFloats());
}

void CompiledMethod::build(const CompileOptions& options) {
  watchConstants(&graph_);
  releaseUnread();
  {
    const auto fuse = fusion(graph_, rules_, {layer_});
    Forward forward(graph_, plan_, fuse), baseline(graph_, plan_, fuse);
    buildForward(forward);
    if (method_.comparesWithBaseline) {
      baseline.build();
      baselineInput_ = baseline.inputView();
    }
    if (method_.backward) buildBackward(forward, method_.comparesWithBaseline ? &baseline : nullptr, options);
  }
  for (std::size_t id = 0; id < graph_.values.size(); ++id) release(static_cast<ValueId>(id));
}

void CompiledMethod::watchConstants(const Graph* graph) {
  std::set<const void*> seen;
  for (const auto& known : constants_)
    if (const auto alive = known.lock()) seen.insert(alive.get());
  for (std::size_t i = 0; graph && i < graph->values.size(); ++i) {
    const auto& constant = graph->values[i].constant;
    if (constant && constant->floats && seen.insert(constant->floats.get()).second)
      constants_.push_back(constant->floats);
  }
}

void CompiledMethod::release(ValueId id) {
  Value& v = graph_.value(id);
  if (v.constant) v.constant = withoutValues(*v.constant);
}

// What passes have made and replaced again.
void CompiledMethod::releaseUnread() {
  const Uses uses = usesOf(graph_);
  for (std::size_t id = 0; id < graph_.values.size(); ++id)
    if (uses.consumers[id].empty()) release(static_cast<ValueId>(id));
}

std::int64_t CompiledMethod::constantBytes() const {
  std::int64_t bytes = 0;
  for (const auto& watched : constants_)
    if (const auto alive = watched.lock()) bytes += static_cast<std::int64_t>(alive->size() * sizeof(float));
  return bytes;
}

void CompiledMethod::buildForward(Forward& forward) {
  forward.build();
  input_ = forward.inputView();
  imageShape_ = Shape(input_.desc.shape.begin() + 1, input_.desc.shape.end());
  const auto kept = [&](ValueId id, const std::string& name) {
    const BufferView from = forward.plain(forward.buffer(id), name), to = forward.freshPlain(from.desc.shape, name);
    plan_.pin(to.buffer);
    plan_.addProgram(name, {{{load(from), to}}, {}});
    return to;
  };
  scores_ = kept(graph_.outputs.at(0), "scores");
  if (layer_ != kNoValue) activation_ = kept(layer_, layerName_ + " (recorded)");
}

void CompiledMethod::buildBackward(Forward& forward, Forward* baseline, const CompileOptions& options) {
  plan_.beginBackward();
  Shape seeds = scores_.desc.shape;
  seeds[0] *= plan_.targets();
  seed_ = forward.freshPlain(seeds, "seed");
  plan_.pin(seed_.buffer);
  WalkOptions all = options.walk;
  all.sums = options.walk.sums || sumsNeeded(rules_);
  all.times = method_.times;
  for (const Wanted& w : wanted_) all.record.push_back(w.value);
  all.toInput = !method_.readsLayer;
  all.baseline = baseline;
  all.release = [this](ValueId id) { release(id); };
  Walk walk(forward, rules_, all);
  relevance_ = walk.run(seed_, graph_.outputs.at(0));
  ledger_ = walk.ledger();
  signals_ = walk.signals();
  resultSum_ = walk.resultSum();
  sortRecorded(walk.recorded());
}

// In the order they were asked for. A glob may also match nodes that no relevance reaches, such as gates.
void CompiledMethod::sortRecorded(const std::vector<Recorded>& all) {
  for (const Wanted& w : wanted_) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Recorded& r) { return r.value == w.value; });
    if (found == all.end() && w.required)
      throw Error(ErrorCode::NotSupportedByMethod, w.node, "no relevance reaches this node",
                  "a node between the scores and the input");
    if (found == all.end()) continue;
    recorded_.push_back(*found);
    recordedNodes_.push_back(w.node);
  }
}

}  // namespace relprop
