#include "graph/head.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"

namespace relprop {
namespace {

using Places = std::vector<std::int64_t>;

// What is added to a probability, or where it is cut off, so that its logarithm stays finite.
constexpr float kTiny = 1e-3f;

// No classifier has more scores, and a file of a few bytes may announce 2³¹.
constexpr std::int64_t kMostPlaces = 1 << 24;

bool isTiny(const Graph& graph, ValueId id) {
  const std::vector<float>* values = constantFloats(graph, id);
  return values && std::all_of(values->begin(), values->end(), [](float v) { return std::abs(v) <= kTiny; });
}

std::int64_t numbersOf(const Shape& shape) {
  return shape.empty() || shape[0] == 0 ? 0 : elementCount(shape) / shape[0];
}

// Goes from the output back to the function, and takes along which of an image's numbers the classes are.
class Trail {
 public:
  Trail(const Graph& graph, const Uses& uses)
      : graph_(graph), uses_(uses), rows_(graph.value(graph.inputs.at(0)).shape.at(0)), at_(graph.outputs.at(0)) {}

  Head follow() {
    while (batchIsFirst()) {
      const int producer = uses_.producer[static_cast<std::size_t>(at_)];
      if (producer < 0) break;
      const Node& node = graph_.nodes[static_cast<std::size_t>(producer)];
      if (const HeadKind kind = functionOf(node); kind != HeadKind::None) return headAt(node, kind);
      if (!passes(node)) break;
    }
    return {};
  }

 private:
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  bool batchIsFirst() const { return !shape(at_).empty() && shape(at_)[0] == rows_; }

  // The function must be over all numbers of an image; a map of probabilities has no classes.
  bool coversImage(const Node& node) const {
    const Shape& s = shape(node.inputs[0]);
    const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), s.size());
    const bool flattens = node.intAttr("flatten", 0) != 0;
    const std::int64_t group =
        flattens ? elementCount(Shape(s.begin() + static_cast<std::ptrdiff_t>(axis), s.end())) : s[axis];
    return axis > 0 && group == numbersOf(s);
  }

  HeadKind functionOf(const Node& node) const {
    if (node.op == Op::Softmax && !exponential_ && coversImage(node))
      return logarithm_ ? HeadKind::LogSoftmax : HeadKind::Softmax;
    if (node.op == Op::LogSoftmax && !logarithm_ && (exponential_ || !bounded_) && coversImage(node))
      return exponential_ ? HeadKind::Softmax : HeadKind::LogSoftmax;
    return node.op == Op::Sigmoid && !exponential_ && !isMap(shape(node.inputs[0])) ? HeadKind::Sigmoid
                                                                                    : HeadKind::None;
  }

  // Labels lie on one axis.
  static bool isMap(const Shape& s) {
    return s.empty() || std::count_if(s.begin() + 1, s.end(), [](std::int64_t extent) { return extent != 1; }) > 1;
  }

  // False for operators that are not in the table: they change the numbers.
  bool passes(const Node& node) {
    static const std::map<Op, bool (Trail::*)(const Node&)> steps = {
        {Op::Identity, &Trail::keep},   {Op::Dropout, &Trail::keep},        {Op::Reshape, &Trail::keep},
        {Op::Flatten, &Trail::keep},    {Op::Squeeze, &Trail::keep},        {Op::Unsqueeze, &Trail::keep},
        {Op::Cast, &Trail::cast},       {Op::Relu, &Trail::bound},          {Op::Clip, &Trail::clip},
        {Op::Max, &Trail::keepFinite},  {Op::Add, &Trail::keepFinite},      {Op::Log, &Trail::logarithm},
        {Op::Exp, &Trail::exponential}, {Op::Transpose, &Trail::transpose}, {Op::Slice, &Trail::slice},
        {Op::Split, &Trail::split},     {Op::Gather, &Trail::gather}};
    const auto found = steps.find(node.op);
    return found != steps.end() && (this->*found->second)(node);
  }

  bool keep(const Node& node) {
    at_ = node.inputs[0];
    return true;
  }

  bool cast(const Node& node) {
    return graph_.value(node.inputs[0]).dtype == DType::Float && graph_.value(node.outputs[0]).dtype == DType::Float &&
           keep(node);
  }

  // Right for probabilities only, not for their logarithms.
  bool bound(const Node& node) { return (bounded_ = true) && keep(node); }

  bool clip(const Node& node) {
    return node.floatAttr("min", 0) <= kTiny && node.floatAttr("max", 1) >= 1 - kTiny && bound(node);
  }

  bool keepFinite(const Node& node) {
    if (node.inputs.size() != 2) return false;
    const std::size_t tiny = isTiny(graph_, node.inputs[0]) ? 0 : 1;
    const ValueId other = node.inputs[1 - tiny];
    if (!isTiny(graph_, node.inputs[tiny]) || shape(other) != shape(node.outputs[0])) return false;
    at_ = other;
    return bounded_ = true;
  }

  bool logarithm(const Node& node) {
    return !logarithm_ && !exponential_ && !bounded_ && (logarithm_ = true) && keep(node);
  }

  bool exponential(const Node& node) { return !logarithm_ && !exponential_ && (exponential_ = true) && keep(node); }

  // Only where they are moved: most networks' are in order, and there may be many. False for too many.
  bool countPlaces() {
    const std::int64_t count = numbersOf(shape(at_));
    if (count > kMostPlaces) return false;
    if (!inOrder_) return true;
    places_.resize(static_cast<std::size_t>(count));
    std::iota(places_.begin(), places_.end(), 0);
    inOrder_ = false;
    return true;
  }

  // `source(index)`: the input's index for one of the output's, both with as many axes as they have.
  template <class Source>
  bool moved(const Node& node, const Source& source) {
    const Shape &to = shape(at_), &from = shape(node.inputs[0]);
    if (from.empty() || from[0] != rows_ || !countPlaces()) return false;
    for (std::int64_t& place : places_) {
      Shape index(to.size());
      std::int64_t rest = place;
      for (std::size_t k = to.size(); k-- > 1; rest /= to[k]) index[k] = rest % to[k];
      const Shape found = source(index);
      place = 0;
      for (std::size_t k = 1; k < from.size(); ++k) place = place * from[k] + found[k];
    }
    return keep(node);
  }

  bool transpose(const Node& node) {
    const Shape perm = node.intsAttr("perm");
    if (perm.empty() || perm[0] != 0) return false;
    return moved(node, [&](const Shape& index) {
      Shape from(index.size());
      for (std::size_t k = 0; k < perm.size(); ++k) from[static_cast<std::size_t>(perm[k])] = index[k];
      return from;
    });
  }

  bool slice(const Node& node) {
    const std::vector<SliceRange> ranges = sliceRanges(graph_, node);
    return moved(node, [&](Shape index) {
      for (std::size_t k = 0; k < index.size(); ++k) index[k] = ranges[k].start + index[k] * ranges[k].step;
      return index;
    });
  }

  bool split(const Node& node) {
    const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), shape(node.inputs[0]).size());
    const Shape extents = splitExtents(graph_, node);
    std::int64_t begin = 0;
    for (std::size_t k = 0; k < node.outputs.size() && node.outputs[k] != at_; ++k) begin += extents[k];
    return axis > 0 && moved(node, [&](Shape index) {
             index[axis] += begin;
             return index;
           });
  }

  bool gather(const Node& node) {
    const Shape& from = shape(node.inputs[0]);
    const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), from.size());
    const auto& constant = graph_.value(node.inputs[1]).constant;
    if (axis == 0 || !constant || !constant->ints || constant->shape.size() > 1) return false;
    const auto outside = [&](std::int64_t i) { return i < -from[axis] || i >= from[axis]; };  // refused elsewhere
    if (std::any_of(constant->ints->begin(), constant->ints->end(), outside)) return false;
    const bool scalar = constant->shape.empty();
    return moved(node, [&](Shape index) {
      const auto at = index.begin() + static_cast<std::ptrdiff_t>(axis);
      if (scalar) index.insert(at, 0);
      std::int64_t& place = index[axis];
      place = (*constant->ints)[static_cast<std::size_t>(place)];
      if (place < 0) place += from[axis];
      return index;
    });
  }

  // 0, 1, 2, … up to the last of so many.
  bool areAll(std::int64_t count) const {
    if (inOrder_) return true;
    std::int64_t next = 0;
    return std::all_of(places_.begin(), places_.end(), [&](std::int64_t place) { return place == next++; }) &&
           next == count;
  }

  Head headAt(const Node& node, HeadKind kind) const {
    return {kind, node.inputs[0], areAll(numbersOf(shape(node.inputs[0]))) ? Places() : places_, node.name};
  }

  const Graph& graph_;
  const Uses& uses_;
  std::int64_t rows_;
  ValueId at_;
  Places places_;  // empty while inOrder_
  bool inOrder_ = true, logarithm_ = false, exponential_ = false, bounded_ = false;
};

}  // namespace

Head headOf(const Graph& graph) {
  const Uses uses = usesOf(graph);
  Head head = Trail(graph, uses).follow();
  if (head.scores != kNoValue) return head;
  head.scores = graph.outputs.at(0);
  const Shape& shape = graph.value(head.scores).shape;
  if (numbersOf(shape) == 1) head.kind = HeadKind::Regression;
  return head;
}

std::string describe(const Head& head) {
  const std::string classes =
      head.kept.empty() ? "" : ", of which " + std::to_string(head.kept.size()) + " are classes";
  switch (head.kind) {
    case HeadKind::None:
      return "none; probabilities are the softmax of the scores";
    case HeadKind::Regression:
      return "none; one number without a probability";
    case HeadKind::Softmax:
      return "softmax, '" + head.node + "'" + classes;
    case HeadKind::LogSoftmax:
      return "logarithm of a softmax, '" + head.node + "'" + classes;
    case HeadKind::Sigmoid:
      return "sigmoid of each score, '" + head.node + "'" + classes;
  }
  return "";
}

}  // namespace relprop
