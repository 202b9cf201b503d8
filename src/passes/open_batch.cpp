#include "passes/open_batch.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "graph/edit.h"
#include "graph/op_traits.h"
#include "passes/rewrites.h"
#include "relprop/error.h"

namespace relprop {

namespace {

std::size_t at(ValueId id) {
  return static_cast<std::size_t>(id);
}

bool readsShape(const Node& node) {
  return node.op == Op::Shape || node.op == Op::Size;
}

// By value: is it computed from the shape of another one?
std::vector<char> derivedFromShapes(const Graph& graph) {
  std::vector<char> derived(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    bool any = readsShape(node);
    for (const ValueId id : node.inputs) any = any || (id != kNoValue && derived[at(id)]);
    for (const ValueId id : node.outputs)
      if (id != kNoValue) derived[at(id)] = any;
  }
  return derived;
}

// What the first pass makes of the network for one image, if anything; constants that no shape decides are taken over.
std::optional<Graph> foldedForOneImage(Graph graph, const Graph& folded, const std::vector<char>& derived,
                                       SpecialiseOptions options) {
  const auto known = [&](const Node& node) {
    return std::all_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id == kNoValue || (folded.isConstant(id) && !derived[at(id)]); });
  };
  PassContext context{options, foldLimitOf(graph), {}, {}, {}, {}};
  for (const Node& node : graph.nodes)
    for (const ValueId id : node.outputs)
      if (id != kNoValue && known(node)) graph.value(id) = folded.value(id);
  graph.nodes.erase(std::remove_if(graph.nodes.begin(), graph.nodes.end(), known), graph.nodes.end());
  options.inputShape[0] = 1;
  try {
    runPass(passList().front(), graph, context);
  } catch (const Error&) {  // the model is for so many images and no others
    return std::nullopt;
  }
  return graph;
}

// Operands that are numbers to the node; all others say where things lie and how many there are.
bool isOperand(const Node& node, std::size_t input) {
  static const std::set<Op> all = {Op::Concat, Op::MatMul, Op::Gemm, Op::Mod};
  static const std::set<std::pair<Op, std::size_t>> some = {
      {Op::Gather, 0},          {Op::GatherElements, 0}, {Op::GatherND, 0},  {Op::ScatterElements, 0},
      {Op::ScatterElements, 2}, {Op::ScatterND, 0},      {Op::ScatterND, 2}, {Op::Pad, 2},
      {Op::OneHot, 2}};
  return isElementwise(node.op) || all.count(node.op) != 0 || some.count({node.op, input}) != 0;
}

// Is `all` what `one` is, along every axis as often as fits?
template <class T>
bool isRepeated(const std::vector<T>& all, const Shape& shape, const std::vector<T>& one, const Shape& part) {
  if (shape == part) return all == one;
  if (shape.size() != part.size() || one.empty()) return false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] % part[axis] != 0) return false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::int64_t rest = static_cast<std::int64_t>(i), source = 0, step = 1;
    for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis], step *= part[axis])
      source += rest % shape[axis] % part[axis] * step;
    if (all[i] != one[static_cast<std::size_t>(source)]) return false;
  }
  return true;
}

bool sameForEachImage(const Constant& all, const Constant& one) {
  if (all.floats && one.floats) return isRepeated(*all.floats, all.shape, *one.floats, one.shape);
  return all.ints && one.ints && isRepeated(*all.ints, all.shape, *one.ints, one.shape);
}

}  // namespace

void refuseArithmeticWithBatch(const Graph& imported, const Graph& folded, const SpecialiseOptions& options) {
  if (std::none_of(imported.nodes.begin(), imported.nodes.end(), readsShape)) return;
  Graph live = imported;
  removeDeadNodes(live);
  const std::vector<char> derived = derivedFromShapes(live);
  const std::optional<Graph> one = foldedForOneImage(std::move(live), folded, derived, options);
  const auto counts = [&](ValueId id) {
    return id != kNoValue && at(id) < derived.size() && derived[at(id)] && folded.isConstant(id) &&
           one->isConstant(id) && !sameForEachImage(*folded.value(id).constant, *one->value(id).constant);
  };
  for (std::size_t n = 0; one && n < folded.nodes.size(); ++n)
    for (std::size_t i = 0; i < folded.nodes[n].inputs.size(); ++i)
      if (isOperand(folded.nodes[n], i) && counts(folded.nodes[n].inputs[i]))
        throw Error(ErrorCode::UnsupportedModel, describe(folded.nodes[n]),
                    "computes with the number of images in the batch", "results of each image alone");
}

}  // namespace relprop
