#include "explain/feature_maps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "engine/forward.h"
#include "graph/edit.h"
#include "graph/op_traits.h"
#include "rules/rule.h"

namespace relprop {
namespace {

constexpr float kNowhere = std::numeric_limits<float>::quiet_NaN();

float centre(std::int64_t i, std::int64_t of) {
  return (static_cast<float>(i) + 0.5f) / static_cast<float>(of);
}

// Averages of centres differ in their last digits.
std::int64_t rounded(float v) {
  return std::llround(static_cast<double>(v) * 65536);
}

// A window of more than one position says that the last two axes are those of a picture.
bool hasWindow(const Graph& g, const Node& n) {
  if (n.op != Op::Conv) return elementCount(n.intsAttr("kernel_shape")) > 1;
  const Shape& w = g.value(n.inputs[1]).shape;
  return w.size() == 4 && w[2] * w[3] > 1;
}

// Calls f(source, destination) for each element of the box that is copied.
template <class F>
void forEachCopied(const CopySpec& c, F f) {
  Shape at(c.extents.size());
  for (std::int64_t k = elementCount(c.extents); k > 0; --k) {
    std::int64_t from = c.srcOffset, to = c.dstOffset;
    for (std::size_t a = 0; a < at.size(); ++a) from += at[a] * c.srcStrides[a], to += at[a] * c.dstStrides[a];
    f(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
    for (std::size_t a = at.size(); a-- > 0 && ++at[a] == c.extents[a];) at[a] = 0;
  }
}

}  // namespace

FeatureMaps::FeatureMaps(const Graph& graph, ValueId scores)
    : graph_(withRows(graph, 1)), uses_(usesOf(graph_)), layouts_(graph_.values.size()), read_(graph_.values.size()) {
  findRead(scores);
}

// ---- places
// A network may be deeper than the stack, so what a layout follows from is known before it is derived.
const FeatureMaps::Layout& FeatureMaps::layout(ValueId id) {
  const std::optional<Layout>& wanted = layouts_[static_cast<std::size_t>(id)];
  if (wanted) return *wanted;
  std::vector<ValueId> open = {id};
  while (!wanted) {
    const ValueId next = open.back(), before = unknownInput(next);
    if (before != kNoValue) {
      open.push_back(before);
      continue;
    }
    const Node* n = producerOf(graph_, uses_, next);
    Layout found;
    if (isOfOneRow(next)) found = n ? derive(*n) : Layout{!graph_.isConstant(next) && shape(next).size() == 4, {}};
    layouts_[static_cast<std::size_t>(next)] = std::move(found);
    open.pop_back();
  }
  return *wanted;
}

// Places are those of one image's elements; where a network moves the batch elsewhere, a row is something else.
bool FeatureMaps::isOfOneRow(ValueId id) const {
  return !shape(id).empty() && shape(id)[0] == 1;
}

// An input whose layout the value's own may follow from.
ValueId FeatureMaps::unknownInput(ValueId id) const {
  const Node* n = producerOf(graph_, uses_, id);
  if (!n || traitsOf(n->op).kind == OpKind::MatMul || n->op == Op::Softmax) return kNoValue;
  for (const ValueId input : n->inputs)
    if (input != kNoValue && !layouts_[static_cast<std::size_t>(input)]) return input;
  return kNoValue;
}

FeatureMaps::Layout FeatureMaps::derive(const Node& n) {
  const ValueId in = n.inputs[0], out = n.outputs[0];
  switch (traitsOf(n.op).kind) {
    case OpKind::Linear:
      return n.op == Op::Dense ? averaged(in, shape(in).back(), shape(out).back()) : spatial(n);
    case OpKind::MaxPool:
    case OpKind::AveragePool:
    case OpKind::Resize:
      return spatial(n);
    case OpKind::Activation:
    case OpKind::Affine:
    case OpKind::LocalResponse:
    case OpKind::LayerNorm:
      return layout(in);
    case OpKind::Sum:
    case OpKind::Product:
    case OpKind::Choice:
    case OpKind::Comparison:
      return operand(n);
    case OpKind::Move:
      return n.op == Op::Take ? taken(n) : moved(n);
    case OpKind::Reshape:
      return layout(in).none() ? Layout{} : tidied(out, listed(in));
    case OpKind::MatMul:
    case OpKind::Softmax:
    case OpKind::Rewritten:
    case OpKind::Unsaid:
      break;
  }
  return {};
}

FeatureMaps::Layout FeatureMaps::spatial(const Node& n) {
  const ValueId in = n.inputs[0], out = n.outputs[0];
  if (shape(out).size() != 4) return {};
  if ((n.op != Op::Resize && hasWindow(graph_, n)) || layout(in).grid) return {true, {}};
  return layout(in).none() ? Layout{} : mixed(in, out);
}

// Layers that look at one position of what was moved about. Tokens N×C×1×T stay where they are. Channels that were
// gathered from several positions (SpaceToDepth, merged patches) lie in the middle of them. Positions that came from
// one (DepthToSpace, a reflecting Pad) are told apart from here on: a feature map like any other.
FeatureMaps::Layout FeatureMaps::mixed(ValueId from, ValueId to) {
  const Shape &had = shape(from), &has = shape(to);
  if (had[2] != has[2] || had[3] != has[3]) return {true, {}};
  const Places all = listed(from);
  const auto positions = static_cast<std::size_t>(has[2] * has[3]);
  Places middles;
  std::set<std::pair<std::int64_t, std::int64_t>> different;
  for (std::size_t i = 0; i < positions; ++i) {
    Places there;
    for (std::size_t k = i; k < all.size(); k += positions) there.push_back(all[k]);
    middles.push_back(middleOf(there.begin(), there.end()));
    const bool known = !std::isnan(middles[i].y);
    if (known && !different.emplace(rounded(middles[i].y), rounded(middles[i].x)).second) return {true, {}};
  }
  Places places;
  for (std::int64_t c = 0; c < has[1]; ++c) places.insert(places.end(), middles.begin(), middles.end());
  return tidied(to, std::move(places));
}

// Of sums the skip path, which was computed first: what a block adds to it lies where it lies.
FeatureMaps::Layout FeatureMaps::operand(const Node& n) {
  std::vector<ValueId> candidates;
  for (ValueId id : n.inputs)
    if (id != kNoValue && !graph_.isConstant(id) && shape(id) == shape(n.outputs[0])) candidates.push_back(id);
  std::sort(candidates.begin(), candidates.end(), [&](ValueId a, ValueId b) {
    return uses_.producer[static_cast<std::size_t>(a)] < uses_.producer[static_cast<std::size_t>(b)];
  });
  for (ValueId id : candidates)
    if (!layout(id).none()) return layout(id);
  return {};
}

FeatureMaps::Layout FeatureMaps::moved(const Node& n) {
  const ValueId out = n.outputs[0];
  bool grids = shape(out).size() == 4, known = false;
  for (ValueId id : n.inputs) {
    grids = grids && !graph_.isConstant(id) && layout(id).grid;
    known = known || (!graph_.isConstant(id) && !layout(id).none());
  }
  if (!known) return {};
  const bool keepsAxes = n.op == Op::Slice || n.op == Op::Pad || (n.op == Op::Concat && n.intAttr("axis", 1) == 1);
  if (grids && keepsAxes) return {true, {}};
  Places places(static_cast<std::size_t>(elementCount(shape(out))), {kNowhere, kNowhere});
  for (const Move& m : movesOf(graph_, n)) {
    const ValueId id = n.inputs[static_cast<std::size_t>(m.input)];
    if (graph_.isConstant(id) || layout(id).none()) continue;
    const Places from = listed(id);
    forEachCopied(m.copy, [&](std::size_t source, std::size_t to) { places[to] = from[source]; });
  }
  return tidied(out, std::move(places));
}

FeatureMaps::Layout FeatureMaps::taken(const Node& n) {
  if (layout(n.inputs[0]).none()) return {};
  const Places from = listed(n.inputs[0]);
  Places places;
  for (std::int64_t i : n.intsAttr("indices"))
    places.push_back(i < 0 ? Place{kNowhere, kNowhere} : from.at(static_cast<std::size_t>(i)));
  return tidied(n.outputs[0], std::move(places));
}

// Of those with a place.
FeatureMaps::Place FeatureMaps::middleOf(Places::const_iterator begin, Places::const_iterator end) {
  double y = 0, x = 0, count = 0;
  for (auto p = begin; p != end; ++p)
    if (!std::isnan(p->y)) y += p->y, x += p->x, ++count;
  if (count == 0) return {kNowhere, kNowhere};
  return {static_cast<float>(y / count), static_cast<float>(x / count)};
}

// Lines of `extent` elements become lines of `to`, each element of them in the middle of what it is made of.
FeatureMaps::Layout FeatureMaps::averaged(ValueId from, std::int64_t extent, std::int64_t to) {
  if (layout(from).none()) return {};
  const Places all = listed(from);
  auto places = std::make_shared<Places>();
  for (std::size_t first = 0; first < all.size(); first += static_cast<std::size_t>(extent)) {
    const auto line = all.begin() + static_cast<std::ptrdiff_t>(first);
    places->insert(places->end(), static_cast<std::size_t>(to), middleOf(line, line + extent));
  }
  return {false, std::move(places)};
}

FeatureMaps::Layout FeatureMaps::tidied(ValueId id, Places places) const {
  if (std::all_of(places.begin(), places.end(), [](const Place& p) { return std::isnan(p.y); })) return {};
  if (evenGrid(shape(id), places)) return {true, {}};
  return {false, std::make_shared<const Places>(std::move(places))};
}

FeatureMaps::Places FeatureMaps::listed(ValueId id) {
  if (!layout(id).grid) return *layout(id).places;
  const Shape& s = shape(id);
  Places places;
  for (std::int64_t c = 0; c < s[1]; ++c)
    for (std::int64_t y = 0; y < s[2]; ++y)
      for (std::int64_t x = 0; x < s[3]; ++x) places.push_back({centre(y, s[2]), centre(x, s[3])});
  return places;
}

// Rows below one another, columns beside one another, the same in all channels?
bool FeatureMaps::evenGrid(const Shape& s, const Places& places) const {
  if (s.size() != 4) return false;
  const auto plane = static_cast<std::size_t>(s[2] * s[3]), width = static_cast<std::size_t>(s[3]);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t at = i % plane, row = at / width, column = at % width;
    const Place &p = places[i], &left = places[row * width], &top = places[column];
    if (std::isnan(p.y) || rounded(p.y) != rounded(left.y) || rounded(p.x) != rounded(top.x)) return false;
    if (row > 0 && rounded(p.y) <= rounded(places[at - width].y)) return false;
    if (column > 0 && rounded(p.x) <= rounded(places[at - 1].x)) return false;
  }
  return true;
}

std::optional<FeatureMap> FeatureMaps::of(ValueId id) {
  if (layout(id).none()) return std::nullopt;
  const Shape& s = shape(id);
  if (layout(id).grid) return FeatureMap{{s[1], s[2], s[3]}, {}};
  const Places& places = *layout(id).places;
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int64_t>> cells;  // elements by row and column
  std::set<std::int64_t> columns;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (std::isnan(places[i].y)) continue;
    cells[{rounded(places[i].y), rounded(places[i].x)}].push_back(static_cast<std::int64_t>(i));
    columns.insert(rounded(places[i].x));
  }
  const auto count = static_cast<std::int64_t>(cells.size()), w = static_cast<std::int64_t>(columns.size());
  const std::size_t channels = cells.begin()->second.size();
  const bool even = std::all_of(cells.begin(), cells.end(), [&](const auto& c) { return c.second.size() == channels; });
  std::set<std::int64_t> rows;
  for (const auto& [at, elements] : cells) rows.insert(at.first);
  if (!even || count == 1 || static_cast<std::int64_t>(rows.size()) * w != count) return std::nullopt;
  FeatureMap map{{static_cast<std::int64_t>(channels), static_cast<std::int64_t>(rows.size()), w}, {}};
  for (std::size_t c = 0; c < channels; ++c)
    for (const auto& [at, elements] : cells) map.order.push_back(elements[c]);
  return map;
}

// ---- what the scores read
void FeatureMaps::findRead(ValueId scores) {
  read_[static_cast<std::size_t>(scores)] = Read::All;
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const Node& n = graph_.nodes[i];
    const Read output = read_[static_cast<std::size_t>(n.outputs[0])];
    if (output == Read::No) continue;
    for (ValueId id : n.inputs) {
      if (id == kNoValue || graph_.isConstant(id)) continue;
      Read& known = read_[static_cast<std::size_t>(id)];
      known = std::max(known, readOf(n, id, output));
    }
  }
}

// A slice that takes elements without place out of a value with places (the class token) reads no others, nor does what
// treats each token by itself; products of matrices, pools and convolutions mix them.
FeatureMaps::Read FeatureMaps::readOf(const Node& n, ValueId input, Read output) {
  const OpKind kind = traitsOf(n.op).kind;
  if (n.op == Op::Slice || n.op == Op::Take)
    return output == Read::All && layout(n.outputs[0]).none() && !layout(input).none() ? Read::WithoutPlace : output;
  const bool mixes = n.op == Op::Conv || kind == OpKind::MatMul || kind == OpKind::MaxPool ||
                     kind == OpKind::AveragePool || kind == OpKind::Resize;
  return mixes ? Read::All : output;
}

int FeatureMaps::last() {
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const Node& n = graph_.nodes[i];
    const ValueId id = n.outputs[0];
    if (!areRead(id)) continue;
    const Role role = roleOf(graph_, n);
    const bool endsBlock = role == Role::Residual || role == Role::Normalisation || n.op == Op::Affine;
    if (!layout(id).grid && !endsBlock) continue;
    const std::optional<FeatureMap> map = of(id);
    if (map && map->shape[1] * map->shape[2] > 1) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace relprop
