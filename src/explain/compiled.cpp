#include "explain/compiled.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "explain/layers.h"
#include "explain/procedure.h"
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

// Does the rule of the layer before look at what a cut takes away? A layer without one has no way back.
bool readsOutput(const Rule* layer) {
  return layer && (!layer->linear || layer->terms.readsOutput());
}

// May a ReLU or a Clip above 0 whose relevance goes back by `rule` hide its input? Where a derivative is taken no
// relevance arrives at what was cut off, and where it passes as it is none at what was below 0, if none arrives at
// zeros.
bool needsOutputOnly(const Node& cut, const Rule& rule, bool vanishes, const Rule* layer) {
  switch (rule.node) {
    case NodeRule::Jacobian:
    case NodeRule::Guided:
      return true;
    case NodeRule::Deconv:
      return !readsOutput(layer);
    case NodeRule::Pass:
      return vanishes && (cut.op == Op::Relu || !readsOutput(layer));
    case NodeRule::Smooth:
    case NodeRule::Winner:
    case NodeRule::Average:
    case NodeRule::Proportional:
    case NodeRule::Ratio:
    case NodeRule::Symmetric:
    case NodeRule::Agreeing:
    case NodeRule::Gate:
    case NodeRule::Rescale:
    case NodeRule::Attention:
      break;
  }
  return false;
}

// Which of them may run inside the convolution before. `kept`: values somebody reads.
std::function<bool(int)> fusion(const Graph& graph, const std::vector<const Rule*>& rules,
                                const std::vector<ValueId>& kept) {
  const std::vector<bool> vanishes = vanishesWithValue(graph, rules);
  const Uses uses = usesOf(graph);
  std::vector<bool> fuse(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& n = graph.nodes[i];
    if (!cutOf(n)) continue;
    const auto in = static_cast<std::size_t>(n.inputs[0]);
    const int producer = uses.producer[in];
    const bool alone = producer >= 0 && graph.nodes[static_cast<std::size_t>(producer)].op == Op::Conv &&
                       uses.consumers[in].size() == 1 && std::find(kept.begin(), kept.end(), n.inputs[0]) == kept.end();
    fuse[i] = alone && (!rules[i] || needsOutputOnly(n, *rules[i], vanishes[static_cast<std::size_t>(n.outputs[0])],
                                                     rules[static_cast<std::size_t>(producer)]));
  }
  return [fuse](int i) { return static_cast<bool>(fuse[static_cast<std::size_t>(i)]); };
}

bool sumsNeeded(const std::vector<const Rule*>& rules) {
  return std::any_of(rules.begin(), rules.end(),
                     [](const Rule* r) { return r && r->linear && r->terms.after != After::None; });
}

}  // namespace

CompiledMethod::Network::Network(Graph own, Backend& backend, const CompileOptions& options)
    : graph(std::move(own)),
      memory(options.memory),
      plan(backend, graph.value(graph.inputs.at(0)).shape.at(0), options.targets, options.memory.bytes) {
  watchConstants(options.imported);
}

CompiledMethod::CompiledMethod(Unlaid, std::shared_ptr<Network> network, Method method, const CompileOptions& options)
    : network_(std::move(network)), method_(std::move(method)), scoreShape_(scoreShapeOf(graph(), options)) {
  method_.backward = method_.backward && !options.forwardOnly;
  method_.comparesWithBaseline = method_.comparesWithBaseline && !options.forwardOnly;
  method_.readsLayer = method_.readsLayer && !options.forwardOnly;
  method_.resumesAtLayer = method_.resumesAtLayer && !options.forwardOnly;
  chooseRules(options.rules);
  chooseNodes(options);
}

CompiledMethod::CompiledMethod(Graph graph, Method method, Backend& backend, const CompileOptions& options)
    : CompiledMethod(Unlaid{}, std::make_shared<Network>(std::move(graph), backend, options), std::move(method),
                     options) {
  build({this}, {&options});
  plan().compile(network_->limit());
}

CompiledMethod::Together CompiledMethod::unlaid(Graph graph, const std::vector<Asked>& asked, Backend& backend) {
  const auto network = std::make_shared<Network>(std::move(graph), backend, asked.at(0).options);
  Together methods;
  std::vector<CompiledMethod*> all;
  std::vector<const CompileOptions*> options;
  for (const Asked& one : asked) {
    methods.emplace_back(new CompiledMethod(Unlaid{}, network, one.method, one.options));
    all.push_back(methods.back().get()), options.push_back(&one.options);
  }
  build(all, options);
  return methods;
}

CompiledMethod::Together CompiledMethod::together(Graph graph, const std::vector<Asked>& asked, Backend& backend) {
  Together methods = unlaid(std::move(graph), asked, backend);
  Network& network = *methods[0]->network_;
  return network.plan.compileWithin(network.limit()) ? std::move(methods) : Together();
}

std::unique_ptr<CompiledMethod> CompiledMethod::within(Graph graph, Method method, Backend& backend,
                                                       const CompileOptions& options) {
  const auto network = std::make_shared<Network>(std::move(graph), backend, options);
  std::unique_ptr<CompiledMethod> one(new CompiledMethod(Unlaid{}, network, std::move(method), options));
  build({one.get()}, {&options});
  return network->plan.compileWithin(network->limit()) ? std::move(one) : nullptr;
}

bool CompiledMethod::fitTogether(const Graph& graph, const std::vector<Asked>& asked, Backend& idle) {
  const Together methods = unlaid(graph, asked, idle);
  Network& network = *methods[0]->network_;
  network.constants.clear();
  network.watchConstants(asked[0].options.imported);
  return network.plan.fitsInto(network.limit());
}

bool CompiledMethod::fits(const Graph& graph, const Method& method, Backend& idle, const CompileOptions& options) {
  return fitTogether(graph, {{method, options}}, idle);
}

// Methods without a walk have no rules; every node then runs as it is cheapest.
void CompiledMethod::chooseRules(const std::vector<std::string>& userRules) {
  rules_.assign(graph().nodes.size(), nullptr);
  if (!method_.backward && !userRules.empty())
    throw Error(ErrorCode::NotSupportedByMethod, "rule " + userRules.front(), method_.text + " has no rules",
                "a method that walks backwards");
  if (!method_.backward) return;
  method_.table.prependUser(userRules);
  const std::vector<NodeFacts> facts = nodeFacts(graph());
  method_.table.requireUserRowsMatch(facts);
  for (std::size_t i = 0; i < facts.size(); ++i) rules_[i] = method_.table.find(facts[i]);
  requireBaselineForRescale();
  for (std::size_t i = 0; method_.toLayer && i < facts.size(); ++i)
    layerRules_.push_back(method_.toLayer->find(facts[i]));
}

void CompiledMethod::requireBaselineForRescale() const {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (rules_[i] && rules_[i]->node == NodeRule::Rescale && !method_.comparesWithBaseline)
      throw Error(ErrorCode::InvalidRule, graph().nodes[i].name, "rule rescale under " + method_.text,
                  "a rule that needs no second picture", "use -m deeplift, which has one");
}

bool CompiledMethod::scalesToSum() const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [](const Rule* r) { return r && r->linear && r->terms.after == After::AbsoluteNormalise; });
}

bool CompiledMethod::halves(int node) const {
  const auto k = static_cast<std::size_t>(node);
  return rules_[k] && rules_[k]->node == NodeRule::Gate && signals_[k] == Signal::Both;
}

FeatureMaps CompiledMethod::featureMaps() const {
  return {graph(), graph().outputs.at(0), network_->memory.bytes};
}

// The layer of class activation maps, which has to lie in the picture.
int CompiledMethod::chooseLayer() {
  FeatureMaps maps = featureMaps();
  const int last = maps.last();
  const char* const without = "take a method that needs none, such as gradient, lrp-zplus or occlusion";
  if (method_.layer.empty() && last < 0)
    throw Error(ErrorCode::NotSupportedByMethod, "layer", "a network without feature maps that its scores read",
                "a feature map N×C×h×w, or tokens that come from one", without);
  const int node = method_.layer.empty() ? last : nodesNamed(graph(), method_.layer, "layer").back();
  const Node& n = graph().nodes[static_cast<std::size_t>(node)];
  layer_ = n.outputs[0], layerName_ = n.name;
  const auto refuse = [&](const std::string& got, const char* expected) {
    throw Error(ErrorCode::NotSupportedByMethod, layerName_, got, expected,
                last < 0 ? without : "try layer=" + graph().nodes[static_cast<std::size_t>(last)].name);
  };
  const std::optional<FeatureMap> map = maps.of(layer_);
  if (!map)
    refuse(toString(graph().value(layer_).shape) + ", whose places in the picture are not known",
           "a feature map N×C×h×w, or tokens that come from one");
  if ((method_.backward || method_.resumesAtLayer) && !maps.areRead(layer_))
    refuse("no score reads what lies in the picture, only what has no place (a class token)",
           "a layer before it is read");
  layerMap_ = *map;
  return node;
}

// The nodes whose relevance says what the score reads of the last layer, and what it does with the weights of each.
std::vector<int> CompiledMethod::chooseAttention() {
  if (method_.readsAttention == ReadAttention::None) return {};
  attention_ = attentionLayers(graph(), featureMaps());
  std::vector<int> nodes = {attention_.layers.back().node};
  if (method_.readsAttention == ReadAttention::Weights) return nodes;
  const Uses uses = usesOf(graph());
  for (const AttentionLayer& layer : attention_.layers)
    nodes.push_back(uses.producer[static_cast<std::size_t>(layer.weights)]);
  return nodes;
}

void CompiledMethod::chooseNodes(const CompileOptions& options) {
  const auto want = [&](int node, bool required = true) {
    const Node& n = graph().nodes[static_cast<std::size_t>(node)];
    wanted_.push_back({n.outputs[0], n.name, required});
  };
  if (method_.readsLayer) {
    const int node = chooseLayer();
    if (method_.backward) want(node);
  }
  if (!method_.backward) return;
  for (int node : chooseAttention()) want(node);
  for (const std::string& name : options.at) {
    const bool glob = nodesCalled(graph(), name).empty();
    for (int node : nodesNamed(graph(), name, "--at")) want(node, !glob);
  }
}

namespace {

// A row of a value as C×h×w.
std::vector<float> placed(const FeatureMap& where, const float* values) {
  std::vector<float> map(static_cast<std::size_t>(elementCount(where.shape)));
  if (where.order.empty()) return {values, values + map.size()};
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = values[where.order[i]];
  return map;
}

}  // namespace

std::vector<float> CompiledMethod::activation(std::int64_t row) {
  return placed(layerMap_, plan().data(activation_.buffer) + row * layerFloats());
}

void CompiledMethod::putIn(std::int64_t row, const float* activation) {
  const std::int64_t size = layerFloats();
  float* to = plan().data(putIn_.buffer) + row * size;
  std::copy_n(plan().data(activation_.buffer) + row * size, size, to);
  const auto count = static_cast<std::size_t>(elementCount(layerMap_.shape));
  for (std::size_t i = 0; i < count; ++i)
    to[layerMap_.order.empty() ? static_cast<std::int64_t>(i) : layerMap_.order[i]] = activation[i];
}

// The layer is the first of the recorded nodes.
std::vector<float> CompiledMethod::layerRelevance(std::int64_t row) {
  return placed(layerMap_, recorded(0) + row * layerFloats());
}

// Recorded: first what the last layer puts out, then the weights of each.
std::vector<bool> CompiledMethod::readQueries(std::int64_t row) {
  const AttentionLayer& last = attention_.layers.back();
  const Shape& shape = recordedShape(0);  // N×heads×queries×width
  const std::int64_t floats = elementCount(shape) / shape[0];
  const float* gradient = recorded(0) + row * floats;
  std::vector<bool> read(static_cast<std::size_t>(last.queries));
  for (std::int64_t i = 0; i < floats; ++i)
    if (gradient[i] != 0) read[static_cast<std::size_t>(i / shape.back() % last.queries)] = true;
  return read;
}

AttentionValues CompiledMethod::attention(std::int64_t row, std::int64_t target) {
  AttentionValues all;
  const std::int64_t at = row * targets() + target;
  for (std::size_t k = 0; k < attention_.layers.size(); ++k) {
    const AttentionLayer& layer = attention_.layers[k];
    const std::int64_t floats = layer.heads * layer.queries * layer.keys;
    const float* weights = plan().data(attentionWeights_[k].buffer) + row * floats;
    all.layers.push_back({layer, {weights, weights + floats}, {}});
    if (method_.readsAttention == ReadAttention::Weights) continue;
    const float* gradient = recorded(k + 1) + at * floats;
    all.layers.back().gradient.assign(gradient, gradient + floats);
  }
  all.read = readQueries(at);
  return all;
}

std::int64_t CompiledMethod::stride() {
  if (stride_) return *stride_;
  FeatureMaps maps = featureMaps();
  const int last = maps.last();
  if (last < 0 || imageShape().size() != 3) return *(stride_ = 1);
  const Shape map = maps.of(graph().nodes[static_cast<std::size_t>(last)].outputs[0])->shape;
  return *(stride_ = std::max<std::int64_t>(1, std::min(imageShape()[1] / map[1], imageShape()[2] / map[2])));
}

std::vector<PlacedValues> CompiledMethod::constants(std::int64_t row) {
  std::vector<PlacedValues> all;
  for (const auto& [constant, map] : constants_) {
    const std::int64_t floats = constant.relevance.desc.rowFloats();
    const float* values = plan().data(constant.relevance.buffer) + row * floats;
    if (map)
      all.push_back({map->shape, placed(*map, values)});
    else
      all.push_back({{}, {values, values + floats}});
  }
  return all;
}

// Which ReLUs and Clips may run inside the convolution before them, as this method has it.
CompiledMethod::Fuse CompiledMethod::fuse() const {
  return fusion(graph(), rules_, {layer_});
}

bool CompiledMethod::goesTogether(const Method& method) {
  return method.ofNetworks && method.backward && !method.comparesWithBaseline && !method.usesPatterns &&
         !method.toLayer && !method.procedure->runsManyInputs();
}

void CompiledMethod::build(const std::vector<CompiledMethod*>& methods,
                           const std::vector<const CompileOptions*>& options) {
  Network& network = *methods[0]->network_;
  network.watchConstants(&network.graph);
  network.releaseUnread();
  {
    std::vector<Fuse> fuses;
    for (const CompiledMethod* method : methods) fuses.push_back(method->fuse());
    Forward forward(network.graph, network.plan, [&](int node) {
      return std::all_of(fuses.begin(), fuses.end(), [&](const Fuse& fuse) { return fuse(node); });
    });
    forward.build();
    network.input = forward.inputView();
    network.imageShape = Shape(network.input.desc.shape.begin() + 1, network.input.desc.shape.end());
    network.scores = network.kept(forward, network.graph.outputs.at(0), "scores");
    for (CompiledMethod* m : methods)
      if (m->layer_ != kNoValue) m->activation_ = network.kept(forward, m->layer_, m->layerName_ + " (recorded)");
    for (CompiledMethod* m : methods)
      for (const AttentionLayer& layer : m->attention_.layers)
        m->attentionWeights_.push_back(
            network.kept(forward, layer.weights, network.graph.value(layer.weights).name + " (recorded)"));
    for (std::size_t k = 0; k < methods.size(); ++k)
      methods[k]->buildWalk(forward, *options[k], k + 1 == methods.size());
  }
  network.denominators.clear();
  for (std::size_t id = 0; id < network.graph.values.size(); ++id) network.release(static_cast<ValueId>(id));
}

void CompiledMethod::Network::watchConstants(const Graph* of) {
  std::set<const void*> seenBefore;
  for (const auto& known : constants)
    if (const auto alive = known.lock()) seenBefore.insert(alive.get());
  for (std::size_t i = 0; of && i < of->values.size(); ++i) {
    const auto& constant = of->values[i].constant;
    if (constant && constant->floats && seenBefore.insert(constant->floats.get()).second)
      constants.push_back(constant->floats);
  }
}

void CompiledMethod::Network::release(ValueId id) {
  Value& v = graph.value(id);
  if (v.constant) v.constant = withoutValues(*v.constant);
}

// What passes have made and replaced again.
void CompiledMethod::Network::releaseUnread() {
  const Uses uses = usesOf(graph);
  for (std::size_t id = 0; id < graph.values.size(); ++id)
    if (uses.consumers[id].empty()) release(static_cast<ValueId>(id));
}

std::int64_t CompiledMethod::Network::constantBytes() const {
  std::int64_t bytes = 0;
  for (const auto& watched : constants)
    if (const auto alive = watched.lock()) bytes += static_cast<std::int64_t>(alive->size() * sizeof(float));
  return bytes;
}

BufferView CompiledMethod::Network::kept(Forward& forward, ValueId id, const std::string& name) {
  const BufferView from = forward.plain(forward.buffer(id), name), to = forward.freshPlain(from.desc.shape, name);
  plan.pin(to.buffer);
  plan.addProgram(name, {{{load(from), to}}, {}});
  return to;
}

void CompiledMethod::Network::noteInput() {
  const float* now = plan.data(input.buffer);
  const auto count = static_cast<std::size_t>(input.desc.floats());
  if (seen.size() == count && std::memcmp(seen.data(), now, count * sizeof(float)) == 0) return;
  plan.forget();
  seen.assign(now, now + count);
}

void CompiledMethod::run(Phase phase, const Again& again) {
  if (phase == Phase::Forward && plan().walks() > 1) network_->noteInput();
  if (layerWalk_ >= 0) plan().run(phase, layerWalk_, again);
  if (phase == Phase::Forward && layerWalk_ >= 0) sparedSeconds_ = plan().sparedSeconds();
  plan().run(phase, walk_, again);
  if (phase == Phase::Forward && layerWalk_ < 0) sparedSeconds_ = plan().sparedSeconds();
}

void CompiledMethod::buildWalk(const Forward& forward, const CompileOptions& options, bool last) {
  Forward own = forward.forWalk(fuse()), baseline(graph(), plan(), fuse());
  if (method_.comparesWithBaseline) {
    baseline.build();
    baselineInput_ = baseline.inputView();
  }
  if (method_.resumesAtLayer) buildResumed(own);
  if (method_.backward && method_.toLayer) buildToLayer(forward.forWalk(fuse()));
  if (method_.backward) buildBackward(own, method_.comparesWithBaseline ? &baseline : nullptr, options, last);
}

void CompiledMethod::buildResumed(Forward& forward) {
  Forward resumed = forward.resumedAt(layer_);
  putIn_ = resumed.inputView();
  resumedScores_ = network_->kept(resumed, graph().outputs.at(0), "scores (resumed)");
}

void CompiledMethod::addSeed(Forward& forward) {
  if (seed_.buffer >= 0) return;
  Shape seeds = network_->scores.desc.shape;
  seeds[0] *= plan().targets();
  seed_ = forward.freshPlain(seeds, "seed");
  plan().pin(seed_.buffer);
}

// The walk of `toLayer`, from the same seed. Constants stay, as the other walk reads them too.
void CompiledMethod::buildToLayer(Forward forward) {
  plan().beginBackward();
  layerWalk_ = plan().walks() - 1;
  addSeed(forward);
  WalkOptions options;
  options.sums = sumsNeeded(layerRules_);
  options.record = {layer_};
  options.toInput = false;
  Walk walk(forward, layerRules_, options);
  walk.run(seed_, graph().outputs.at(0));
  sortRecorded(walk.recorded());
}

// Constants go once the last walk has read them.
WalkOptions CompiledMethod::walkOptions(Forward* baseline, const CompileOptions& options, bool last) {
  WalkOptions all = options.walk;
  all.sums = options.walk.sums || sumsNeeded(rules_);
  all.times = method_.times;
  for (const Wanted& w : wanted_)
    if (!method_.toLayer) all.record.push_back(w.value);
  all.toInput = method_.readsAttention == ReadAttention::None && (!method_.readsLayer || method_.toLayer);
  all.constants = method_.readsConstants;
  all.baseline = baseline;
  all.denominators = &network_->denominators;
  if (last) all.release = [this](ValueId id) { network_->release(id); };
  return all;
}

void CompiledMethod::buildBackward(Forward& forward, Forward* baseline, const CompileOptions& options, bool last) {
  plan().beginBackward();
  walk_ = plan().walks() - 1;
  addSeed(forward);
  Walk walk(forward, rules_, walkOptions(baseline, options, last));
  relevance_ = walk.run(seed_, graph().outputs.at(0));
  ledger_ = walk.ledger();
  signals_ = walk.signals();
  resultSum_ = walk.resultSum();
  if (!method_.toLayer) sortRecorded(walk.recorded());
  placeConstants(walk.constants());
}

void CompiledMethod::placeConstants(const std::vector<Recorded>& constants) {
  if (constants.empty()) return;
  FeatureMaps maps = featureMaps();
  for (const Recorded& c : constants) constants_.emplace_back(c, maps.of(c.value));
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
