#include "onnx/op_rules.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "graph/op_traits.h"
#include "onnx/composites.h"
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

// Refuses the node where a word of the standard is expected and there is another one.
void requireWord(NodeContext& c, const char* key, std::initializer_list<std::string_view> words) {
  if (!c.node.has(key)) return;
  const std::string word = c.node.stringAttr(key, "");
  if (std::find(words.begin(), words.end(), word) != words.end()) return;
  c.refusals.add(std::string(c.raw.op) + " with " + key + " " + quote(word), c.node.name);
}

void pad(NodeContext& c) {
  attributeToInput(c, "paddings", 1);
  attributeToInput(c, "pads", 1);
  attributeToInput(c, "value", 2);
  requireInput(c, 1, "pads");
  requireWord(c, "mode", {"constant", "reflect", "edge", "wrap"});
}

// Before opset 7 the second operand was broadcast only where an attribute said so, from `axis` on; broadcast 0 stays
// for those that have to be alike.
void oldBroadcast(NodeContext& c) {
  const bool alike = c.opset < 7 && c.node.intAttr("broadcast", 0) == 0;
  if (c.opset >= 7) c.node.attrs.erase("axis");
  c.node.attrs.erase("broadcast");
  if (alike) c.node.attrs["broadcast"] = std::int64_t{0};
}

// Before opset 7 there was one slope for all, or one a channel.
void prelu(NodeContext& c) {
  const Value& slope = c.graph.value(c.node.inputs[1]);
  const bool shared = slope.constant && elementCount(slope.constant->shape) == 1;
  if (c.opset < 7 && !shared) c.node.attrs["axis"] = std::int64_t{1};
}

void concat(NodeContext& c) {
  if (c.opset < 4) c.node.attrs.emplace("axis", std::int64_t{1});
  if (!c.node.has("axis")) malformed(c.where(), "has no attribute 'axis'");
}

void reshape(NodeContext& c) {
  attributeToInput(c, "shape", 1);
  requireInput(c, 1, "shape");
}

// Opset 1 repeated one axis: tiles and axis are numbers.
void tile(NodeContext& c) {
  if (c.node.inputs.size() > 2) c.refusals.add("Tile with an axis (opset 1)", c.node.name);
}

void topK(NodeContext& c) {
  attributeToInput(c, "k", 1);
  requireInput(c, 1, "k");
}

// A condition is what may be looked at; a mask of numbers is added as it is.
void maskAsBias(NodeContext& c) {
  if (c.graph.value(c.node.inputs[0]).dtype != DType::Bool) {
    c.node.op = Op::Identity;
    return;
  }
  const float forbidden = -std::numeric_limits<float>::infinity();
  c.setInput(1, c.graph.addConstant(c.node.name + ".allowed", toConstant(0.0f)));
  c.setInput(2, c.graph.addConstant(c.node.name + ".forbidden", toConstant(forbidden)));
}

// TensorProto's number of the type, or of floats where only that is known.
std::int64_t likeType(const NodeContext& c, ValueId like) {
  const Value& value = c.graph.value(like);
  const auto known = c.elementTypes.find(like);
  if (known != c.elementTypes.end()) return known->second;
  return value.dtype == DType::Float ? 1 : value.dtype == DType::Bool ? 9 : onnxTypeOf(value.integers);
}

void castLike(NodeContext& c) {
  c.node.op = Op::Cast;
  c.node.attrs["to"] = likeType(c, c.node.inputs[1]);
  c.node.inputs.resize(1);
}

void depthToSpace(NodeContext& c) {
  requireWord(c, "mode", {"DCR", "CRD"});
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

// Before opset 13 Softmax and LogSoftmax took the input as a matrix, with the axes from `axis` on as one.
void softmax(NodeContext& c) {
  bool flattens = c.opset < 13;
  if (flattens) c.node.attrs["flatten"] = std::int64_t{1};
  c.node.attrs.emplace("axis", std::int64_t{flattens ? 1 : -1});
}

void gelu(NodeContext& c) {
  requireWord(c, "approximate", {"none", "tanh"});
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

void requireWordsOfResize(NodeContext& c) {
  requireWord(c, "mode", {"nearest", "linear", "cubic"});
  const bool ofOpset11 =
      c.opset < 13 && c.node.stringAttr("coordinate_transformation_mode", "") == "tf_half_pixel_for_nn";
  if (!ofOpset11)
    requireWord(c, "coordinate_transformation_mode",
                {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                 "tf_crop_and_resize"});
  requireWord(c, "nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  requireWord(c, "keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"});
}

void resize(NodeContext& c) {
  requireWordsOfResize(c);
  if (c.opset < 11) return resizeFromOldForm(c);
  for (std::size_t i = 1; i < 4; ++i) dropEmptyInput(c, i);
  if (!c.hasInput(2) && !c.hasInput(3)) malformed(c.where(), "has neither scales nor sizes");
  std::string coordinate = c.node.stringAttr("coordinate_transformation_mode", "half_pixel");
  if (coordinate == "tf_crop_and_resize" && !c.hasInput(1)) malformed(c.where(), "crops and has no region");
  if (coordinate != "tf_crop_and_resize") c.setInput(1, kNoValue);  // the region matters to nothing else
}

void upsample(NodeContext& c) {
  c.node.op = Op::Resize;
  if (c.node.has("height_scale"))
    c.node.attrs["scales"] =
        std::vector<float>{1, 1, c.node.floatAttr("height_scale", 1), c.node.floatAttr("width_scale", 1)};
  c.node.attrs.erase("height_scale");
  c.node.attrs.erase("width_scale");
  attributeToInput(c, "scales", 1);
  if (c.node.stringAttr("mode", "nearest") == "bilinear") c.node.attrs["mode"] = std::string("linear");
  requireWordsOfResize(c);
  resizeFromOldForm(c);
}

struct Levels {
  std::int64_t type;  // TensorProto's number
  float low, high;
};
constexpr Levels kLevels[] = {{2, 0, 255}, {3, -128, 127}, {4, 0, 65535}, {5, -32768, 32767}, {21, 0, 15}, {22, -8, 7}};

// The range of integers, which is that of the zero point's type, as attributes.
void quantizeLinear(NodeContext& c) {
  const std::int64_t byDefault = 2, asked = c.node.intAttr("output_dtype", 0);
  std::int64_t type = asked != 0 ? asked : byDefault;
  if (c.hasInput(2)) {
    const auto known = c.elementTypes.find(c.node.inputs[2]);
    if (known == c.elementTypes.end()) return c.refusals.add("QuantizeLinear with a computed zero point", c.node.name);
    type = known->second;
  }
  const auto levels =
      std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Levels& l) { return l.type == type; });
  if (levels == std::end(kLevels)) return c.refusals.add("QuantizeLinear to " + onnxTypeName(type), c.node.name);
  c.node.attrs["low"] = levels->low;
  c.node.attrs["high"] = levels->high;
  c.node.attrs.erase("output_dtype");
}

constexpr int kAny = OpRule::kAny;
constexpr char kPool[] =
    "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I! pads:I storage_order:i- strides:I";

constexpr OpRule kRules[] = {
    {Op::Conv, 2, 3, "f", 1, "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I", nullptr},
    {Op::Gemm, 2, 3, "f", 1, "alpha:f beta:f broadcast:i- transA:i transB:i", nullptr},
    {Op::MatMul, 2, 2, "f", 1, "", nullptr},
    {Op::BatchNormalization, 5, 5, "f", 1, "epsilon:f is_test:i- momentum:f- spatial:i training_mode:i",
     batchNormalization},
    {Op::Relu, 1, 1, "f", 1, "", nullptr},
    {Op::LeakyRelu, 1, 1, "f", 1, "alpha:f", nullptr},
    {Op::PRelu, 2, 2, "f", 1, "", prelu},
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
    {Op::Pow, 2, 2, "*", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Softmax, 1, 1, "f", 1, "axis:i", softmax},
    {Op::LogSoftmax, 1, 1, "f", 1, "axis:i", softmax},
    {Op::MaxPool, 1, 1, "f", 1, kPool, nullptr},
    {Op::AveragePool, 1, 1, "f", 1, kPool, nullptr},
    {Op::GlobalAveragePool, 1, 1, "f", 1, "", nullptr},
    {Op::GlobalMaxPool, 1, 1, "f", 1, "", nullptr},
    {Op::ReduceMean, 1, 2, "fi", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::Add, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Sub, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Mul, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Div, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Concat, 1, kAny, "*=", 1, "axis:i", concat},
    {Op::Split, 1, 2, "*i", kAny, "axis:i num_outputs:i split:I", split},
    {Op::Slice, 1, 5, "*i", 1, "axes:I ends:I starts:I", slice},
    {Op::Pad, 1, 4, "*i=i", 1, "mode:s paddings:I pads:I value:f", pad},
    {Op::Flatten, 1, 1, "*", 1, "axis:i", nullptr},
    {Op::Reshape, 1, 2, "*i", 1, "allowzero:i shape:I", reshape},
    {Op::Transpose, 1, 1, "*", 1, "perm:I", nullptr},
    {Op::Squeeze, 1, 2, "*i", 1, "axes:I", squeeze},
    {Op::Unsqueeze, 1, 2, "*i", 1, "axes:I", unsqueeze},
    {Op::Identity, 1, 1, "*", 1, "", nullptr},
    {Op::Dropout, 1, 3, "*", 1, "is_test:i ratio:f- seed:i-", dropout},
    {Op::LRN, 1, 1, "f", 1, "alpha:f beta:f bias:f size:i!", nullptr},
    {Op::LayerNormalization, 2, 3, "f", 1, "axis:i epsilon:f stash_type:i-", nullptr},
    {Op::Constant, 0, 0, "", 1, "value:t value_float:f value_floats:F value_int:i value_ints:I", nullptr},
    {Op::ConstantOfShape, 1, 1, "i", 1, "value:t", constantOfShape},
    {Op::Shape, 1, 1, "*", 1, "end:i start:i", nullptr},
    {Op::Gather, 2, 2, "*i", 1, "axis:i", nullptr},
    {Op::Cast, 1, 1, "*", 1, "round_mode:s- saturate:i- to:i!", cast},
    {Op::Equal, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Where, 3, 3, "b*~", 1, "", nullptr},
    {Op::Expand, 2, 2, "*i", 1, "", nullptr},
    {Op::Resize, 2, 4, "f*fi", 1,
     "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f "
     "keep_aspect_ratio_policy:s mode:s nearest_mode:s",
     resize},
    {Op::Neg, 1, 1, "*", 1, "", nullptr},
    {Op::Abs, 1, 1, "*", 1, "", nullptr},
    {Op::Exp, 1, 1, "f", 1, "", nullptr},
    {Op::Log, 1, 1, "f", 1, "", nullptr},
    {Op::Reciprocal, 1, 1, "f", 1, "", nullptr},
    {Op::Sign, 1, 1, "*", 1, "", nullptr},
    {Op::Floor, 1, 1, "f", 1, "", nullptr},
    {Op::Ceil, 1, 1, "f", 1, "", nullptr},
    {Op::Round, 1, 1, "f", 1, "", nullptr},
    {Op::Sin, 1, 1, "f", 1, "", nullptr},
    {Op::Cos, 1, 1, "f", 1, "", nullptr},
    {Op::Max, 2, 2, "*=", 1, "", nullptr},
    {Op::Min, 2, 2, "*=", 1, "", nullptr},
    {Op::Mod, 2, 2, "*=", 1, "fmod:i", nullptr},
    {Op::Greater, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Less, 2, 2, "*=", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::GreaterOrEqual, 2, 2, "*=", 1, "", nullptr},
    {Op::LessOrEqual, 2, 2, "*=", 1, "", nullptr},
    {Op::And, 2, 2, "b", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Or, 2, 2, "b", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Xor, 2, 2, "b", 1, "axis:i broadcast:i", oldBroadcast},
    {Op::Not, 1, 1, "b", 1, "", nullptr},
    {Op::IsNaN, 1, 1, "f", 1, "", nullptr},
    {Op::IsInf, 1, 1, "f", 1, "detect_negative:i detect_positive:i", nullptr},
    {Op::ReduceSum, 1, 2, "*i", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::ReduceMax, 1, 2, "*i", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::ReduceMin, 1, 2, "*i", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::ReduceProd, 1, 2, "*i", 1, "axes:I keepdims:i noop_with_empty_axes:i", squeeze},
    {Op::ArgMax, 1, 1, "*", 1, "axis:i keepdims:i select_last_index:i", nullptr},
    {Op::ArgMin, 1, 1, "*", 1, "axis:i keepdims:i select_last_index:i", nullptr},
    {Op::TopK, 1, 2, "*i", kAny, "axis:i k:i largest:i sorted:i", topK},
    {Op::ConvTranspose, 2, 3, "f", 1,
     "auto_pad:s dilations:I group:i kernel_shape:I output_padding:I output_shape:I pads:I strides:I", nullptr},
    {Op::Tile, 2, 3, "*i", 1, "", tile},
    {Op::DepthToSpace, 1, 1, "*", 1, "blocksize:i! mode:s", depthToSpace},
    {Op::SpaceToDepth, 1, 1, "*", 1, "blocksize:i!", nullptr},
    {Op::GatherElements, 2, 2, "*i", 1, "axis:i", nullptr},
    {Op::GatherND, 2, 2, "*i", 1, "batch_dims:i", nullptr},
    {Op::ScatterElements, 3, 3, "*i=", 1, "axis:i reduction:s", nullptr},
    {Op::ScatterElements, 3, 3, "*i=", 1, "axis:i", nullptr, "Scatter"},
    {Op::ScatterND, 3, 3, "*i=", 1, "reduction:s", nullptr},
    {Op::Trilu, 1, 2, "*i", 1, "upper:i", nullptr},
    {Op::CumSum, 2, 2, "*i", 1, "exclusive:i reverse:i", nullptr},
    {Op::Size, 1, 1, "*", 1, "", nullptr},
    {Op::Range, 3, 3, "*=", 1, "", nullptr},
    {Op::OneHot, 3, 3, "***", 1, "axis:i", nullptr},
    {Op::NonZero, 1, 1, "*", 1, "", nullptr},
    {Op::CastLike, 2, 2, "**", 1, "round_mode:s- saturate:i-", castLike},
    {Op::CenterCropPad, 2, 2, "*i", 1, "axes:I", nullptr},
    {Op::EyeLike, 1, 1, "*", 1, "dtype:i k:i", nullptr},
    {Op::ReverseSequence, 2, 2, "*i", 1, "batch_axis:i time_axis:i", nullptr},
    {Op::Einsum, 1, kAny, "f", 1, "equation:s!", nullptr},
    {Op::Where, 1, 1, "*", 1, "", maskAsBias, "MaskAsBias"},
    {Op::Upsample, 1, 2, "f*f", 1, "height_scale:f mode:s scales:F width_scale:f", upsample},
    {Op::QuantizeLinear, 2, 3, "ff*", 1, "axis:i block_size:i output_dtype:i precision:i- saturate:i-", quantizeLinear},
    {Op::DequantizeLinear, 2, 3, "*f*", 1, "axis:i block_size:i output_dtype:i-", nullptr},
    {Op::DynamicQuantizeLinear, 1, 1, "f", 3, "", nullptr},
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
                 : expected == '~' ? c.graph.value(c.node.inputs[index - 1]).dtype
                 : expected == 'f' ? DType::Float
                 : expected == 'b' ? DType::Bool
                                   : DType::Int64;
  if (got != wanted && wanted != DType::Other)
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

namespace {

const char* fileName(const OpRule& rule) {
  return rule.name ? rule.name : opName(rule.op);
}

}  // namespace

const OpRule* findRule(const std::string& op) {
  static const auto index = [] {
    std::unordered_map<std::string, const OpRule*> map;
    for (const OpRule& rule : kRules) map.emplace(fileName(rule), &rule);
    return map;
  }();
  auto found = index.find(op);
  return found == index.end() ? nullptr : found->second;
}

std::vector<std::string> supportedOperators() {
  std::vector<std::string> names = compositeNames();
  for (const OpRule& rule : kRules)
    if (std::string_view(fileName(rule)) != "MaskAsBias") names.emplace_back(fileName(rule));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

AttributeRule attributeRule(const OpRule& rule, const std::string& name) {
  return attributeRule(rule.attributes, name);
}

AttributeRule attributeRule(std::string_view attributes, const std::string& name) {
  AttributeRule result;
  forEachAttribute(attributes, [&](std::string_view known, AttrKind kind, char flag) {
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

namespace {

bool counts(Op op) {
  static constexpr Op ops[] = {Op::Shape, Op::Size, Op::ArgMax, Op::ArgMin, Op::NonZero};
  return std::find(std::begin(ops), std::end(ops), op) != std::end(ops);
}

bool placesOfTopK(const Node& node, std::size_t output) {
  return node.op == Op::TopK && output == 1;
}

// Of the tensor that an attribute is, where the node has it.
IntegerKind integersOfAttribute(const RawNode& raw, std::string_view name) {
  for (const RawAttribute& attribute : raw.attributes)
    if (attribute.name == name) return integersOf(attribute.tensor.type);
  return {};
}

}  // namespace

IntegerKind outputIntegers(const NodeContext& c, std::size_t output) {
  const Node& node = c.node;
  const auto like = [&](std::size_t input) { return c.graph.value(node.inputs[input]).integers; };
  if (counts(node.op) || placesOfTopK(node, output)) return {};
  if (node.op == Op::Cast) return integersOf(node.intAttr("to", 0));
  if (node.op == Op::ConstantOfShape) return integersOfAttribute(c.raw, "value");
  if (node.op == Op::EyeLike && node.has("dtype")) return integersOf(node.intAttr("dtype", 0));
  if (node.op == Op::OneHot) return like(2);
  if (node.op == Op::Where) return like(1);
  // Two types in one sum are against the standard: 64 bits take both.
  const bool mixed = isElementwise(node.op) && node.op != Op::Pow && node.inputs.size() == 2 && like(0) != like(1);
  return mixed ? IntegerKind{} : like(0);
}

DType outputType(const Graph& graph, const Node& node, std::size_t output) {
  if (counts(node.op) || placesOfTopK(node, output)) return DType::Int64;
  const bool flags = traitsOf(node.op).kind == OpKind::Comparison || node.op == Op::IsNaN || node.op == Op::IsInf;
  if (flags) return DType::Bool;
  if (node.op == Op::OneHot) return graph.value(node.inputs[2]).dtype;
  if (node.op == Op::EyeLike && node.has("dtype")) return dtypeOf(node.intAttr("dtype", 1));
  if (node.op == Op::DequantizeLinear) return DType::Float;
  if (node.op == Op::Where) return graph.value(node.inputs[1]).dtype;
  if (node.op == Op::Cast) return dtypeOf(node.intAttr("to", 0));
  if (node.op == Op::ConstantOfShape) {
    auto value = node.attrs.find("value");
    return value == node.attrs.end() ? DType::Float : std::get<Constant>(value->second).dtype;
  }
  return graph.value(node.inputs[0]).dtype;
}

}  // namespace relprop::onnx_import
