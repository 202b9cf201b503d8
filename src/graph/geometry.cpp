#include "graph/geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "graph/edit.h"
#include "relprop/error.h"

namespace relprop {

namespace {

// Extents and attributes below this bound can be added and multiplied in pairs without overflow.
constexpr std::int64_t kLargest = std::int64_t{1} << 31;

void checkAttribute(const Node& node, const char* name, const Shape& values, std::size_t count, std::int64_t lowest) {
  if (values.size() != count)
    mismatch(node, fmt::format("{} has {} entries", name, values.size()), fmt::format("{}", count));
  for (std::int64_t value : values)
    if (value < lowest || value >= kLargest)
      mismatch(node, fmt::format("{} {}", name, numbersText(values)), fmt::format("entries of at least {}", lowest));
}

std::int64_t ceilDiv(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Extent that a dilated kernel covers.
std::int64_t covered(const Window& window, std::size_t axis) {
  return (window.kernel[axis] - 1) * window.dilations[axis] + 1;
}

// SAME: as many windows as strides fit into the input; an odd pixel of padding goes to the end (UPPER) or begin
// (LOWER).
void padSame(Window& window, std::size_t axis, std::int64_t extent, bool upper) {
  const std::int64_t stride = window.strides[axis];
  const std::int64_t count = ceilDiv(extent, stride);
  const std::int64_t total = std::max<std::int64_t>(0, (count - 1) * stride + covered(window, axis) - extent);
  window.padBegin[axis] = upper ? total / 2 : total - total / 2;
  window.padEnd[axis] = total - window.padBegin[axis];
}

void resolvePads(const Node& node, const Shape& input, Window& window) {
  const std::size_t axes = window.kernel.size();
  const std::string mode = node.stringAttr("auto_pad", "NOTSET");
  window.padBegin.assign(axes, 0);
  window.padEnd.assign(axes, 0);
  if (mode == "VALID") return;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    for (std::size_t i = 0; i < axes; ++i) padSame(window, i, input[i + 2], mode == "SAME_UPPER");
    return;
  }
  if (mode != "NOTSET" && !mode.empty()) mismatch(node, "auto_pad " + mode, "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  const Shape pads = node.intsAttr("pads", Shape(2 * axes, 0));
  checkAttribute(node, "pads", pads, 2 * axes, 0);
  std::copy_n(pads.begin(), axes, window.padBegin.begin());
  std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(axes), axes, window.padEnd.begin());
}

// Number of windows. With ceil_mode a last window may hang over the end, but has to start inside the input or the
// padding before it.
std::int64_t windowCount(const Node& node, const Window& window, std::size_t axis, std::int64_t extent) {
  const std::int64_t padded = extent + window.padBegin[axis] + window.padEnd[axis];
  const std::int64_t span = padded - covered(window, axis);
  if (span < 0)
    mismatch(
        node,
        fmt::format("a kernel that covers {} on an axis of {} padded to {}", covered(window, axis), extent, padded),
        "a kernel that fits");
  const std::int64_t stride = window.strides[axis];
  if (node.intAttr("ceil_mode", 0) == 0) return span / stride + 1;
  const std::int64_t count = ceilDiv(span, stride) + 1;
  return (count - 1) * stride >= extent + window.padBegin[axis] ? count - 1 : count;
}

// The least k ≥ 0 with low ≤ k·step mod modulus ≤ high, −1 where there is none; 0 ≤ low ≤ high < modulus, and
// 0 ≤ step < modulus. Either a multiple of the step gets there before it wraps; or all of the range lies between two of
// them, and the first to get there has wrapped w times, where w·modulus mod step lies from −high to −low: the same
// question about smaller numbers, as in Euclid's algorithm.
std::int64_t firstWithin(std::int64_t step, std::int64_t modulus, std::int64_t low, std::int64_t high) {
  if (low == 0) return 0;
  if (step == 0) return -1;
  const std::int64_t count = ceilDiv(low, step);
  if (count * step <= high) return count;
  const std::int64_t wraps = firstWithin(modulus % step, step, step - high % step, step - low % step);
  return wraps < 0 ? -1 : ceilDiv(low + wraps * modulus, step);
}

// A pool has no value for a window that lies in the padding entirely. Of the windows that begin in the padding the
// first one is the farthest from the input, and the first tap of each that is not in the padding lies at the window's
// begin modulo the dilation: beyond the end of the input where the extent is less than that.
void checkPoolWindows(const Node& node, const Window& window, std::size_t axis, std::int64_t extent) {
  const std::int64_t stride = window.strides[axis], dilation = window.dilations[axis], pad = window.padBegin[axis];
  const std::int64_t before = std::min(window.output[axis], ceilDiv(pad, stride));
  bool inside = (window.output[axis] - 1) * stride - pad < extent && ceilDiv(pad, dilation) < window.kernel[axis];
  const std::int64_t first = ceilDiv(pad, dilation) * dilation - pad;
  if (before > 0 && extent < dilation) {
    const std::int64_t missing =
        first >= extent ? 0 : firstWithin(stride % dilation, dilation, extent - first, dilation - 1 - first);
    inside = inside && (missing < 0 || missing >= before);
  }
  if (!inside) mismatch(node, "a window that lies in the padding entirely", "padding smaller than the kernel");
}

// Kernels are made for each place of the padding.
void checkConvPads(const Node& node, const Window& window) {
  for (const Shape* pads : {&window.padBegin, &window.padEnd})
    for (const std::int64_t pad : *pads)
      if (pad > kMostConvPads) mismatch(node, fmt::format("pads of {}", pad), fmt::format("{} at most", kMostConvPads));
}

Shape spatialKernel(const Graph& graph, const Node& node) {
  if (node.op != Op::Conv) return node.intsAttr("kernel_shape");
  const Shape& weight = graph.value(node.inputs[1]).shape;
  return Shape(weight.begin() + 2, weight.end());
}

struct AxisFields {
  std::int64_t in, out, kernel, stride, dilation, begin, end, counted;
};

AxisFields axisFields(const Window& window, const Shape& input, std::size_t axis) {
  const std::int64_t in = input[axis + 2], out = window.output[axis], begin = window.padBegin[axis];
  const std::int64_t reach = (out - 1) * window.strides[axis] + covered(window, axis) - in - begin;
  const std::int64_t end = std::max(window.padEnd[axis], reach);
  // A lone window has no next one, nor a lone tap, and oneDNN no kernels for the distances that a file may give them:
  // the least beyond which there is none.
  const std::int64_t beyond = begin + in + end - covered(window, axis) + 1;
  return {in,
          out,
          window.kernel[axis],
          out > 1 ? window.strides[axis] : std::min(window.strides[axis], beyond),
          window.kernel[axis] > 1 ? window.dilations[axis] : 1,
          begin,
          end,
          window.padEnd[axis]};
}

void setRows(ConvGeometry& g, const AxisFields& f) {
  g.H = f.in, g.OH = f.out, g.KH = f.kernel, g.SH = f.stride, g.DH = f.dilation;
  g.padTop = f.begin, g.padBottom = f.end, g.countedBottom = f.counted;
}

void setColumns(ConvGeometry& g, const AxisFields& f) {
  g.W = f.in, g.OW = f.out, g.KW = f.kernel, g.SW = f.stride, g.DW = f.dilation;
  g.padLeft = f.begin, g.padRight = f.end, g.countedRight = f.counted;
}

}  // namespace

Window windowOf(const Node& node, const Shape& input, const Shape& kernel) {
  if (input.size() < 3) mismatch(node, "input " + toString(input), "N×C and at least one spatial axis");
  const std::size_t axes = input.size() - 2;
  Window window;
  window.kernel = kernel;
  window.strides = node.intsAttr("strides", Shape(axes, 1));
  window.dilations = node.intsAttr("dilations", Shape(axes, 1));
  checkAttribute(node, "kernel_shape", window.kernel, axes, 1);
  checkAttribute(node, "strides", window.strides, axes, 1);
  checkAttribute(node, "dilations", window.dilations, axes, 1);
  resolvePads(node, input, window);
  if (node.op == Op::Conv) checkConvPads(node, window);
  for (std::size_t i = 0; i < axes; ++i) {
    window.output.push_back(windowCount(node, window, i, input[i + 2]));
    if (node.op != Op::Conv) checkPoolWindows(node, window, i, input[i + 2]);
  }
  return window;
}

ConvGeometry geometryOf(const Graph& graph, const Node& node) {
  const Shape& input = graph.value(node.inputs[0]).shape;
  const Window window = windowOf(node, input, spatialKernel(graph, node));
  const std::size_t axes = window.kernel.size();
  if (axes > 2)
    throw Error(ErrorCode::UnsupportedModel, describe(node), fmt::format("{} spatial axes", axes), "1 or 2");
  ConvGeometry g;
  g.N = input[0], g.C = input[1], g.H = 1, g.OH = 1;
  const bool conv = node.op == Op::Conv;
  g.O = conv ? graph.value(node.inputs[1]).shape[0] : g.C;
  g.groups = conv ? node.intAttr("group", 1) : g.C;
  g.countIncludePad = node.intAttr("count_include_pad", 0) != 0;
  if (axes == 2) setRows(g, axisFields(window, input, 0));
  setColumns(g, axisFields(window, input, axes - 1));
  return g;
}

}  // namespace relprop
