#include "graph/shape_inference_moves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Types = std::vector<ValueType>;

[[noreturn]] void misfit(const Node& node, const std::string& got, const std::string& expected) {
  throw Error(ErrorCode::ShapeMismatch, describe(node), got, expected);
}

const Value& input(const Graph& graph, const Node& node, std::size_t index = 0) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
    throw Error(ErrorCode::MalformedModel, describe(node), fmt::format("input {} is missing", index));
  const Value& value = graph.value(node.inputs[index]);
  if (!value.hasShape)
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("value '{}' without a shape", value.name));
  return value;
}

Types like(const Graph& graph, const Node& node, Shape shape) {
  return {{input(graph, node).dtype, std::move(shape)}};
}

Types same(const Graph& graph, const Node& node) {
  return like(graph, node, input(graph, node).shape);
}

Types reduced(const Graph& graph, const Node& node) {
  const std::vector<std::size_t> axes = reducedAxes(graph, node);
  const bool keep = node.intAttr("keepdims", 1) != 0;
  const Shape& x = input(graph, node).shape;
  Shape out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool gone = std::binary_search(axes.begin(), axes.end(), i);
    if (!gone || keep) out.push_back(gone ? 1 : x[i]);
  }
  return like(graph, node, out);
}

Types extreme(const Graph& graph, const Node& node) {
  Shape out = input(graph, node).shape;
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), out.size());
  if (out[axis] == 0) misfit(node, "no elements", "at least one");
  out[axis] = 1;
  if (node.intAttr("keepdims", 1) == 0) out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  return {{DType::Int64, out}};
}

Types topK(const Graph& graph, const Node& node) {
  Shape out = input(graph, node).shape;
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), out.size());
  const std::int64_t k = wholeParameter(graph, node, 1, "k");
  if (k < 0 || k > out[axis]) misfit(node, fmt::format("k {}", k), fmt::format("{} at most", out[axis]));
  out[axis] = k;
  return {{input(graph, node).dtype, out}, {DType::Int64, out}};
}

Types convTranspose(const Graph& graph, const Node& node) {
  const TransposedWindow window = transposedWindowOf(graph, node);
  Shape out{input(graph, node).shape[0], input(graph, node, 1).shape[1] * node.intAttr("group", 1)};
  out.insert(out.end(), window.output.begin(), window.output.end());
  return like(graph, node, out);
}

Types tile(const Graph& graph, const Node& node) {
  Shape out = input(graph, node).shape;
  const Shape repeats = intsParameter(graph, node, 1, "repeats").value_or(Shape{});
  if (repeats.size() != out.size())
    misfit(node, fmt::format("{} repeats", repeats.size()), fmt::format("{}", out.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (repeats[i] < 0 || repeats[i] > kMaxElements) misfit(node, numbersText(repeats), "repeats from 0 to 2^31");
    out[i] *= repeats[i];
  }
  return like(graph, node, out);
}

std::int64_t blockOf(const Graph& graph, const Node& node) {
  const std::int64_t block = node.intAttr("blocksize", 0);
  const Shape& x = input(graph, node).shape;
  if (block < 1 || block > (1 << 15) || x.size() != 4)
    misfit(node, fmt::format("blocks of {} of {}", block, toString(x)), "N×C×H×W and a positive block size");
  return block;
}

Types depthToSpace(const Graph& graph, const Node& node) {
  const std::int64_t block = blockOf(graph, node);
  const Shape& x = input(graph, node).shape;
  if (x[1] % (block * block) != 0)
    misfit(node, fmt::format("{} channels", x[1]), fmt::format("a multiple of {}", block * block));
  return like(graph, node, {x[0], x[1] / block / block, x[2] * block, x[3] * block});
}

Types spaceToDepth(const Graph& graph, const Node& node) {
  const std::int64_t block = blockOf(graph, node);
  const Shape& x = input(graph, node).shape;
  if (x[2] % block != 0 || x[3] % block != 0) misfit(node, toString(x), fmt::format("multiples of {}", block));
  return like(graph, node, {x[0], x[1] * block * block, x[2] / block, x[3] / block});
}

Types gatherElements(const Graph& graph, const Node& node) {
  const Shape &x = input(graph, node).shape, &at = input(graph, node, 1).shape;
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), x.size());
  bool fits = at.size() == x.size();
  for (std::size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || at[i] <= x[i];
  if (!fits) misfit(node, "indices " + toString(at), "no larger than " + toString(x));
  return like(graph, node, at);
}

Types gatherNd(const Graph& graph, const Node& node) {
  const Shape &x = input(graph, node).shape, &at = input(graph, node, 1).shape;
  const std::int64_t batch = node.intAttr("batch_dims", 0);
  const bool fits = !at.empty() && batch >= 0 && batch < static_cast<std::int64_t>(at.size()) &&
                    batch + at.back() <= static_cast<std::int64_t>(x.size()) && at.back() >= 1 &&
                    std::equal(x.begin(), x.begin() + batch, at.begin());
  if (!fits)
    misfit(node, fmt::format("indices {} into {}", toString(at), toString(x)), "tuples of axes that are there");
  Shape out(at.begin(), at.end() - 1);
  out.insert(out.end(), x.begin() + batch + at.back(), x.end());
  return like(graph, node, out);
}

Types scatterElements(const Graph& graph, const Node& node) {
  const Shape &x = input(graph, node).shape, &at = input(graph, node, 1).shape, &updates = input(graph, node, 2).shape;
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", 0), x.size());
  bool fits = at.size() == x.size() && updates == at;
  for (std::size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || at[i] <= x[i];
  if (!fits)
    misfit(node, "indices " + toString(at) + " for updates " + toString(updates), "both no larger than " + toString(x));
  return same(graph, node);
}

Types scatterNd(const Graph& graph, const Node& node) {
  const Shape &x = input(graph, node).shape, &at = input(graph, node, 1).shape;
  const bool tuples = !at.empty() && at.back() >= 1 && at.back() <= static_cast<std::int64_t>(x.size());
  if (!tuples) misfit(node, "indices " + toString(at), "tuples of axes of " + toString(x));
  Shape wanted(at.begin(), at.end() - 1);
  wanted.insert(wanted.end(), x.begin() + at.back(), x.end());
  const Shape& updates = input(graph, node, 2).shape;
  if (updates != wanted) misfit(node, "updates " + toString(updates), toString(wanted));
  return same(graph, node);
}

Types trilu(const Graph& graph, const Node& node) {
  if (input(graph, node).shape.size() < 2) misfit(node, toString(input(graph, node).shape), "at least two axes");
  if (node.inputs.size() > 1 && node.inputs[1] != kNoValue) wholeParameter(graph, node, 1, "k");
  return same(graph, node);
}

Types reverseSequence(const Graph& graph, const Node& node) {
  const Shape& x = input(graph, node).shape;
  const std::size_t batch = normaliseAxis(node, node.intAttr("batch_axis", 1), x.size());
  if (normaliseAxis(node, node.intAttr("time_axis", 0), x.size()) == batch)
    misfit(node, fmt::format("sequences along the axis {} of the batch", batch), "another axis");
  if (input(graph, node, 1).shape != Shape{x[batch]})
    misfit(node, "lengths " + toString(input(graph, node, 1).shape), toString(Shape{x[batch]}));
  return same(graph, node);
}

Types size(const Graph& graph, const Node& node) {
  input(graph, node);
  return {{DType::Int64, {}}};
}

// Steps from start to before the limit; integers may lie further apart than doubles tell.
double stepsBetween(std::int64_t start, std::int64_t limit, std::int64_t step) {
  if (step == 0 || (step > 0 ? limit <= start : limit >= start)) return 0;
  const auto from = static_cast<std::uint64_t>(start), to = static_cast<std::uint64_t>(limit),
             wide = static_cast<std::uint64_t>(step);
  return static_cast<double>(step > 0 ? (to - from - 1) / wide + 1 : (from - to - 1) / (0 - wide) + 1);
}

Types range(const Graph& graph, const Node& node) {
  const double start = numberParameter(graph, node, 0, "start"), limit = numberParameter(graph, node, 1, "limit"),
               step = numberParameter(graph, node, 2, "delta");
  const auto whole = [&](std::size_t i) { return input(graph, node, i).constant->ints.get(); };
  const double count = whole(0) && whole(1) && whole(2)
                           ? stepsBetween(whole(0)->front(), whole(1)->front(), whole(2)->front())
                           : std::ceil((limit - start) / step);
  if (step == 0 || !(count < static_cast<double>(kMaxElements))) misfit(node, "a range without end", "2^31 numbers");
  return like(graph, node, {static_cast<std::int64_t>(std::max(0.0, count))});
}

Types oneHot(const Graph& graph, const Node& node) {
  Shape out = input(graph, node).shape;
  const std::int64_t depth = wholeParameter(graph, node, 1, "depth");
  const std::size_t axis = normaliseAxis(node, node.intAttr("axis", -1), out.size() + 1);
  if (depth < 1) misfit(node, fmt::format("depth {}", depth), "at least 1");
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  if (elementCount(input(graph, node, 2).shape) != 2)
    misfit(node, "values " + toString(input(graph, node, 2).shape), "two: off and on");
  return {{input(graph, node, 2).dtype, out}};
}

// How many there are is known of constants only.
Types nonZero(const Graph& graph, const Node& node) {
  const Value& x = input(graph, node);
  if (!x.constant)
    throw Error(ErrorCode::UnsupportedModel, describe(node), "a shape that depends on values computed at run time");
  const auto count = [](const auto& values) {
    return static_cast<std::int64_t>(std::count_if(values.begin(), values.end(), [](auto v) { return v != 0; }));
  };
  const std::int64_t found = x.constant->floats ? count(*x.constant->floats) : count(*x.constant->ints);
  return {{DType::Int64, {static_cast<std::int64_t>(x.shape.size()), found}}};
}

Types centerCropPad(const Graph& graph, const Node& node) {
  Shape out = input(graph, node).shape, all(out.size());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<std::size_t> axes = normaliseAxes(node, node.intsAttr("axes", all), out.size());
  const Shape wanted = intsParameter(graph, node, 1, "shape").value_or(Shape{});
  if (wanted.size() != axes.size())
    misfit(node, fmt::format("{} extents", wanted.size()), fmt::format("{}", axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) out[axes[i]] = wanted[i];
  return like(graph, node, out);
}

Types eyeLike(const Graph& graph, const Node& node) {
  const Value& x = input(graph, node);
  if (x.shape.size() != 2) misfit(node, toString(x.shape), "a matrix");
  return {{graph.value(node.outputs.at(0)).dtype, x.shape}};
}

Types einsum(const Graph& graph, const Node& node) {
  const EinsumTerms terms = einsumTermsOf(graph, node);
  Shape out;
  for (const char letter : terms.output) out.push_back(terms.extents.at(letter));
  return like(graph, node, out);
}

Types modulo(const Graph& graph, const Node& node) {
  return like(graph, node, broadcastShapes(node, input(graph, node).shape, input(graph, node, 1).shape));
}

Types recorded(const Graph& graph, const Node& node) {
  const Value& output = graph.value(node.outputs.at(0));
  if (!output.hasShape) throw Error(ErrorCode::MalformedModel, describe(node), "no shape to take over");
  return like(graph, node, output.shape);
}

// Axes of an ellipsis have characters that no term may hold and that come before all letters: the last one '@', the one
// before '?' …, so that ranks may differ.
constexpr char kLastOfEllipsis = '@';

bool isOfEllipsis(char axis) {
  return axis <= kLastOfEllipsis;
}

bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string withoutEllipsis(const Node& node, const std::string& term, std::size_t rank) {
  const std::size_t dots = std::min(term.size(), term.find("..."));
  const std::string before = term.substr(0, dots), after = term.substr(std::min(term.size(), dots + 3));
  const std::string named = before + after;
  if (!std::all_of(named.begin(), named.end(), isLetter))
    misfit(node, "a term '" + term + "'", "letters, and an ellipsis at most");
  if (dots == term.size()) return term;
  if (rank < named.size() || rank - named.size() > 20)
    misfit(node, fmt::format("{} axes", rank), "at least as many as " + term);
  std::string middle;
  for (std::size_t i = rank - named.size(); i-- > 0;) middle += static_cast<char>(kLastOfEllipsis - i);
  return before + middle + after;
}

void bindExtents(const Node& node, EinsumTerms& terms, const std::string& term, const Shape& shape) {
  if (term.size() != shape.size()) misfit(node, "an operand " + toString(shape), "the axes of '" + term + "'");
  for (std::size_t i = 0; i < term.size(); ++i) {
    const auto [known, isNew] = terms.extents.emplace(term[i], shape[i]);
    if (!isNew && known->second == 1) known->second = shape[i];
    if (known->second != shape[i] && shape[i] != 1)
      misfit(node,
             fmt::format("extents {} and {} for '{}'", known->second, shape[i],
                         isOfEllipsis(term[i]) ? std::string("...") : std::string(1, term[i])),
             "the same");
  }
}

// Without an arrow: the ellipsis, and behind it what stands once, capitals before small letters.
std::string impliedOutput(const EinsumTerms& terms) {
  std::map<char, int> count;
  for (const std::string& term : terms.inputs)
    for (const char letter : term) ++count[letter];
  std::string output;
  for (const auto& [letter, times] : count)
    if (isOfEllipsis(letter) || times == 1) output += letter;
  return output;
}

void requireOutput(const Node& node, const EinsumTerms& terms, const std::string& right) {
  for (std::size_t i = 0; i < terms.output.size(); ++i) {
    const char letter = terms.output[i];
    if (!terms.extents.count(letter))
      misfit(node, fmt::format("letter '{}' in '{}'", letter, right), "a letter of the operands");
    if (terms.output.find(letter) != i) misfit(node, fmt::format("letter '{}' twice in '{}'", letter, right), "once");
  }
}

}  // namespace

double numberParameter(const Graph& graph, const Node& node, std::size_t index, const char* name) {
  const Value& value = input(graph, node, index);
  if (!value.constant)
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("{} computed at run time", name),
                "a constant");
  if (elementCount(value.constant->shape) != 1)
    misfit(node, fmt::format("{} of {}", name, toString(value.shape)), "one");
  return value.constant->floats ? static_cast<double>(value.constant->floats->front())
                                : static_cast<double>(value.constant->ints->front());
}

std::int64_t wholeParameter(const Graph& graph, const Node& node, std::size_t index, const char* name) {
  const double value = numberParameter(graph, node, index, name);
  if (!(std::abs(value) <= static_cast<double>(kMaxElements)) || value != std::floor(value))
    misfit(node, fmt::format("{} {}", name, value), "a whole number of at most 2^31");
  return static_cast<std::int64_t>(value);
}

namespace {

// What lies behind the last window, of which a step within or between windows has room for less than one more: the
// standard, as PyTorch.
void requireFill(const Node& node, const Shape& extra, const TransposedWindow& window) {
  for (std::size_t i = 0; i < extra.size(); ++i)
    if (const std::int64_t step = std::max(window.strides[i], window.dilations[i]); extra[i] >= step)
      misfit(node, "output_padding " + numbersText(extra), fmt::format("less than the step of {} on axis {}", step, i));
}

// Sums and products of what is that small do not overflow.
void requireModest(const Node& node, const Shape& values, const char* name, std::int64_t least) {
  for (const std::int64_t value : values)
    if (value < least || value > kMaxElements)
      misfit(node, std::string(name) + " " + numbersText(values), fmt::format("{} to 2^31", least));
}

}  // namespace

TransposedWindow transposedWindowOf(const Graph& graph, const Node& node) {
  const Shape &x = input(graph, node).shape, &w = input(graph, node, 1).shape;
  const std::int64_t group = node.intAttr("group", 1);
  if (x.size() < 3 || w.size() != x.size() || x[1] != w[0] || group < 1 || group > w[0] || w[0] % group != 0)
    misfit(node, fmt::format("input {} with weights {}", toString(x), toString(w)), "weights for its channels");
  const std::size_t axes = x.size() - 2;
  TransposedWindow t;
  t.kernel.assign(w.begin() + 2, w.end());
  t.strides = node.intsAttr("strides", Shape(axes, 1));
  t.dilations = node.intsAttr("dilations", Shape(axes, 1));
  const Shape pads = node.intsAttr("pads", Shape(2 * axes, 0)), extra = node.intsAttr("output_padding", Shape(axes, 0)),
              wanted = node.intsAttr("output_shape");
  const std::string mode = node.stringAttr("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && mode != "VALID" && mode != "NOTSET" && !mode.empty())
    misfit(node, "auto_pad " + mode, "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  if (t.strides.size() != axes || t.dilations.size() != axes || pads.size() != 2 * axes || extra.size() != axes ||
      (!wanted.empty() && wanted.size() < axes))
    misfit(node, "attributes for another number of axes", fmt::format("{}", axes));
  requireModest(node, t.strides, "strides", 1);
  requireModest(node, t.dilations, "dilations", 1);
  requireModest(node, pads, "pads", -kMaxElements);
  requireModest(node, extra, "output_padding", 0);
  requireFill(node, extra, t);
  requireModest(node, wanted, "output_shape", 0);
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t full = (x[i + 2] - 1) * t.strides[i] + extra[i] + (t.kernel[i] - 1) * t.dilations[i] + 1;
    std::int64_t begin = pads[i], end = pads[axes + i];
    if (mode == "VALID") begin = end = 0;
    if (same || !wanted.empty()) {
      const std::int64_t out = wanted.empty() ? x[i + 2] * t.strides[i] : wanted[wanted.size() - axes + i];
      const std::int64_t total = full - out;
      // What is asked for beyond the full size lies behind.
      begin = total < 0 ? 0 : mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    }
    t.padBegin.push_back(begin);
    t.padEnd.push_back(end);
    t.output.push_back(full - begin - end);
  }
  return t;
}

EinsumTerms einsumTermsOf(const Graph& graph, const Node& node) {
  std::string equation;
  for (const char c : node.stringAttr("equation", ""))
    if (c != ' ') equation += c;
  const std::size_t arrow = equation.find("->");
  EinsumTerms terms;
  std::string left = equation.substr(0, arrow);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::size_t comma = std::min(left.size(), left.find(','));
    const Shape& shape = input(graph, node, i).shape;
    terms.inputs.push_back(withoutEllipsis(node, left.substr(0, comma), shape.size()));
    bindExtents(node, terms, terms.inputs.back(), shape);
    left.erase(0, comma + 1);
  }
  if (!left.empty()) misfit(node, "equation '" + equation + "'", fmt::format("{} operands", node.inputs.size()));
  if (arrow == std::string::npos) {
    terms.output = impliedOutput(terms);
    return terms;
  }
  std::size_t dots = 0;
  for (const auto& [letter, extent] : terms.extents) dots += isOfEllipsis(letter);
  const std::string right = equation.substr(arrow + 2);
  const bool open = right.find("...") != std::string::npos;
  terms.output = withoutEllipsis(node, right, open ? right.size() - 3 + dots : right.size());
  requireOutput(node, terms, right);
  return terms;
}

const std::map<Op, InferTypes>& inferenceOfMoves() {
  static const std::map<Op, InferTypes> functions = {
      {Op::Mod, modulo},
      {Op::IsNaN,
       [](const Graph& g, const Node& n) {
         return Types{{DType::Bool, input(g, n).shape}};
       }},
      {Op::IsInf,
       [](const Graph& g, const Node& n) {
         return Types{{DType::Bool, input(g, n).shape}};
       }},
      {Op::ReduceMean, reduced},
      {Op::ReduceSum, reduced},
      {Op::ReduceMax, reduced},
      {Op::ReduceMin, reduced},
      {Op::ReduceProd, reduced},
      {Op::ArgMax, extreme},
      {Op::ArgMin, extreme},
      {Op::TopK, topK},
      {Op::ConvTranspose, convTranspose},
      {Op::Tile, tile},
      {Op::DepthToSpace, depthToSpace},
      {Op::SpaceToDepth, spaceToDepth},
      {Op::GatherElements, gatherElements},
      {Op::GatherND, gatherNd},
      {Op::ScatterElements, scatterElements},
      {Op::ScatterND, scatterNd},
      {Op::Trilu, trilu},
      {Op::CumSum, same},
      {Op::Size, size},
      {Op::Range, range},
      {Op::OneHot, oneHot},
      {Op::NonZero, nonZero},
      {Op::CenterCropPad, centerCropPad},
      {Op::EyeLike, eyeLike},
      {Op::ReverseSequence, reverseSequence},
      {Op::Einsum, einsum},
      {Op::Take, recorded},
  };
  return functions;
}

}  // namespace relprop
