// Arithmetic, reductions and pools that are several operators.
#include "onnx/composites.h"

namespace relprop::onnx_import {

namespace {

bool notBinary(const RawNode& node) {
  return node.inputs.size() != 2;
}

// Op(a, b, c, …) as Op(Op(a, b), c) …
std::string chained(Composer& c, const std::string& op, const std::string& output) {
  const std::size_t count = c.node().inputs.size();
  if (count == 0) c.refuse("no inputs");
  std::string sum = count == 1 ? c.add("Identity", {c.in(0)}, {}, output) : c.in(0);
  for (std::size_t i = 1; i < count; ++i) sum = c.add(op, {sum, c.in(i)}, {}, i + 1 == count ? output : "");
  return sum;
}

void sum(Composer& c) {
  chained(c, "Add", c.out(0));
}
void maximum(Composer& c) {
  chained(c, "Max", c.out(0));
}
void minimum(Composer& c) {
  chained(c, "Min", c.out(0));
}
void mean(Composer& c) {
  const std::string total = chained(c, "Add", "");
  c.add("Div", {total, c.constant(static_cast<float>(c.node().inputs.size()))}, {}, c.out(0));
}

// The first of the greatest is 1, all others 0: equal to the maximum, and the first so far that is.
void hardmax(Composer& c) {
  const bool flattens = c.opset() < 13;
  const std::int64_t axis = c.intAttr("axis", flattens ? 1 : -1);
  const std::string x = flattens ? c.add("Flatten", {c.in(0)}, {{"axis", axis}}) : c.in(0);
  const std::string along = c.constant(std::vector<std::int64_t>{flattens ? 1 : axis});
  const std::string best = c.add("ReduceMax", {x, along}, {{"keepdims", std::int64_t{1}}});
  const std::string equal = c.add("Cast", {c.add("Equal", {x, best})}, {{"to", std::int64_t{1}}});
  const std::string place = c.constant(flattens ? 1 : axis);
  const std::string first = c.add("Equal", {c.add("CumSum", {equal, place}), c.constant(1.0f)});
  const std::string y = c.add("Mul", {equal, c.add("Cast", {first}, {{"to", std::int64_t{1}}})});
  if (flattens)
    c.add("Reshape", {y, c.add("Shape", {c.in(0)})}, {}, c.out(0));
  else
    c.add("Identity", {y}, {}, c.out(0));
}

// p of (Σ|x|^p)^(1/p).
float orderOfNorm(const Composer& c) {
  const std::int64_t p = c.intAttr("p", 2);
  if (p < 1) c.refuse("p " + std::to_string(p), "at least 1");
  return static_cast<float>(p);
}

// (Σ|x|^p)^(1/p) over windows: as many times the mean as a window has places, those in the padding counted.
void lpPool(Composer& c) {
  if (c.intAttr("ceil_mode", 0) != 0) c.refuse("ceil_mode 1");
  const std::vector<std::int64_t> kernel = c.intsAttr("kernel_shape");
  float places = 1;
  for (const std::int64_t extent : kernel) places *= static_cast<float>(extent);
  const float p = orderOfNorm(c);
  const std::string powers = c.add("Pow", {c.add("Abs", {c.in(0)}), c.constant(p)});
  Composer::Attributes window{{"count_include_pad", std::int64_t{1}}};
  for (const char* key : {"kernel_shape", "pads", "strides", "dilations"})
    if (c.attribute(key)) window.emplace_back(key, c.intsAttr(key));
  if (c.attribute("auto_pad")) window.emplace_back("auto_pad", c.stringAttr("auto_pad", "NOTSET"));
  const std::string means = c.add("AveragePool", {powers}, window);
  c.add("Pow", {c.add("Mul", {means, c.constant(places)}), c.constant(1 / p)}, {}, c.out(0));
}

void globalLpPool(Composer& c) {
  const float p = orderOfNorm(c);
  const std::string powers = c.add("Pow", {c.add("Abs", {c.in(0)}), c.constant(p)});
  const std::string rows = c.add("Reshape", {powers, c.constant(std::vector<std::int64_t>{0, 0, -1})});
  const std::string sums =
      c.add("ReduceSum", {rows, c.constant(std::vector<std::int64_t>{2})}, {{"keepdims", std::int64_t{1}}});
  const std::string shape = c.add("Shape", {c.add("GlobalAveragePool", {c.in(0)})});
  c.add("Reshape", {c.add("Pow", {sums, c.constant(1 / p)}), shape}, {}, c.out(0));
}

// scale·x + a bias by channel. It is given the shape that a number for each channel has, so that no other number of
// them is spread over all.
void imageScaler(Composer& c) {
  const RawAttribute* bias = c.attribute("bias");
  std::string y = c.add("Mul", {c.in(0), c.constant(c.floatAttr("scale", 1.0f))});
  if (bias) {
    const std::string values = c.constant(std::get<std::vector<float>>(bias->value));
    const std::string channels = c.add("Shape", {c.in(0)}, {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}});
    const std::string ones = c.constant(std::vector<std::int64_t>{1, 1});
    const std::string shape = c.add("Concat", {channels, ones}, {{"axis", std::int64_t{0}}});
    y = c.add("Add", {y, c.add("Reshape", {values, shape})});
  }
  c.add("Identity", {y}, {}, c.out(0));
}

constexpr char kReduce[] = "axes:I keepdims:i noop_with_empty_axes:i";

// clang-format off
constexpr Composite kArithmetic[] = {
    {"", "Sum", "x*", "", "consumed_inputs:I-", nullptr, sum},
    {"", "Mean", "x*", "", "consumed_inputs:I-", nullptr, mean},
    {"", "Max", "x*", "", "consumed_inputs:I-", nullptr, maximum, notBinary},
    {"", "Min", "x*", "", "consumed_inputs:I-", nullptr, minimum, notBinary},
    {"", "Hardmax", "x", "", "axis:i", nullptr, hardmax},
    {"", "Selu", "x", "y", "alpha:f gamma:f consumed_inputs:I-",
     "e = Elu<alpha=$alpha:1.67326319217681884765625>(x); y = Mul(e, $gamma:1.05070102214813232421875)"},
    {"", "Celu", "x", "y", "alpha:f",
     "s = Div(x, $alpha:1.0); e = Elu<alpha=1.0>(s); y = Mul(e, $alpha:1.0)"},
    {"", "ThresholdedRelu", "x", "y", "alpha:f",
     "above = Greater(x, $alpha:1.0); y = Where(above, x, 0.0)"},
    {"", "Swish", "x", "y", "alpha:f",
     "s = Mul(x, $alpha:1.0); g = Sigmoid(s); y = Mul(x, g)"},
    {"", "Shrink", "x", "y", "bias:f lambd:f",
     "low = Neg($lambd:0.5); below = Less(x, low); up = Add(x, $bias:0.0);"
     "above = Greater(x, $lambd:0.5); down = Sub(x, $bias:0.0);"
     "rest = Where(above, down, 0.0); y = Where(below, up, rest)"},
    {"", "Tan", "x", "y", "", "s = Sin(x); c = Cos(x); y = Div(s, c)"},
    {"", "Sinh", "x", "y", "", "a = Exp(x); n = Neg(x); b = Exp(n); d = Sub(a, b); y = Mul(d, 0.5)"},
    {"", "Cosh", "x", "y", "", "a = Exp(x); n = Neg(x); b = Exp(n); d = Add(a, b); y = Mul(d, 0.5)"},
    {"", "Asinh", "x", "y", "",
     "a = Abs(x); q = Mul(x, x); p = Add(q, 1.0); r = Sqrt(p); t = Add(a, r); l = Log(t); s = Sign(x); y = Mul(l, s)"},
    {"", "Acosh", "x", "y", "", "q = Mul(x, x); p = Sub(q, 1.0); r = Sqrt(p); t = Add(x, r); y = Log(t)"},
    {"", "Atanh", "x", "y", "", "a = Add(x, 1.0); b = Sub(1.0, x); q = Div(a, b); l = Log(q); y = Mul(l, 0.5)"},
    {"", "ReduceL1", "x axes", "y", kReduce,
     "a = Abs(x); y = ReduceSum<axes=$axes, keepdims=$keepdims, noop_with_empty_axes=$noop_with_empty_axes>(a, axes)"},
    {"", "ReduceSumSquare", "x axes", "y", kReduce,
     "a = Mul(x, x); y = ReduceSum<axes=$axes, keepdims=$keepdims, noop_with_empty_axes=$noop_with_empty_axes>(a, axes)"},
    {"", "ReduceL2", "x axes", "y", kReduce,
     "a = Mul(x, x);"
     "s = ReduceSum<axes=$axes, keepdims=$keepdims, noop_with_empty_axes=$noop_with_empty_axes>(a, axes); y = Sqrt(s)"},
    {"", "ReduceLogSum", "x axes", "y", kReduce,
     "s = ReduceSum<axes=$axes, keepdims=$keepdims, noop_with_empty_axes=$noop_with_empty_axes>(x, axes); y = Log(s)"},
    {"", "ReduceLogSumExp", "x axes", "y", kReduce,
     "most = ReduceMax<axes=$axes, keepdims=1, noop_with_empty_axes=$noop_with_empty_axes>(x, axes);"
     "d = Sub(x, most); e = Exp(d);"
     "s = ReduceSum<axes=$axes, keepdims=$keepdims, noop_with_empty_axes=$noop_with_empty_axes>(e, axes); l = Log(s);"
     "shape = Shape(l); m = Reshape(most, shape); y = Add(l, m)"},
    {"", "LpPool", "x", "", "auto_pad:s ceil_mode:i dilations:I kernel_shape:I p:i pads:I strides:I", nullptr, lpPool},
    {"", "GlobalLpPool", "x", "", "p:i", nullptr, globalLpPool},
    {"", "ImageScaler", "x", "", "scale:f bias:F", nullptr, imageScaler},
};
// clang-format on

}  // namespace

std::span<const Composite> arithmeticComposites() {
  return kArithmetic;
}

}  // namespace relprop::onnx_import
