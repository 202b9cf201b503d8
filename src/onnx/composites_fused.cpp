// What onnxruntime's optimiser makes of several operators (domain com.microsoft), as those again.
#include <array>
#include <map>

#include "onnx/composites.h"

namespace relprop::onnx_import {

namespace {
namespace fused {

// The activation that is fused behind an operator, with its parameters in order, as `output`.
void activated(Composer& c, const std::string& value, const std::string& activation, std::vector<float> parameters) {
  struct Row {
    std::vector<std::pair<const char*, float>> attributes;  // with their defaults
  };
  static const std::map<std::string, Row> rows = {
      {"", {}},
      {"Relu", {}},
      {"Tanh", {}},
      {"Sigmoid", {}},
      {"LeakyRelu", {{{"alpha", 0.01f}}}},
      {"HardSigmoid", {{{"alpha", 0.2f}, {"beta", 0.5f}}}},
  };
  if (activation == "Clip") {
    if (parameters.size() != 2) c.refuse("Clip without two activation_params");
    c.add("Clip", {value, c.constant(parameters[0]), c.constant(parameters[1])}, {}, c.out(0));
    return;
  }
  const auto row = rows.find(activation);
  if (row == rows.end()) c.refuse("activation '" + activation + "'");
  Composer::Attributes attributes;
  for (std::size_t i = 0; i < row->second.attributes.size(); ++i) {
    const auto& [name, fallback] = row->second.attributes[i];
    attributes.emplace_back(name, i < parameters.size() ? parameters[i] : fallback);
  }
  c.add(activation.empty() ? "Identity" : activation, {value}, attributes, c.out(0));
}

std::vector<float> floatsAttr(const Composer& c, const char* name) {
  const RawAttribute* attribute = c.attribute(name);
  const auto* values = attribute ? std::get_if<std::vector<float>>(&attribute->value) : nullptr;
  return values ? *values : std::vector<float>{};
}

// The fourth input is added before the activation.
void fusedConv(Composer& c) {
  Composer::Attributes window;
  for (const char* key : {"dilations", "kernel_shape", "pads", "strides"})
    if (c.attribute(key)) window.emplace_back(key, c.intsAttr(key));
  window.emplace_back("group", c.intAttr("group", 1));
  window.emplace_back("auto_pad", c.stringAttr("auto_pad", "NOTSET"));
  std::string y = c.add("Conv", {c.in(0), c.in(1), c.in(2)}, window);
  if (c.has(3)) y = c.add("Add", {y, c.in(3)});
  activated(c, y, c.stringAttr("activation", ""), floatsAttr(c, "activation_params"));
}

void fusedGemm(Composer& c) {
  const std::string y = c.add("Gemm", {c.in(0), c.in(1), c.in(2)},
                              {{"alpha", c.floatAttr("alpha", 1)},
                               {"beta", c.floatAttr("beta", 1)},
                               {"transA", c.intAttr("transA", 0)},
                               {"transB", c.intAttr("transB", 0)}});
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta"})
    if (c.attribute(name)) parameters.push_back(c.floatAttr(name, 0));
  activated(c, y, c.stringAttr("activation", ""), parameters);
}

// The last two axes of an operand, swapped. How many there are in front is not known here, so they are taken as one.
std::string swapped(Composer& c, const std::string& x) {
  const std::string shape = c.add("Shape", {x});
  const std::string inner = c.add("Shape", {x}, {{"start", std::int64_t{-2}}});
  const std::string outer = c.add("Shape", {x}, {{"end", std::int64_t{-2}}});
  const auto joined = [&](std::vector<std::string> parts) {
    return c.add("Concat", std::move(parts), {{"axis", std::int64_t{0}}});
  };
  const std::string stack = c.add("Reshape", {x, joined({c.constant(std::vector<std::int64_t>{-1}), inner})});
  const std::string turned = c.add("Transpose", {stack}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
  const auto extent = [&](std::int64_t start, std::int64_t end) {
    return end == 0 ? c.add("Shape", {x}, {{"start", start}}) : c.add("Shape", {x}, {{"start", start}, {"end", end}});
  };
  return c.add("Reshape", {turned, joined({outer, extent(-1, 0), extent(-2, -1)})});
}

void fusedMatMul(Composer& c) {
  for (const char* key : {"transBatchA", "transBatchB"})
    if (c.intAttr(key, 0) != 0) c.refuse(std::string(key) + " 1");
  const std::string a = c.intAttr("transA", 0) != 0 ? swapped(c, c.in(0)) : c.in(0);
  const std::string b = c.intAttr("transB", 0) != 0 ? swapped(c, c.in(1)) : c.in(1);
  const float alpha = c.floatAttr("alpha", 1);
  if (alpha == 1) {
    c.add("MatMul", {a, b}, {}, c.out(0));
    return;
  }
  c.add("Mul", {c.add("MatMul", {a, b}), c.constant(alpha)}, {}, c.out(0));
}

void gelu(Composer& c, const char* form) {
  const std::string x = c.has(1) ? c.add("Add", {c.in(0), c.in(1)}) : c.in(0);
  c.add("Gelu", {x}, {{"approximate", std::string(form)}}, c.out(0));
}
void exactGelu(Composer& c) {
  gelu(c, "none");
}
void fastGelu(Composer& c) {
  gelu(c, "tanh");
}

// Normalisations of a sum; the sum itself is the fourth output.
void skipNormalization(Composer& c, const std::string& op, const std::vector<std::string>& parameters,
                       std::size_t bias) {
  for (std::size_t i : {1u, 2u})
    if (c.wanted(i)) c.refuse("output " + std::to_string(i));
  std::string sum = c.add("Add", {c.in(0), c.in(1)}, {}, c.has(bias) || !c.wanted(3) ? "" : c.out(3));
  if (c.has(bias)) sum = c.add("Add", {sum, c.in(bias)}, {}, c.wanted(3) ? c.out(3) : "");
  std::vector<std::string> inputs{sum};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  c.add(op, inputs, {{"axis", std::int64_t{-1}}, {"epsilon", c.floatAttr("epsilon", 1e-12f)}}, c.out(0));
}
void skipLayerNormalization(Composer& c) {
  skipNormalization(c, "LayerNormalization", {c.in(2), c.in(3)}, 4);
}
void skipRmsNormalization(Composer& c) {
  skipNormalization(c, "RMSNormalization", {c.in(2)}, 3);
}

// In the standard domain onnxruntime writes it too.
void simplifiedNormalization(Composer& c) {
  if (c.wanted(1)) c.refuse("output 1");
  c.add("RMSNormalization", {c.in(0), c.in(1)},
        {{"axis", c.intAttr("axis", -1)}, {"epsilon", c.floatAttr("epsilon", 1e-5f)}}, c.out(0));
}

void layerNormalization(Composer& c) {
  for (std::size_t i : {1u, 2u})
    if (c.wanted(i)) c.refuse("output " + std::to_string(i));
  c.add("LayerNormalization", {c.in(0), c.in(1), c.in(2)},
        {{"axis", c.intAttr("axis", -1)}, {"epsilon", c.floatAttr("epsilon", 1e-5f)}}, c.out(0));
}

constexpr char kMicrosoft[] = "com.microsoft";
constexpr char kNorm[] = "axis:i epsilon:f stash_type:i-";

// clang-format off
constexpr Composite kTable[] = {
    {kMicrosoft, "FusedConv", "x w bias sum", "",
     "activation:s activation_params:F auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I", nullptr, fusedConv},
    {kMicrosoft, "FusedGemm", "a b c", "",
     "activation:s activation_alpha:f activation_beta:f activation_gamma:f- alpha:f beta:f transA:i transB:i",
     nullptr, fusedGemm},
    {kMicrosoft, "FusedMatMul", "a b", "",
     "alpha:f transA:i transB:i transBatchA:i transBatchB:i", nullptr, fusedMatMul},
    {kMicrosoft, "Gelu", "x", "", "", nullptr, exactGelu},
    {kMicrosoft, "BiasGelu", "x bias", "", "", nullptr, exactGelu},
    {kMicrosoft, "FastGelu", "x bias", "", "", nullptr, fastGelu},
    {kMicrosoft, "QuickGelu", "x", "y", "alpha:f", "s = Mul(x, $alpha:1.702); g = Sigmoid(s); y = Mul(x, g)"},
    {kMicrosoft, "SkipLayerNormalization", "x skip scale bias shift", "", "epsilon:f", nullptr, skipLayerNormalization},
    {kMicrosoft, "SkipSimplifiedLayerNormalization", "x skip scale bias", "",
     "epsilon:f", nullptr, skipRmsNormalization},
    {kMicrosoft, "SimplifiedLayerNormalization", "x scale", "", kNorm, nullptr, simplifiedNormalization},
    {"", "SimplifiedLayerNormalization", "x scale", "", kNorm, nullptr, simplifiedNormalization},
    {kMicrosoft, "LayerNormalization", "x scale bias", "", kNorm, nullptr, layerNormalization},
};
// clang-format on

}  // namespace fused
}  // namespace

std::span<const Composite> fusedComposites() {
  return fused::kTable;
}

}  // namespace relprop::onnx_import
