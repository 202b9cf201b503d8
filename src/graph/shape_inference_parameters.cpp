// Decoding of the operands that decide about shapes.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "graph/edit.h"
#include "graph/shape_inference.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// A canonical Slice has its parameters as attributes and one input. ONNX's have their defaults here.
struct SliceParameters {
  Shape starts, ends, steps;
  std::vector<std::size_t> axes;
};

SliceParameters sliceParameters(const Graph& graph, const Node& node, std::size_t rank) {
  SliceParameters p;
  p.starts = intsParameter(graph, node, 1, "starts").value_or(Shape{});
  p.ends = intsParameter(graph, node, 2, "ends").value_or(Shape{});
  Shape axes(p.starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  axes = intsParameter(graph, node, 3, "axes").value_or(axes);
  p.steps = intsParameter(graph, node, 4, "steps").value_or(Shape(p.starts.size(), 1));
  if (p.ends.size() != p.starts.size() || axes.size() != p.starts.size() || p.steps.size() != p.starts.size())
    mismatch(node, "starts, ends, axes and steps of different lengths", "one entry an axis in each");
  p.axes = normaliseAxes(node, axes, rank);
  return p;
}

std::int64_t fromFront(std::int64_t index, std::int64_t extent) {
  return index < 0 ? index + extent : index;
}

SliceRange clampRange(const Node& node, std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (step == 0) mismatch(node, "step 0", "a step other than 0");
  // An end of -1 in a canonical Slice that runs backwards stands before the first element, not at the last.
  const bool canonicalEnd = node.inputs.size() == 1 && step < 0;
  if (!canonicalEnd) end = fromFront(end, extent);
  start = fromFront(start, extent);
  if (step > 0) return {std::clamp<std::int64_t>(start, 0, extent), std::clamp<std::int64_t>(end, 0, extent), step};
  if (extent == 0) return {0, 0, 1};
  return {std::clamp<std::int64_t>(start, 0, extent - 1), std::clamp<std::int64_t>(end, -1, extent - 1), step};
}

Shape evenParts(const Node& node, std::int64_t extent, std::int64_t parts) {
  const std::int64_t size = (extent + parts - 1) / parts;  // the last part may be smaller
  Shape extents(static_cast<std::size_t>(parts), size);
  extents.back() = extent - size * (parts - 1);
  if (extents.back() <= 0) mismatch(node, fmt::format("{} split into {} parts", extent, parts), "no empty part");
  return extents;
}

}  // namespace

std::optional<Shape> intsParameter(const Graph& graph, const Node& node, std::size_t index, const char* attribute) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
    return node.has(attribute) ? std::optional(node.intsAttr(attribute)) : std::nullopt;
  const Value& value = graph.value(node.inputs[index]);
  if (!value.constant)
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("{} computed at run time", attribute),
                "a constant");
  if (!value.constant->ints) mismatch(node, fmt::format("{} of floats", attribute), "integers");
  return *value.constant->ints;
}

std::size_t normaliseAxis(const Node& node, std::int64_t axis, std::size_t rank) {
  const std::int64_t r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r)
    mismatch(node, fmt::format("axis {}", axis), fmt::format("an axis of {} dimensions", rank));
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

std::vector<std::size_t> normaliseAxes(const Node& node, const Shape& axes, std::size_t rank) {
  std::vector<std::size_t> result;
  std::vector<char> seen(rank, 0);
  for (std::int64_t axis : axes) {
    result.push_back(normaliseAxis(node, axis, rank));
    if (std::exchange(seen[result.back()], 1)) mismatch(node, fmt::format("axis {} twice", axis), "distinct axes");
  }
  return result;
}

Shape broadcastShapes(const Node& node, const Shape& a, const Shape& b) {
  const Shape &longer = a.size() >= b.size() ? a : b, &shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t offset = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    std::int64_t& extent = result[offset + i];
    if (extent == 1) extent = shorter[i];
    if (shorter[i] != 1 && shorter[i] != extent)
      mismatch(node, fmt::format("operands {} and {}", numbersText(a), numbersText(b)), "shapes that broadcast");
  }
  return result;
}

std::int64_t SliceRange::count() const {
  const std::int64_t length = step > 0 ? end - start : start - end;
  if (length <= 0) return 0;
  // Dividing length − 1 leaves no overflow for steps near the ends of the range.
  return step > 0 ? (length - 1) / step + 1 : -((length - 1) / step) + 1;
}

std::vector<SliceRange> sliceRanges(const Graph& graph, const Node& node) {
  const Shape& shape = inputShape(graph, node);
  std::vector<SliceRange> ranges;
  for (std::int64_t extent : shape) ranges.push_back({0, extent, 1});
  const SliceParameters p = sliceParameters(graph, node, shape.size());
  for (std::size_t i = 0; i < p.axes.size(); ++i)
    ranges[p.axes[i]] = clampRange(node, p.starts[i], p.ends[i], p.steps[i], shape[p.axes[i]]);
  return ranges;
}

Shape padAmounts(const Graph& graph, const Node& node) {
  const std::size_t rank = inputShape(graph, node).size();
  const Shape pads = intsParameter(graph, node, 1, "pads").value_or(Shape{});
  Shape all(rank);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<std::size_t> axes = normaliseAxes(node, intsParameter(graph, node, 3, "axes").value_or(all), rank);
  if (pads.size() != 2 * axes.size())
    mismatch(node, fmt::format("{} pads", pads.size()), fmt::format("{}", 2 * axes.size()));
  Shape amounts(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    amounts[axes[i]] = pads[i];
    amounts[rank + axes[i]] = pads[axes.size() + i];
  }
  return amounts;
}

Shape splitExtents(const Graph& graph, const Node& node) {
  const Shape& shape = inputShape(graph, node);
  const std::int64_t extent = shape[normaliseAxis(node, node.intAttr("axis", 0), shape.size())];
  const std::int64_t outputs = static_cast<std::int64_t>(node.outputs.size());
  const Shape extents = intsParameter(graph, node, 1, "split").value_or(Shape{});
  if (extents.empty()) return evenParts(node, extent, outputs);
  std::int64_t rest = extent;
  for (std::int64_t part : extents) {
    if (part < 0) mismatch(node, fmt::format("parts {}", numbersText(extents)), "extents of 0 or more");
    if (part > rest) mismatch(node, fmt::format("parts {}", numbersText(extents)), fmt::format("a sum of {}", extent));
    rest -= part;
  }
  if (rest != 0 || static_cast<std::int64_t>(extents.size()) != outputs)
    mismatch(node, fmt::format("parts {} for {} outputs", toString(extents), outputs),
             fmt::format("a sum of {}", extent));
  return extents;
}

std::vector<std::size_t> reducedAxes(const Graph& graph, const Node& node) {
  const std::size_t rank = inputShape(graph, node).size();
  const Shape given = intsParameter(graph, node, 1, "axes").value_or(Shape{});
  if (given.empty() && node.intAttr("noop_with_empty_axes", 0) != 0) return {};
  std::vector<std::size_t> axes = normaliseAxes(node, given, rank);
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

}  // namespace relprop
