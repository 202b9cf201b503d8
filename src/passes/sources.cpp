#include "passes/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "graph/shape_inference_moves.h"
#include "passes/strided.h"
#include "relprop/error.h"

namespace relprop {

namespace {

using Sources = std::vector<std::int64_t>;

struct Move {
  const Graph& graph;
  const Node& node;
  const Shape& out;

  const Shape& in(std::size_t i = 0) const { return graph.value(node.inputs[i]).shape; }
  const Shape& ints(std::size_t i) const { return *graph.value(node.inputs[i]).constant->ints; }
  std::size_t axis(std::int64_t fallback) const {
    return normaliseAxis(node, node.intAttr("axis", fallback), in().size());
  }
  std::int64_t inside(std::int64_t index, std::int64_t extent) const {
    if (index < -extent || index >= extent)
      throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("index {}", index),
                  fmt::format("below {}", extent));
    return index < 0 ? index + extent : index;
  }
};

std::int64_t flat(const Shape& index, const Shape& strides) {
  return std::inner_product(index.begin(), index.end(), strides.begin(), std::int64_t{0});
}

// f(index) for every element of a shape, in order.
template <class F>
Sources each(const Shape& shape, F f) {
  Sources sources;
  sources.reserve(static_cast<std::size_t>(elementCount(shape)));
  Shape index(shape.size(), 0);
  for (std::int64_t left = elementCount(shape); left > 0; --left) {
    sources.push_back(f(index));
    for (std::size_t a = shape.size(); a-- > 0;) {
      if (++index[a] < shape[a]) break;
      index[a] = 0;
    }
  }
  return sources;
}

// Elements that lie under the same index of the input but for changes that `f` makes to it; false: filled in.
template <class F>
Sources remapped(const Move& m, F f) {
  const Shape strides = contiguousStrides(m.in());
  return each(m.out, [&](const Shape& at) {
    Shape index = at;
    return f(index) ? flat(index, strides) : kFilled;
  });
}

Sources tile(const Move& m) {
  return remapped(m, [&](Shape& index) {
    for (std::size_t a = 0; a < index.size(); ++a) index[a] %= m.in()[a];
    return true;
  });
}

Sources expand(const Move& m) {
  Sources sources;
  forEachPosition(broadcastView(m.in(), m.out), [&](std::int64_t at) { sources.push_back(at); });
  return sources;
}

Sources gather(const Move& m) {
  const std::size_t axis = m.axis(0), rank = m.in(1).size();
  const Shape strides = contiguousStrides(m.in()), at = contiguousStrides(m.in(1));
  return each(m.out, [&](const Shape& index) {
    const auto first = index.begin() + static_cast<std::ptrdiff_t>(axis),
               last = first + static_cast<std::ptrdiff_t>(rank);
    const std::int64_t chosen = m.ints(1)[static_cast<std::size_t>(flat(Shape(first, last), at))];
    Shape source(index.begin(), first);
    source.push_back(m.inside(chosen, m.in()[axis]));
    source.insert(source.end(), last, index.end());
    return flat(source, strides);
  });
}

Sources gatherElements(const Move& m) {
  const std::size_t axis = m.axis(0);
  const Shape at = contiguousStrides(m.in(1));
  return remapped(m, [&](Shape& index) {
    index[axis] = m.inside(m.ints(1)[static_cast<std::size_t>(flat(index, at))], m.in()[axis]);
    return true;
  });
}

// Index of the first element that a tuple of indices names.
std::int64_t tupleStart(const Move& m, const std::int64_t* tuple, std::size_t length, std::size_t firstAxis) {
  const Shape strides = contiguousStrides(m.in());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < length; ++i) start += m.inside(tuple[i], m.in()[firstAxis + i]) * strides[firstAxis + i];
  return start;
}

Sources gatherNd(const Move& m) {
  const auto batch = static_cast<std::size_t>(m.node.intAttr("batch_dims", 0));
  const Shape& at = m.in(1);
  const auto length = static_cast<std::size_t>(at.back());
  const Shape strides = contiguousStrides(m.in()), tuples = contiguousStrides(at);
  return each(m.out, [&](const Shape& index) {
    Shape tuple(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(at.size() - 1));
    std::int64_t source = 0;
    for (std::size_t i = 0; i < batch; ++i) source += index[i] * strides[i];
    source += tupleStart(m, m.ints(1).data() + flat(tuple, tuples), length, batch);
    for (std::size_t i = at.size() - 1, axis = batch + length; axis < m.in().size(); ++i, ++axis)
      source += index[i] * strides[axis];
    return source;
  });
}

Sources identity(const Shape& shape) {
  Sources sources(static_cast<std::size_t>(elementCount(shape)));
  std::iota(sources.begin(), sources.end(), 0);
  return sources;
}

Sources scatterElements(const Move& m) {
  const std::size_t axis = m.axis(0);
  Sources sources = identity(m.in());
  const Shape strides = contiguousStrides(m.in());
  const std::int64_t count = elementCount(m.in());
  std::int64_t update = 0;
  each(m.in(1), [&](const Shape& at) {
    Shape index = at;
    index[axis] = m.inside(m.ints(1)[static_cast<std::size_t>(update)], m.in()[axis]);
    sources[static_cast<std::size_t>(flat(index, strides))] = count + update++;
    return std::int64_t{0};
  });
  return sources;
}

Sources scatterNd(const Move& m) {
  const Shape& at = m.in(1);
  const auto length = static_cast<std::size_t>(at.back());
  Sources sources = identity(m.in());
  const std::int64_t count = elementCount(m.in()), tuples = elementCount(at) / at.back();
  const std::int64_t size = elementCount(Shape(m.in().begin() + at.back(), m.in().end()));
  for (std::int64_t t = 0; t < tuples; ++t) {
    const std::int64_t start = tupleStart(m, m.ints(1).data() + t * at.back(), length, 0);
    for (std::int64_t i = 0; i < size; ++i) sources[static_cast<std::size_t>(start + i)] = count + t * size + i;
  }
  return sources;
}

Sources trilu(const Move& m) {
  const bool upper = m.node.intAttr("upper", 1) != 0, given = m.node.inputs.size() > 1 && m.node.inputs[1] != kNoValue;
  const std::int64_t k = given ? wholeParameter(m.graph, m.node, 1, "k") : 0;
  return remapped(m, [&](Shape& index) {
    const std::int64_t diagonal = index[index.size() - 1] - index[index.size() - 2];
    return upper ? diagonal >= k : diagonal <= k;
  });
}

// Position along an axis that a pad of this mode copies; kFilled for one that it fills.
std::int64_t padded(const std::string& mode, std::int64_t position, std::int64_t extent) {
  if (position >= 0 && position < extent) return position;
  if (extent == 0) return kFilled;
  if (mode == "edge") return std::clamp<std::int64_t>(position, 0, extent - 1);
  if (mode == "wrap") return (position % extent + extent) % extent;
  if (mode != "reflect") return kFilled;
  const std::int64_t period = std::max<std::int64_t>(1, 2 * (extent - 1));
  const std::int64_t at = (position % period + period) % period;
  return std::min(at, period - at) % extent;
}

Sources pad(const Move& m) {
  const Shape amounts = padAmounts(m.graph, m.node);
  const std::string mode = m.node.stringAttr("mode", "constant");
  return remapped(m, [&](Shape& index) {
    bool inside = true;
    for (std::size_t a = 0; a < index.size(); ++a) {
      index[a] = padded(mode, index[a] - amounts[a], m.in()[a]);
      inside = inside && index[a] != kFilled;
    }
    return inside;
  });
}

Sources centerCropPad(const Move& m) {
  return remapped(m, [&](Shape& index) {
    bool inside = true;
    for (std::size_t a = 0; a < index.size(); ++a) {
      const std::int64_t in = m.in()[a], out = m.out[a];
      index[a] += in > out ? (in - out) / 2 : -((out - in) / 2);
      inside = inside && index[a] >= 0 && index[a] < in;
    }
    return inside;
  });
}

// Channels as (block, block, C) with mode DCR, as (C, block, block) with CRD.
Sources depthToSpace(const Move& m) {
  const std::int64_t b = m.node.intAttr("blocksize", 1), channels = m.out[1];
  const bool columns = m.node.stringAttr("mode", "DCR") == "CRD";
  return remapped(m, [&](Shape& i) {
    const std::int64_t place = i[2] % b * b + i[3] % b;
    i = {i[0], columns ? i[1] * b * b + place : place * channels + i[1], i[2] / b, i[3] / b};
    return true;
  });
}

Sources spaceToDepth(const Move& m) {
  const std::int64_t b = m.node.intAttr("blocksize", 1), channels = m.in()[1];
  return remapped(m, [&](Shape& i) {
    const std::int64_t place = i[1] / channels;
    i = {i[0], i[1] % channels, i[2] * b + place / b, i[3] * b + place % b};
    return true;
  });
}

Sources reverseSequence(const Move& m) {
  const std::size_t rank = m.in().size(), time = normaliseAxis(m.node, m.node.intAttr("time_axis", 0), rank),
                    batch = normaliseAxis(m.node, m.node.intAttr("batch_axis", 1), rank);
  return remapped(m, [&](Shape& index) {
    const std::int64_t length = m.ints(1)[static_cast<std::size_t>(index[batch])];
    if (length < 0 || length > m.in()[time])
      throw Error(ErrorCode::ShapeMismatch, describe(m.node), fmt::format("a sequence of {} steps", length),
                  fmt::format("0 to {}", m.in()[time]));
    if (index[time] < length) index[time] = length - 1 - index[time];
    return true;
  });
}

const std::map<Op, Sources (*)(const Move&)>& sourceFunctions() {
  static const std::map<Op, Sources (*)(const Move&)> functions = {{Op::Tile, tile},
                                                                   {Op::Expand, expand},
                                                                   {Op::Gather, gather},
                                                                   {Op::GatherElements, gatherElements},
                                                                   {Op::GatherND, gatherNd},
                                                                   {Op::ScatterElements, scatterElements},
                                                                   {Op::ScatterND, scatterNd},
                                                                   {Op::Trilu, trilu},
                                                                   {Op::Pad, pad},
                                                                   {Op::CenterCropPad, centerCropPad},
                                                                   {Op::DepthToSpace, depthToSpace},
                                                                   {Op::SpaceToDepth, spaceToDepth},
                                                                   {Op::ReverseSequence, reverseSequence}};
  return functions;
}

bool scatters(Op op) {
  return op == Op::ScatterElements || op == Op::ScatterND;
}

// Kernels read where they are told. What shapes and indices promise each function above relies on; here it is looked at
// once more, where it is done.
void requireInside(const Graph& graph, const Node& node, const Sources& sources) {
  std::int64_t count = elementCount(graph.value(node.inputs[0]).shape);
  if (scatters(node.op)) count += elementCount(graph.value(node.inputs[2]).shape);
  for (const std::int64_t source : sources)
    if (source != kFilled && (source < 0 || source >= count))
      throw Error(ErrorCode::ShapeMismatch, describe(node), fmt::format("element {}", source),
                  fmt::format("one of {}", count));
}

}  // namespace

bool hasSources(const Graph& graph, const Node& node) {
  if (sourceFunctions().count(node.op) == 0 || node.stringAttr("reduction", "none") != "none") return false;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const bool values = scatters(node.op) && i == 2;
    if (!values && node.inputs[i] != kNoValue && !graph.isConstant(node.inputs[i])) return false;
  }
  return true;
}

std::vector<std::int64_t> sourcesOf(const Graph& graph, const Node& node, const Shape& output) {
  std::vector<std::int64_t> sources = sourceFunctions().at(node.op)({graph, node, output});
  requireInside(graph, node, sources);
  return sources;
}

float fillingOf(const Graph& graph, const Node& node) {
  float value = node.floatAttr("value", 0.0f);
  if (node.op == Op::Pad) floatParameter(graph, node, 2, value);
  return value;
}

}  // namespace relprop
