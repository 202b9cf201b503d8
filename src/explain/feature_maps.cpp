#include "explain/feature_maps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "engine/forward.h"
#include "graph/edit.h"
#include "graph/op_traits.h"
#include "kernels/copied.h"
#include "rules/rule.h"
#include "system/memory_bound.h"

namespace relprop {
namespace {

constexpr float kNowhere = std::numeric_limits<float>::quiet_NaN();

float centre(std::int64_t i, std::int64_t of) {
  return (static_cast<float>(i) + 0.5f) / static_cast<float>(of);
}

// Averages of centres differ in their last digits.
std::int32_t rounded(float v) {
  return static_cast<std::int32_t>(std::lround(static_cast<double>(v) * 65536));
}

// An element at its rounded place; in order: row by row, from left to right, as they lie in memory.
struct Placed {
  std::int32_t y, x;
  std::int64_t element;
  auto operator<=>(const Placed&) const = default;
  bool isWith(const Placed& other) const { return y == other.y && x == other.x; }
};

std::int64_t differentOf(std::vector<std::int32_t> values) {
  std::sort(values.begin(), values.end());
  return std::unique(values.begin(), values.end()) - values.begin();
}

// A window of more than one position says that the last two axes are those of a picture.
bool hasWindow(const Graph& g, const Node& n) {
  if (n.op != Op::Conv) return elementCount(n.intsAttr("kernel_shape")) > 1;
  const Shape& w = g.value(n.inputs[1]).shape;
  return w.size() == 4 && w[2] * w[3] > 1;
}

}  // namespace

FeatureMaps::FeatureMaps(const Graph& graph, ValueId scores, std::int64_t memory)
    : graph_(withRows(graph, 1)),
      uses_(usesOf(graph_)),
      memory_(memory),
      layouts_(graph_.values.size()),
      read_(graph_.values.size()) {
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
      return layout(in).none() ? Layout{} : tidied(out, *listed(in));
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
  const auto positions = static_cast<std::size_t>(has[2] * has[3]);
  const std::int64_t middle = sizeof(Place) + sizeof(Placed);
  makeRoom(to, middle * static_cast<std::int64_t>(positions) + kBytesOfAPlace * elements(to));
  const SharedPlaces all = listed(from);
  Places middles;
  std::vector<Placed> known;
  for (std::size_t i = 0; i < positions; ++i) {
    Places there;
    for (std::size_t k = i; k < all->size(); k += positions) there.push_back((*all)[k]);
    middles.push_back(middleOf(there.begin(), there.end()));
    if (!std::isnan(middles[i].y)) known.push_back({rounded(middles[i].y), rounded(middles[i].x), 0});
  }
  std::sort(known.begin(), known.end());
  if (std::adjacent_find(known.begin(), known.end()) != known.end()) return {true, {}};
  Places places;
  places.reserve(middles.size() * static_cast<std::size_t>(has[1]));
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
  makeRoom(out, kBytesOfAPlace * elements(out));
  Places places(static_cast<std::size_t>(elements(out)), {kNowhere, kNowhere});
  for (const Move& m : movesOf(graph_, n)) {
    const ValueId id = n.inputs[static_cast<std::size_t>(m.input)];
    if (graph_.isConstant(id) || layout(id).none()) continue;
    const SharedPlaces from = listed(id);
    forEachCopied(m.copy, [&](std::size_t source, std::size_t to) { places[to] = (*from)[source]; });
  }
  return tidied(out, std::move(places));
}

FeatureMaps::Layout FeatureMaps::taken(const Node& n) {
  if (layout(n.inputs[0]).none()) return {};
  const ValueId out = n.outputs[0];
  makeRoom(out, (kBytesOfAPlace + static_cast<std::int64_t>(sizeof(std::int64_t))) * elements(out));
  const SharedPlaces from = listed(n.inputs[0]);
  Places places;
  places.reserve(static_cast<std::size_t>(elements(out)));
  for (std::int64_t i : n.intsAttr("indices"))
    places.push_back(i < 0 ? Place{kNowhere, kNowhere} : from->at(static_cast<std::size_t>(i)));
  return tidied(out, std::move(places));
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
  makeRoom(from, kBytesOfAPlace * (elements(from) / extent * to));
  const SharedPlaces all = listed(from);
  Places places;
  places.reserve(all->size() / static_cast<std::size_t>(extent) * static_cast<std::size_t>(to));
  for (auto line = all->begin(); line != all->end(); line += extent)
    places.insert(places.end(), static_cast<std::size_t>(to), middleOf(line, line + extent));
  return {false, kept(std::move(places))};
}

FeatureMaps::Layout FeatureMaps::tidied(ValueId id, Places places) {
  if (std::all_of(places.begin(), places.end(), [](const Place& p) { return std::isnan(p.y); })) return {};
  if (evenGrid(shape(id), places)) return {true, {}};
  return {false, kept(std::move(places))};
}

FeatureMaps::SharedPlaces FeatureMaps::kept(Places places) {
  const auto bytesOf = [](const Places& p) {
    return std::string_view(reinterpret_cast<const char*>(p.data()), p.size() * sizeof(Place));
  };
  const std::string_view bytes = bytesOf(places);
  const std::size_t hash = std::hash<std::string_view>()(bytes);
  const auto [first, last] = known_.equal_range(hash);
  for (auto k = first; k != last; ++k)
    if (bytesOf(*k->second) == bytes) return k->second;
  held_ += static_cast<std::int64_t>(bytes.size());
  return known_.emplace(hash, std::make_shared<const Places>(std::move(places)))->second;
}

FeatureMaps::SharedPlaces FeatureMaps::listed(ValueId id) {
  if (!layout(id).grid) return layout(id).places;
  makeRoom(id, kBytesOfAPlace * elements(id));
  const Shape& s = shape(id);
  Places places;
  places.reserve(static_cast<std::size_t>(elements(id)));
  for (std::int64_t c = 0; c < s[1]; ++c)
    for (std::int64_t y = 0; y < s[2]; ++y)
      for (std::int64_t x = 0; x < s[3]; ++x) places.push_back({centre(y, s[2]), centre(x, s[3])});
  return std::make_shared<const Places>(std::move(places));
}

std::int64_t FeatureMaps::elements(ValueId id) const {
  return elementCount(shape(id));
}

// Before so many bytes are taken beside the lists that are kept, which are asked for once more.
void FeatureMaps::makeRoom(ValueId id, std::int64_t bytes) const {
  requireMemoryWithin(memory_, held_ + bytes, "places of '" + graph_.value(id).name + "'",
                      "allow more with --memory, or take a method that needs no layer, such as gradient");
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

namespace {

// Those with a place.
template <class Places>
std::vector<Placed> inOrder(const Places& places) {
  std::vector<Placed> all;
  all.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    if (!std::isnan(places[i].y))
      all.push_back({rounded(places[i].y), rounded(places[i].x), static_cast<std::int64_t>(i)});
  std::sort(all.begin(), all.end());
  return all;
}

// Whether each `channels` elements lie at one place, a place of their own.
bool isOfCells(const std::vector<Placed>& all, std::size_t channels) {
  if (all.size() % channels != 0) return false;
  for (std::size_t i = 0; i < all.size(); i += channels)
    if (!all[i].isWith(all[i + channels - 1]) || (i > 0 && all[i].isWith(all[i - 1]))) return false;
  return true;
}

// How many rows and columns cells fill; none where they fill no rectangle.
std::optional<std::pair<std::int64_t, std::int64_t>> extentsOf(const std::vector<Placed>& all, std::size_t channels) {
  std::vector<std::int32_t> ys, xs;
  for (std::size_t i = 0; i < all.size(); i += channels) ys.push_back(all[i].y), xs.push_back(all[i].x);
  const auto count = static_cast<std::int64_t>(ys.size());
  const std::int64_t rows = differentOf(std::move(ys)), columns = differentOf(std::move(xs));
  if (count == 1 || rows * columns != count) return {};
  return {{rows, columns}};
}

}  // namespace

// Elements of one place are its channels, in the order in which they lie in memory.
std::optional<FeatureMap> FeatureMaps::of(ValueId id) {
  if (layout(id).none()) return std::nullopt;
  const Shape& s = shape(id);
  if (layout(id).grid) return FeatureMap{{s[1], s[2], s[3]}, {}};
  constexpr std::int64_t each = sizeof(Placed) + 2 * sizeof(std::int32_t) + sizeof(std::int64_t);
  makeRoom(id, each * elements(id));
  const std::vector<Placed> all = inOrder(*layout(id).places);
  if (all.empty()) return std::nullopt;
  const auto elsewhere = std::find_if(all.begin(), all.end(), [&](const Placed& p) { return !p.isWith(all[0]); });
  const auto channels = static_cast<std::size_t>(elsewhere - all.begin());
  if (!isOfCells(all, channels)) return std::nullopt;
  const auto extents = extentsOf(all, channels);
  if (!extents) return std::nullopt;
  FeatureMap map{{static_cast<std::int64_t>(channels), extents->first, extents->second}, {}};
  map.order.reserve(all.size());
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = c; i < all.size(); i += channels) map.order.push_back(all[i].element);
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
