#include "onnx/op_rules.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "onnx/failure.h"
#include "onnx/tensor_decode.h"
#include "onnx/topology.h"

namespace relprop::onnx_import {

namespace {

template <class T>
Constant constantOf(Shape shape, std::vector<T> values, DType dtype,
                    std::shared_ptr<const std::vector<T>> Constant::*field) {
  Constant constant{dtype, std::move(shape), nullptr, nullptr};
  constant.*field = std::make_shared<const std::vector<T>>(std::move(values));
  return constant;
}

struct AttributeAsConstant {
  Constant operator()(std::int64_t v) const { return constantOf<std::int64_t>({}, {v}, DType::Int64, &Constant::ints); }
  Constant operator()(float v) const { return constantOf<float>({}, {v}, DType::Float, &Constant::floats); }
  Constant operator()(const std::vector<std::int64_t>& v) const {
    return constantOf<std::int64_t>({static_cast<std::int64_t>(v.size())}, v, DType::Int64, &Constant::ints);
  }
  Constant operator()(const std::vector<float>& v) const {
    return constantOf<float>({static_cast<std::int64_t>(v.size())}, v, DType::Float, &Constant::floats);
  }
  Constant operator()(const Constant& v) const { return v; }
  Constant operator()(const std::string&) const { return {}; }
};

// An attribute of the older form becomes the input of the modern one.
void attributeToInput(NodeContext& c, const std::string& key, std::size_t index) {
  auto attribute = c.node.attrs.find(key);
  if (attribute == c.node.attrs.end()) return;
  if (c.hasInput(index)) malformed(c.where(), "has " + quote(key) + " both as an attribute and as an input");
  c.setInput(index, c.graph.addConstant(c.node.name + "." + key, toConstant(attribute->second)));
  c.node.attrs.erase(attribute);
}

void requireInput(const NodeContext& c, std::size_t index, const char* what) {
  if (!c.hasInput(index)) malformed(c.where(), std::string("has no ") + what);
}

// Refuses the node unless the attribute has its harmless value, which is then not kept.
void refuseUnless(NodeContext& c, const std::string& key, std::int64_t harmless, const char* what) {
  if (c.node.intAttr(key, harmless) != harmless) c.refusals.add(what, c.node.name);
  c.node.attrs.erase(key);
}

void clip(NodeContext& c) {
  attributeToInput(c, "min", 1);
  attributeToInput(c, "max", 2);
}

void slice(NodeContext& c) {
  attributeToInput(c, "starts", 1);
  attributeToInput(c, "ends", 2);
  attributeToInput(c, "axes", 3);
  requireInput(c, 1, "starts");
  requireInput(c, 2, "ends");
}

void pad(NodeContext& c) {
  attributeToInput(c, "pads", 1);
  attributeToInput(c, "value", 2);
  requireInput(c, 1, "pads");
  std::string mode = c.node.stringAttr("mode", "constant");
  if (mode != "constant") c.refusals.add("Pad with mode " + quote(mode), c.node.name);
  c.node.attrs.erase("mode");
}

void squeeze(NodeContext& c) {
  attributeToInput(c, "axes", 1);
}

void unsqueeze(NodeContext& c) {
  attributeToInput(c, "axes", 1);
  requireInput(c, 1, "axes");
}

void split(NodeContext& c) {
  attributeToInput(c, "split", 1);
  auto outputs = static_cast<std::int64_t>(c.node.outputs.size());
  if (c.node.intAttr("num_outputs", outputs) != outputs)
    malformed(c.where(), "has " + std::to_string(outputs) + " outputs",
              std::to_string(c.node.intAttr("num_outputs", outputs)) + " by num_outputs");
}

// Before opset 13 Softmax took the input as a matrix, with the axes from `axis` on as one.
void softmax(NodeContext& c) {
  bool flattens = c.graph.opset < 13;
  if (flattens) c.node.attrs["flatten"] = std::int64_t{1};
  c.node.attrs.emplace("axis", std::int64_t{flattens ? 1 : -1});
}

void gelu(NodeContext& c) {
  const std::string form = c.node.stringAttr("approximate", "none");
  if (form != "none" && form != "tanh") c.refusals.add("Gelu with approximate " + quote(form), c.node.name);
}

void batchNormalization(NodeContext& c) {
  refuseUnless(c, "spatial", 1, "BatchNormalization with spatial=0");
  refuseUnless(c, "training_mode", 0, "BatchNormalization in training mode");
}

void dropout(NodeContext& c) {
  if (c.hasInput(2)) {
    const auto& mode = c.graph.value(c.node.inputs[2]).constant;
    if (!mode || !mode->ints || mode->ints->size() != 1 || mode->ints->front() != 0)
      c.refusals.add("Dropout in training mode", c.node.name);
  }
  c.node.inputs.resize(1);
}

void cast(NodeContext& c) {
  std::int64_t to = c.node.intAttr("to", 0);
  if (dtypeOf(to) == DType::Other) c.refusals.add("Cast to " + onnxTypeName(to), c.node.name);
}

void constantOfShape(NodeContext& c) {
  auto value = c.node.attrs.find("value");
  if (value != c.node.attrs.end() && elementCount(std::get<Constant>(value->second).shape) != 1)
    malformed(c.where(), "has a value of shape " + toString(std::get<Constant>(value->second).shape), "one element");
}

// Exporters write an absent input as an empty constant as well.
void dropEmptyInput(NodeContext& c, std::size_t index) {
  if (!c.hasInput(index)) return;
  const Value& value = c.graph.value(c.node.inputs[index]);
  if (value.constant && elementCount(value.shape) == 0) c.node.inputs[index] = kNoValue;
}

// Scales at index 1 (opset 10 and Upsample) move to where opset 11 has them, behind a region of interest; those
// versions sampled without half-pixel offsets.
void resizeFromOldForm(NodeContext& c) {
  if (c.hasInput(2)) malformed(c.where(), "has " + std::to_string(c.node.inputs.size()) + " inputs", "x and scales");
  requireInput(c, 1, "scales");
  ValueId scales = c.node.inputs[1];
  c.setInput(1, kNoValue);
  c.setInput(2, scales);
  c.node.attrs["coordinate_transformation_mode"] = std::string("asymmetric");
  c.node.attrs["nearest_mode"] = std::string("floor");
}

void resize(NodeContext& c) {
  if (c.graph.opset < 11) return resizeFromOldForm(c);
  for (std::size_t i = 1; i < 4; ++i) dropEmptyInput(c, i);
  if (!c.hasInput(2) && !c.hasInput(3)) malformed(c.where(), "has neither scales nor sizes");
  std::string coordinate = c.node.stringAttr("coordinate_transformation_mode", "half_pixel");
  std::string mode = c.node.stringAttr("mode", "nearest"),
              policy = c.node.stringAttr("keep_aspect_ratio_policy", "stretch");
  if (coordinate == "tf_crop_and_resize") c.refusals.add("Resize with tf_crop_and_resize", c.node.name);
  if (mode == "cubic") c.refusals.add("Resize with mode 'cubic'", c.node.name);
  if (policy != "stretch") c.refusals.add("Resize with keep_aspect_ratio_policy " + quote(policy), c.node.name);
  refuseUnless(c, "antialias", 0, "Resize with antialias");
  c.node.attrs.erase("keep_aspect_ratio_policy");
  c.setInput(1, kNoValue);  // the region of interest matters to tf_crop_and_resize only
}

void upsample(NodeContext& c) {
  c.node.op = Op::Resize;
  attributeToInput(c, "scales", 1);
  if (c.node.stringAttr("mode", "nearest") == "bilinear") c.node.attrs["mode"] = std::string("linear");
  resizeFromOldForm(c);
}

constexpr int kAny = OpRule::kAny;
constexpr char kPool[] =
    "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I! pads:I storage_order:i- strides:I";

constexpr OpRule kRules[] = {
    {Op::Conv, 2, 3, "f", 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I", nullptr},
    {Op::Gemm, 2, 3, "f", 1, "alpha:f beta:f transA:i transB:i", nullptr},
    {Op::MatMul, 2, 2, "f", 1, "", nullptr},
    {Op::BatchNormalization, 5, 5, "f", 1, "epsilon:f momentum:f- spatial:i training_mode:i", batchNormalization},
    {Op::Relu, 1, 1, "f", 1, "", nullptr},
    {Op::LeakyRelu, 1, 1, "f", 1, "alpha:f", nullptr},
    {Op::PRelu, 2, 2, "f", 1, "", nullptr},
    {Op::Elu, 1, 1, "f", 1, "alpha:f", nullptr},
    {Op::Clip, 1, 3, "f", 1, "max:f min:f", clip},
    {Op::Sigmoid, 1, 1, "f", 1, "", nullptr},
    {Op::HardSigmoid, 1, 1, "f", 1, "alpha:f beta:f", nullptr},
    {Op::HardSwish, 1, 1, "f", 1, "", nullptr},
    {Op::Tanh, 1, 1, "f", 1, "", nullptr},
    {Op::Erf, 1, 1, "f", 1, "", nullptr},
    {Op::Gelu, 1, 1, "f", 1, "approximate:s", gelu},
    {Op::Softplus, 1, 1, "f", 1, "", nullptr},
    {Op::Softsign, 1, 1, "f", 1, "", nullptr},
    {Op::Mish, 1, 1, "f", 1, "", nullptr},
    {Op::Sqrt, 1, 1, "f", 1, "", nullptr},
    {Op::Pow, 2, 2, "*", 1, "", nullptr},
    {Op::Softmax, 1, 1, "f", 1, "axis:i", softmax},
    {Op::MaxPool, 1, 1, "f", 1, kPool, nullptr},
    {Op::AveragePool, 1, 1, "f", 1, kPool, nullptr},
    {Op::GlobalAveragePool, 1, 1, "f", 1, "", nullptr},
    {Op::GlobalMaxPool, 1, 1, "f", 1, "", nullptr},
    {Op::ReduceMean, 1, 2, "fi", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::Add, 2, 2, "*=", 1, "", nullptr},
    {Op::Sub, 2, 2, "*=", 1, "", nullptr},
    {Op::Mul, 2, 2, "*=", 1, "", nullptr},
    {Op::Div, 2, 2, "*=", 1, "", nullptr},
    {Op::Concat, 1, kAny, "*=", 1, "axis:i!", nullptr},
    {Op::Split, 1, 2, "*i", kAny, "axis:i num_outputs:i split:I", split},
    {Op::Slice, 1, 5, "*i", 1, "axes:I ends:I starts:I", slice},
    {Op::Pad, 1, 4, "*i=i", 1, "mode:s pads:I value:f", pad},
    {Op::Flatten, 1, 1, "*", 1, "axis:i", nullptr},
    {Op::Reshape, 2, 2, "*i", 1, "allowzero:i", nullptr},
    {Op::Transpose, 1, 1, "*", 1, "perm:I", nullptr},
    {Op::Squeeze, 1, 2, "*i", 1, "axes:I", squeeze},
    {Op::Unsqueeze, 1, 2, "*i", 1, "axes:I", unsqueeze},
    {Op::Identity, 1, 1, "*", 1, "", nullptr},
    {Op::Dropout, 1, 3, "*", 1, "ratio:f- seed:i-", dropout},
    {Op::LRN, 1, 1, "f", 1, "alpha:f beta:f bias:f size:i!", nullptr},
    {Op::LayerNormalization, 2, 3, "f", 1, "axis:i epsilon:f stash_type:i-", nullptr},
    {Op::Constant, 0, 0, "", 1, "value:t value_float:f value_floats:F value_int:i value_ints:I", nullptr},
    {Op::ConstantOfShape, 1, 1, "i", 1, "value:t", constantOfShape},
    {Op::Shape, 1, 1, "*", 1, "end:i start:i", nullptr},
    {Op::Gather, 2, 2, "*i", 1, "axis:i", nullptr},
    {Op::Cast, 1, 1, "*", 1, "saturate:i- to:i!", cast},
    {Op::Equal, 2, 2, "*=", 1, "", nullptr},
    {Op::Where, 3, 3, "b**", 1, "", nullptr},
    {Op::Expand, 2, 2, "*i", 1, "", nullptr},
    {Op::Resize, 2, 4, "f*fi", 1,
     "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f- exclude_outside:i- extrapolation_value:f- "
     "keep_aspect_ratio_policy:s mode:s nearest_mode:s",
     resize},
    {Op::Upsample, 1, 2, "f*f", 1, "mode:s scales:F", upsample},
};

// Calls f(name, kind, flag) for each word "name:kind" of the list; flag is '!', '-' or 0.
template <class F>
void forEachAttribute(std::string_view list, F f) {
  while (!list.empty()) {
    std::string_view word = list.substr(0, list.find(' '));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    std::size_t colon = word.find(':');
    f(word.substr(0, colon), static_cast<AttrKind>(word[colon + 1]), colon + 2 < word.size() ? word[colon + 2] : '\0');
  }
}

const char* typeText(DType dtype) {
  return dtype == DType::Float ? "floats" : dtype == DType::Int64 ? "integers" : "booleans";
}

void checkInputType(const NodeContext& c, std::size_t index, char expected) {
  DType first = c.graph.value(c.node.inputs[0]).dtype, got = c.graph.value(c.node.inputs[index]).dtype;
  // Values of nodes that are refused have no known type; the refusal is reported in the end.
  if (expected == '*' || got == DType::Other || first == DType::Other) return;
  DType wanted = expected == '='   ? first
                 : expected == 'f' ? DType::Float
                 : expected == 'b' ? DType::Bool
                                   : DType::Int64;
  if (got != wanted)
    malformed(c.where(), "input " + quote(c.graph.value(c.node.inputs[index]).name) + " holds " + typeText(got),
              typeText(wanted));
}

void checkInputTypes(const NodeContext& c, std::string_view types) {
  for (std::size_t i = 0; i < c.node.inputs.size(); ++i)
    if (c.node.inputs[i] != kNoValue) checkInputType(c, i, types[std::min(i, types.size() - 1)]);
}

std::string rangeText(int low, int high) {
  if (low == high) return std::to_string(low);
  return high == kAny ? "at least " + std::to_string(low) : std::to_string(low) + " to " + std::to_string(high);
}

void checkInputCount(const OpRule& rule, const NodeContext& c) {
  std::size_t count = c.node.inputs.size();
  if (count < static_cast<std::size_t>(rule.minInputs) || count > static_cast<std::size_t>(rule.maxInputs))
    malformed(c.where(), "has " + std::to_string(count) + " inputs", rangeText(rule.minInputs, rule.maxInputs));
  // Concat and the like take any number, all of which must be there.
  std::size_t required = rule.maxInputs == kAny ? count : static_cast<std::size_t>(rule.minInputs);
  if (rule.op == Op::Resize) required = 1;  // a region of interest may be left out in front of the scales
  for (std::size_t i = 0; i < required; ++i)
    if (!c.hasInput(i)) malformed(c.where(), "input " + std::to_string(i) + " is missing");
}

void checkRequiredAttributes(const OpRule& rule, const NodeContext& c) {
  forEachAttribute(rule.attributes, [&](std::string_view name, AttrKind, char flag) {
    if (flag == '!' && !c.node.has(std::string(name)))
      malformed(c.where(), "has no attribute " + quote(std::string(name)));
  });
}

void trimInputs(Node& node) {
  while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
}

}  // namespace

Constant toConstant(const Attribute& attribute) {
  return std::visit(AttributeAsConstant{}, attribute);
}

void NodeContext::setInput(std::size_t index, ValueId value) {
  if (node.inputs.size() <= index) node.inputs.resize(index + 1, kNoValue);
  node.inputs[index] = value;
}

std::string NodeContext::where() const {
  return describe(raw);
}

const OpRule* findRule(const std::string& op) {
  static const auto index = [] {
    std::unordered_map<std::string, const OpRule*> map;
    for (const OpRule& rule : kRules) map.emplace(opName(rule.op), &rule);
    return map;
  }();
  auto found = index.find(op);
  return found == index.end() ? nullptr : found->second;
}

std::string supportedOperators() {
  std::vector<std::string> names;
  for (const OpRule& rule : kRules) names.emplace_back(opName(rule.op));
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

AttributeRule attributeRule(const OpRule& rule, const std::string& name) {
  AttributeRule result;
  forEachAttribute(rule.attributes, [&](std::string_view known, AttrKind kind, char flag) {
    if (known == name) result = {kind, true, flag == '-'};
  });
  return result;
}

void applyRule(const OpRule& rule, NodeContext& context) {
  trimInputs(context.node);
  checkInputCount(rule, context);
  checkRequiredAttributes(rule, context);
  if (rule.normalise) rule.normalise(context);
  trimInputs(context.node);
  checkInputTypes(context, rule.types);
}

DType outputType(const Graph& graph, const Node& node) {
  if (node.op == Op::Shape) return DType::Int64;
  if (node.op == Op::Equal) return DType::Bool;
  if (node.op == Op::Where) return graph.value(node.inputs[1]).dtype;
  if (node.op == Op::Cast) return dtypeOf(node.intAttr("to", 0));
  if (node.op == Op::ConstantOfShape) {
    auto value = node.attrs.find("value");
    return value == node.attrs.end() ? DType::Float : std::get<Constant>(value->second).dtype;
  }
  return graph.value(node.inputs[0]).dtype;
}

}  // namespace relprop::onnx_import
