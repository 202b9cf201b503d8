// Operators on quantised tensors, as those on the real numbers between DequantizeLinear and QuantizeLinear. An int32
// bias has the scale of the products that it is added to.
#include <algorithm>
#include <numeric>

#include "onnx/composites.h"

namespace relprop::onnx_import {

namespace {
namespace quantised {

using Ints = std::vector<std::int64_t>;

// Input `index`, whose scale and zero point are the two inputs behind it.
std::string real(Composer& c, std::size_t index, const Composer::Attributes& along = {}) {
  return c.add("DequantizeLinear", {c.in(index), c.in(index + 1), c.in(index + 2)}, along);
}

// `value` as the output, with scale and zero point from input `index` on.
void quantised(Composer& c, const std::string& value, std::size_t index) {
  c.add("QuantizeLinear", {value, c.in(index), c.in(index + 1)}, {}, c.out(0));
}

Composer::Attributes given(const Composer& c, std::initializer_list<const char*> names) {
  Composer::Attributes list;
  for (const char* name : names) {
    const RawAttribute* attribute = c.attribute(name);
    if (!attribute) continue;
    if (const auto* i = std::get_if<std::int64_t>(&attribute->value)) list.emplace_back(name, *i);
    if (const auto* f = std::get_if<float>(&attribute->value)) list.emplace_back(name, *f);
    if (const auto* s = std::get_if<std::string>(&attribute->value)) list.emplace_back(name, *s);
    if (const auto* is = std::get_if<Ints>(&attribute->value)) list.emplace_back(name, *is);
  }
  return list;
}

Composer::Attributes window(const Composer& c) {
  return given(c,
               {"auto_pad", "ceil_mode", "count_include_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
}

// `op` along channels, which may lie last: with a Transpose there and one back, for as many axes as the kernel has.
std::string byChannels(Composer& c, const std::string& op, std::vector<std::string> inputs,
                       const Composer::Attributes& attributes) {
  if (c.intAttr("channels_last", 0) == 0) return c.add(op, std::move(inputs), attributes);
  const std::size_t axes = c.intsAttr("kernel_shape").size();
  if (axes == 0) c.refuse("channels_last without a kernel_shape");
  Ints there{0, static_cast<std::int64_t>(axes) + 1}, back{0};
  for (std::size_t i = 0; i < axes; ++i) {
    there.push_back(static_cast<std::int64_t>(i) + 1);
    back.push_back(static_cast<std::int64_t>(i) + 2);
  }
  back.push_back(1);
  inputs[0] = c.add("Transpose", {inputs[0]}, {{"perm", there}});
  return c.add("Transpose", {c.add(op, std::move(inputs), attributes)}, {{"perm", back}});
}

std::string biasOf(Composer& c, std::size_t bias, std::size_t xScale, std::size_t wScale) {
  if (!c.has(bias)) return "";
  const std::string scale = c.add("Mul", {c.in(xScale), c.in(wScale)});
  return c.add("DequantizeLinear", {c.in(bias), scale}, {{"axis", std::int64_t{-1}}});
}

void conv(Composer& c) {
  const std::string x = real(c, 0), w = real(c, 3, {{"axis", std::int64_t{0}}});
  quantised(c, byChannels(c, "Conv", {x, w, biasOf(c, 8, 1, 4)}, window(c)), 6);
}

void matMul(Composer& c) {
  const std::string a = real(c, 0), b = real(c, 3, {{"axis", std::int64_t{-1}}});
  quantised(c, c.add("MatMul", {a, b}), 6);
}

// alpha scales the bias as it does the products. Without a scale for it the result is real.
void gemm(Composer& c) {
  const std::int64_t transposed = c.intAttr("transB", 0);
  const std::string a = real(c, 0), b = real(c, 3, {{"axis", std::int64_t{transposed != 0 ? 0 : 1}}});
  std::string bias = biasOf(c, 6, 1, 4);
  const float alpha = c.floatAttr("alpha", 1);
  if (!bias.empty() && alpha != 1) bias = c.add("Mul", {bias, c.constant(alpha)});
  const Composer::Attributes attributes = given(c, {"alpha", "transA", "transB"});
  if (!c.has(7)) {
    c.add("Gemm", {a, b, bias}, attributes, c.out(0));
    return;
  }
  quantised(c, c.add("Gemm", {a, b, bias}, attributes), 7);
}

// Integers less their zero point: real numbers of scale 1.
std::string integers(Composer& c, std::size_t value, std::size_t zero, std::int64_t axis) {
  return c.add("DequantizeLinear", {c.in(value), c.constant(1.0f), c.in(zero)}, {{"axis", axis}});
}

void matMulInteger(Composer& c) {
  c.add("MatMul", {integers(c, 0, 2, -2), integers(c, 1, 3, -1)}, {}, c.out(0));
}

void convInteger(Composer& c) {
  c.add("Conv", {integers(c, 0, 2, 1), integers(c, 1, 3, 0)}, window(c), c.out(0));
}

void addBias(Composer& c, const std::string& product, std::size_t bias) {
  if (c.has(bias))
    c.add("Add", {product, c.in(bias)}, {}, c.out(0));
  else
    c.add("Identity", {product}, {}, c.out(0));
}

void matMulIntegerToFloat(Composer& c) {
  const std::string a = c.add("DequantizeLinear", {c.in(0), c.in(2), c.in(4)});
  const std::string b = c.add("DequantizeLinear", {c.in(1), c.in(3), c.in(5)}, {{"axis", std::int64_t{-1}}});
  addBias(c, c.add("MatMul", {a, b}), 6);
}

void dynamicQuantizeMatMul(Composer& c) {
  const std::string q = c.fresh(), scale = c.fresh(), zero = c.fresh();
  c.addNode("DynamicQuantizeLinear", {c.in(0)}, {}, {q, scale, zero});
  const std::string a = c.add("DequantizeLinear", {q, scale, zero});
  const std::string b = c.add("DequantizeLinear", {c.in(1), c.in(2), c.in(3)}, {{"axis", std::int64_t{-1}}});
  addBias(c, c.add("MatMul", {a, b}), 4);
}

void add(Composer& c) {
  quantised(c, c.add("Add", {real(c, 0), real(c, 3)}), 6);
}

void mul(Composer& c) {
  quantised(c, c.add("Mul", {real(c, 0), real(c, 3)}), 6);
}

void concat(Composer& c) {
  std::vector<std::string> parts;
  for (std::size_t i = 2; i < c.node().inputs.size(); i += 3) parts.push_back(real(c, i));
  quantised(c, c.add("Concat", parts, given(c, {"axis"})), 0);
}

void averagePool(Composer& c) {
  quantised(c, byChannels(c, "AveragePool", {real(c, 0)}, window(c)), 3);
}

void globalAveragePool(Composer& c) {
  if (c.intAttr("channels_last", 0) != 0) c.refuse("channels_last");
  quantised(c, c.add("GlobalAveragePool", {real(c, 0)}), 3);
}

void reduceMean(Composer& c) {
  Composer::Attributes attributes = given(c, {"keepdims"});
  const RawAttribute* axes = c.attribute("axes");
  const std::string along = axes ? c.constant(c.intsAttr("axes")) : "";
  quantised(c, c.add("ReduceMean", {real(c, 0), along}, attributes), 3);
}

void sigmoid(Composer& c) {
  quantised(c, c.add("Sigmoid", {real(c, 0)}), 3);
}

void leakyRelu(Composer& c) {
  quantised(c, c.add("LeakyRelu", {real(c, 0)}, given(c, {"alpha"})), 3);
}

// By the attribute, in the form of an opset before 13: all axes from `axis` on are one.
void softmax(Composer& c) {
  const bool flattens = c.intAttr("opset", 13) < 13;
  const std::int64_t axis = c.intAttr("axis", flattens ? 1 : -1);
  const std::string x = real(c, 0);
  if (!flattens) return quantised(c, c.add("Softmax", {x}, {{"axis", axis}}), 3);
  const std::string rows = c.add("Flatten", {x}, {{"axis", axis}});
  const std::string y = c.add("Softmax", {rows}, {{"axis", std::int64_t{-1}}});
  quantised(c, c.add("Reshape", {y, c.add("Shape", {x})}), 3);
}

void quantizeLinear(Composer& c) {
  c.add("QuantizeLinear", {c.in(0), c.in(1), c.in(2)}, given(c, {"axis", "block_size"}), c.out(0));
}

void dequantizeLinear(Composer& c) {
  c.add("DequantizeLinear", {c.in(0), c.in(1), c.in(2)}, given(c, {"axis", "block_size"}), c.out(0));
}

void nhwcMaxPool(Composer& c) {
  Composer::Attributes attributes = window(c);
  const std::size_t axes = c.intsAttr("kernel_shape").size();
  if (axes != 2) c.refuse("a kernel_shape of other than 2 extents");
  const std::string x = c.add("Transpose", {c.in(0)}, {{"perm", Ints{0, 3, 1, 2}}});
  c.add("Transpose", {c.add("MaxPool", {x}, attributes)}, {{"perm", Ints{0, 2, 3, 1}}}, c.out(0));
}

constexpr char kMicrosoft[] = "com.microsoft";
constexpr char kConv[] = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I";
constexpr char kConvNhwc[] = "auto_pad:s channels_last:i dilations:I group:i kernel_shape:I pads:I strides:I";

// clang-format off
constexpr Composite kTable[] = {
    {"", "QLinearConv", "x xs xz w ws wz ys yz bias", "", kConv, nullptr, conv},
    {"", "QLinearMatMul", "a as az b bs bz ys yz", "", "", nullptr, matMul},
    {"", "MatMulInteger", "a b az bz", "", "", nullptr, matMulInteger},
    {"", "ConvInteger", "x w xz wz", "", kConv, nullptr, convInteger},
    {kMicrosoft, "QLinearConv", "x xs xz w ws wz ys yz bias", "", kConvNhwc, nullptr, conv},
    {kMicrosoft, "QGemm", "a as az b bs bz bias ys yz", "", "alpha:f transA:i transB:i", nullptr, gemm},
    {kMicrosoft, "MatMulIntegerToFloat", "a b as bs az bz bias", "", "", nullptr, matMulIntegerToFloat},
    {kMicrosoft, "DynamicQuantizeMatMul", "a b bs bz bias", "", "", nullptr, dynamicQuantizeMatMul},
    {kMicrosoft, "QLinearAdd", "a as az b bs bz ys yz", "", "", nullptr, add},
    {kMicrosoft, "QLinearMul", "a as az b bs bz ys yz", "", "", nullptr, mul},
    {kMicrosoft, "QLinearConcat", "ys yz x*", "", "axis:i", nullptr, concat},
    {kMicrosoft, "QLinearAveragePool", "x xs xz ys yz", "",
     "auto_pad:s ceil_mode:i channels_last:i count_include_pad:i kernel_shape:I pads:I strides:I", nullptr, averagePool},
    {kMicrosoft, "QLinearGlobalAveragePool", "x xs xz ys yz", "", "channels_last:i", nullptr, globalAveragePool},
    {kMicrosoft, "QLinearReduceMean", "x xs xz ys yz", "", "axes:I keepdims:i", nullptr, reduceMean},
    {kMicrosoft, "QLinearSigmoid", "x xs xz ys yz", "", "", nullptr, sigmoid},
    {kMicrosoft, "QLinearLeakyRelu", "x xs xz ys yz", "", "alpha:f", nullptr, leakyRelu},
    {kMicrosoft, "QLinearSoftmax", "x xs xz ys yz", "", "axis:i opset:i", nullptr, softmax},
    {kMicrosoft, "QuantizeLinear", "x ys yz", "", "axis:i block_size:i saturate:i-", nullptr, quantizeLinear},
    {kMicrosoft, "DequantizeLinear", "x xs xz", "", "axis:i block_size:i", nullptr, dequantizeLinear},
    {kMicrosoft, "NhwcMaxPool", "x", "",
     "auto_pad:s ceil_mode:i dilations:I kernel_shape:I pads:I strides:I", nullptr, nhwcMaxPool},
};
// clang-format on

}  // namespace quantised
}  // namespace

std::span<const Composite> quantisedComposites() {
  return quantised::kTable;
}

}  // namespace relprop::onnx_import
