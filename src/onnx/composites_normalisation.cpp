// Normalisations by way of LayerNormalization, which has a rule of its own, and of sums of squares.
#include "onnx/composites.h"

namespace relprop::onnx_import {

namespace {

using Ints = std::vector<std::int64_t>;

// A scale or bias of G values, one a group, as one a channel.
std::string byChannel(Composer& c, const std::string& values, std::int64_t groups) {
  if (c.opset() >= 21 || values.empty()) return values;
  const std::string channels = c.add("Shape", {c.in(0)}, {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}});
  const std::string count = c.constant(Ints{groups});
  const std::string shape = c.add("Concat", {count, c.add("Div", {channels, count})}, {{"axis", std::int64_t{0}}});
  const std::string column = c.add("Reshape", {values, c.constant(Ints{groups, 1})});
  return c.add("Reshape", {c.add("Expand", {column, shape}), c.constant(Ints{-1})});
}

// Each group of channels as one row: N×G×(C/G·spatial). A Reshape alone would also cut groups through a channel, where
// spatial extents allow it; one that has an axis for the channels of a group does not.
std::string rowsOfGroups(Composer& c, std::int64_t groups) {
  const std::string channels = c.add("Shape", {c.in(0)}, {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}});
  const std::string each = c.add("Div", {channels, c.constant(Ints{groups})});
  const std::string spatial = c.add("Shape", {c.in(0)}, {{"start", std::int64_t{2}}});
  const std::string shape = c.add("Concat", {c.constant(Ints{0, groups}), each, spatial}, {{"axis", std::int64_t{0}}});
  return c.add("Reshape", {c.add("Reshape", {c.in(0), shape}), c.constant(Ints{0, groups, -1})});
}

// A LayerNormalization of these rows; then scale and bias by channel.
void groupNormalization(Composer& c) {
  const std::int64_t groups = c.intAttr("num_groups", 1);
  if (groups < 1) c.refuse("num_groups " + std::to_string(groups), "at least 1");
  const std::string rows = rowsOfGroups(c, groups);
  const std::string extent = c.add("Shape", {rows}, {{"start", std::int64_t{2}}});
  const std::string ones = c.add("Add", {c.add("ConstantOfShape", {extent}), c.constant(1.0f)});
  const std::string normal = c.add("LayerNormalization", {rows, ones},
                                   {{"axis", std::int64_t{2}}, {"epsilon", c.floatAttr("epsilon", 1e-5f)}});
  const std::string back = c.add("Reshape", {normal, c.add("Shape", {c.in(0)})});
  const std::string scale = byChannel(c, c.in(1), groups), bias = byChannel(c, c.in(2), groups);
  const std::string zero = c.add("Mul", {scale, c.constant(0.0f)}), one = c.add("Add", {zero, c.constant(1.0f)});
  c.add("BatchNormalization", {back, scale, bias, zero, one}, {{"epsilon", 0.0f}}, c.out(0));
}

// From `axis` to the last one, as a value: how many axes there are is not known yet. Of one that is not there a Range
// would be empty, which to reductions means all axes: its extent is asked for, times 0, as Gather refuses it.
std::string axesFrom(Composer& c, std::int64_t axis) {
  const std::string one = c.constant(std::int64_t{1});
  if (axis < 0) return c.add("Range", {c.constant(axis), c.constant(std::int64_t{0}), one});
  const std::string extents = c.add("Shape", {c.in(0)}), rank = c.add("Size", {extents});
  const std::string extent = c.add("Gather", {extents, c.constant(axis)});
  const std::string nothing = c.add("Mul", {extent, c.constant(std::int64_t{0})});
  return c.add("Range", {c.add("Add", {nothing, c.constant(axis)}), rank, one});
}

// x/√(mean(x²) + ε)·scale
void rmsNormalization(Composer& c) {
  const std::string squares = c.add("Mul", {c.in(0), c.in(0)});
  const std::string mean = c.add("ReduceMean", {squares, axesFrom(c, c.intAttr("axis", -1))});
  const std::string root = c.add("Sqrt", {c.add("Add", {mean, c.constant(c.floatAttr("epsilon", 1e-5f))})});
  c.add("Mul", {c.add("Div", {c.in(0), root}), c.in(1)}, {}, c.out(0));
}

// x/‖x‖ along an axis, 0 where the norm is 0.
void lpNormalization(Composer& c) {
  const std::int64_t p = c.intAttr("p", 2);
  if (p != 1 && p != 2) c.refuse("p " + std::to_string(p), "1 or 2");
  const bool absolute = p == 1;
  const std::string along = c.constant(Ints{c.intAttr("axis", -1)});
  const std::string terms = absolute ? c.add("Abs", {c.in(0)}) : c.add("Mul", {c.in(0), c.in(0)});
  const std::string sum = c.add("ReduceSum", {terms, along}, {{"keepdims", std::int64_t{1}}});
  const std::string norm = absolute ? sum : c.add("Sqrt", {sum});
  const std::string zero = c.add("Cast", {c.add("Equal", {norm, c.constant(0.0f)})}, {{"to", std::int64_t{1}}});
  c.add("Div", {c.in(0), c.add("Add", {norm, zero})}, {}, c.out(0));
}

bool wantsMoments(const RawNode& node) {
  return node.outputs.size() > 1;
}

// Mean and inverse deviation as outputs of their own.
void layerNormalization(Composer& c) {
  const std::int64_t axis = c.intAttr("axis", -1);
  const float epsilon = c.floatAttr("epsilon", 1e-5f);
  std::vector<std::string> inputs{c.in(0), c.in(1)};
  if (c.has(2)) inputs.push_back(c.in(2));
  c.add("LayerNormalization", inputs, {{"axis", axis}, {"epsilon", epsilon}}, c.out(0));
  const std::string axes = axesFrom(c, axis), mean = c.add("ReduceMean", {c.in(0), axes}, {}, c.out(1));
  if (!c.wanted(2)) return;
  const std::string centred = c.add("Sub", {c.in(0), mean});
  const std::string variance = c.add("ReduceMean", {c.add("Mul", {centred, centred}), axes});
  const std::string deviation = c.add("Sqrt", {c.add("Add", {variance, c.constant(epsilon)})});
  c.add("Reciprocal", {deviation}, {}, c.out(2));
}

// clang-format off
constexpr Composite kNormalisations[] = {
    {"", "LayerNormalization", "x scale bias", "",
     "axis:i epsilon:f stash_type:i-", nullptr, layerNormalization, wantsMoments},
    {"", "InstanceNormalization", "x scale bias", "y", "epsilon:f consumed_inputs:I-",
     "extents = Shape<start=2>(x); zeros = ConstantOfShape(extents); ones = Add(zeros, 1.0);"
     "n = LayerNormalization<axis=2, epsilon=$epsilon:0.00001>(x, ones);"
     "zero = Mul(scale, 0.0); one = Add(zero, 1.0);"
     "y = BatchNormalization<epsilon=0.0>(n, scale, bias, zero, one)"},
    {"", "GroupNormalization", "x scale bias", "",
     "epsilon:f num_groups:i! stash_type:i-", nullptr, groupNormalization},
    {"", "RMSNormalization", "x scale", "", "axis:i epsilon:f stash_type:i-", nullptr, rmsNormalization},
    {"", "LpNormalization", "x", "", "axis:i p:i", nullptr, lpNormalization},
    {"", "MeanVarianceNormalization", "x", "y", "axes:I",
     "m = ReduceMean<axes=$axes:[0, 2, 3], keepdims=1>(x); d = Sub(x, m); q = Mul(d, d);"
     "v = ReduceMean<axes=$axes:[0, 2, 3], keepdims=1>(q); r = Sqrt(v); s = Add(r, 0.000000001); y = Div(d, s)"},
};
// clang-format on

}  // namespace

std::span<const Composite> normalisationComposites() {
  return kNormalisations;
}

}  // namespace relprop::onnx_import
