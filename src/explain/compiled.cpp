#include "explain/compiled.h"

#include <algorithm>

#include "relprop/error.h"

namespace relprop {
namespace {

std::int64_t classesOf(const Graph& graph) {
  const Value& scores = graph.value(scoresOf(graph));
  const Shape& s = scores.shape;
  std::int64_t spatial = 1;
  for (std::size_t i = 2; i < s.size(); ++i) spatial *= s[i];
  if (s.size() < 2 || spatial != 1)
    throw Error(ErrorCode::UnsupportedModel, scores.name, "scores of shape " + toString(s), "N×classes",
                "give a classifier");
  return s[1];
}

// A ReLU may run inside the convolution before it when its backward rule needs nothing but its output: a derivative, or
// a pass where no relevance arrives at neurons that were cut off.
std::function<bool(int)> fusion(const Graph& graph, const std::vector<const Rule*>& rules) {
  const std::vector<bool> vanishes = vanishesWithValue(graph, rules);
  const Uses uses = usesOf(graph);
  std::vector<bool> fuse(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& n = graph.nodes[i];
    if (n.op != Op::Relu || !rules[i]) continue;
    const auto in = static_cast<std::size_t>(n.inputs[0]);
    const int producer = uses.producer[in];
    const bool alone = producer >= 0 && graph.nodes[static_cast<std::size_t>(producer)].op == Op::Conv &&
                       uses.consumers[in].size() == 1;
    fuse[i] = alone && (rules[i]->node == NodeRule::Jacobian || vanishes[static_cast<std::size_t>(n.outputs[0])]);
  }
  return [fuse](int i) { return static_cast<bool>(fuse[static_cast<std::size_t>(i)]); };
}

}  // namespace

CompiledMethod::CompiledMethod(Graph graph, Method method, const std::vector<std::string>& userRules, Backend& backend,
                               const WalkOptions& options)
    : graph_(std::move(graph)),
      method_(std::move(method)),
      plan_(backend, graph_.value(graph_.inputs.at(0)).shape.at(0)),
      classes_(classesOf(graph_)) {
  chooseRules(userRules);
  build(options);
}

void CompiledMethod::chooseRules(const std::vector<std::string>& userRules) {
  method_.table.prependUser(userRules);
  const std::vector<NodeFacts> facts = nodeFacts(graph_);
  method_.table.requireUserRowsMatch(facts);
  for (const NodeFacts& f : facts) rules_.push_back(method_.table.find(f));
}

void CompiledMethod::build(const WalkOptions& options) {
  Forward forward(graph_, plan_, fusion(graph_, rules_));
  forward.build();
  input_ = forward.inputView();
  inputDesc_ = input_.desc;
  const ValueId scores = scoresOf(graph_);
  scores_ = forward.plain(forward.buffer(scores), "scores");
  plan_.pin(scores_.buffer);
  plan_.beginBackward();
  seed_ = forward.freshPlain(scores_.desc.shape, "seed");
  plan_.pin(seed_.buffer);
  WalkOptions all = options;
  const bool needed = std::any_of(rules_.begin(), rules_.end(),
                                  [](const Rule* r) { return r && r->linear && r->terms.after != After::None; });
  all.sums = options.sums || needed;
  all.timesInput = method_.timesInput;
  Walk walk(forward, rules_, all);
  relevance_ = walk.run(seed_, scores);
  ledger_ = walk.ledger();
  resultSum_ = walk.resultSum();
  plan_.compile();
}

}  // namespace relprop
