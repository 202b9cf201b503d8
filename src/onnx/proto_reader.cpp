// The only place of the library that knows protobuf.
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <climits>
#include <string_view>

#include "core/limits.h"
#include "onnx/failure.h"
#include "onnx/raw_model.h"
#include "onnx/skeleton.h"
#include "onnx/wire_budget.h"
#include "relprop/budgets.h"

namespace relprop::onnx_import {

namespace {

template <class T>
std::span<const T> view(const google::protobuf::RepeatedField<T>& field) {
  return {field.data(), static_cast<std::size_t>(field.size())};
}

ExternalRef externalOf(const onnx::TensorProto& proto) {
  ExternalRef ref;
  ref.used = proto.data_location() == onnx::TensorProto::EXTERNAL;
  if (!ref.used) return ref;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") ref.location = entry.value();
    if (entry.key() == "offset") ref.offset = entry.value();
    if (entry.key() == "length") ref.length = entry.value();
  }
  return ref;
}

RawTensor tensorOf(const onnx::TensorProto& proto) {
  RawTensor result;
  result.name = proto.name();
  result.type = proto.data_type();
  result.dims.assign(proto.dims().begin(), proto.dims().end());
  result.hasRaw = proto.has_raw_data();
  result.segmented = proto.has_segment();
  result.hasStrings = proto.string_data_size() > 0;
  result.raw = {reinterpret_cast<const std::uint8_t*>(proto.raw_data().data()), proto.raw_data().size()};
  result.floats = view(proto.float_data());
  result.doubles = view(proto.double_data());
  result.ints32 = view(proto.int32_data());
  result.ints64 = view(proto.int64_data());
  result.uints64 = view(proto.uint64_data());
  result.external = externalOf(proto);
  return result;
}

// Files of early exporters have no type; then the field that is set tells.
onnx::AttributeProto::AttributeType typeOf(const onnx::AttributeProto& proto) {
  if (proto.type() != onnx::AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_i()) return onnx::AttributeProto::INT;
  if (proto.has_f()) return onnx::AttributeProto::FLOAT;
  if (proto.has_s()) return onnx::AttributeProto::STRING;
  if (proto.has_t()) return onnx::AttributeProto::TENSOR;
  if (proto.floats_size() > 0) return onnx::AttributeProto::FLOATS;
  return proto.ints_size() > 0 ? onnx::AttributeProto::INTS : onnx::AttributeProto::UNDEFINED;
}

RawAttribute plainAttribute(const onnx::AttributeProto& proto) {
  auto make = [&](AttrKind kind, Attribute value) { return RawAttribute{proto.name(), kind, std::move(value), {}}; };
  switch (typeOf(proto)) {
    case onnx::AttributeProto::INT:
      return make(AttrKind::Int, std::int64_t{proto.i()});
    case onnx::AttributeProto::FLOAT:
      return make(AttrKind::Float, proto.f());
    case onnx::AttributeProto::STRING:
      return make(AttrKind::String, proto.s());
    case onnx::AttributeProto::INTS:
      return make(AttrKind::Ints, std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end()));
    case onnx::AttributeProto::FLOATS:
      return make(AttrKind::Floats, std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case onnx::AttributeProto::TENSOR:
      return {proto.name(), AttrKind::Tensor, {}, tensorOf(proto.t())};
    default:
      return make(AttrKind::Other, {});
  }
}

RawAttribute attributeOf(const onnx::AttributeProto& proto) {
  RawAttribute attribute = plainAttribute(proto);
  attribute.reference = proto.ref_attr_name();
  return attribute;
}

// A field of text that the headers of ONNX 1.12 do not know, by its number: which function of several of one name.
template <class Message>
std::string overloadOf(const Message& proto, [[maybe_unused]] int number) {
  if constexpr (requires { proto.overload(); }) {
    return proto.overload();
  } else {
    std::string overload;
    const auto& unknown = proto.GetReflection()->GetUnknownFields(proto);
    for (int i = 0; i < unknown.field_count(); ++i) {
      const auto& field = unknown.field(i);
      if (field.number() == number && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
        overload = field.length_delimited();
    }
    return overload;
  }
}

RawNode nodeOf(const onnx::NodeProto& proto) {
  constexpr int kOverload = 8;
  RawNode node{proto.name(), proto.op_type(), proto.domain(), {}, {}, {}, 0};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (const auto& attribute : proto.attribute()) node.attributes.push_back(attributeOf(attribute));
  node.overload = overloadOf(proto, kOverload);
  return node;
}

RawInput inputOf(const onnx::ValueInfoProto& proto) {
  RawInput input;
  input.name = proto.name();
  input.isTensor = proto.type().has_tensor_type();
  const auto& type = proto.type().tensor_type();
  input.type = type.elem_type();
  input.hasShape = type.has_shape();
  // Exporters write 0 or -1 as well as a name for a size that is not known yet.
  for (const auto& dim : type.shape().dim())
    input.shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
  return input;
}

// Defaults of a function's attributes have a field that the headers of ONNX 1.12 do not know.
template <class Function>
void readDefaults(const Function& proto, RawFunction& function, RawModel& model) {
  constexpr int kField = 11;
  if constexpr (requires { proto.attribute_proto(); }) {
    for (const auto& attribute : proto.attribute_proto()) function.defaults.push_back(attributeOf(attribute));
    return;
  }
  const auto& unknown = proto.GetReflection()->GetUnknownFields(proto);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    if (field.number() != kField || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) continue;
    auto attribute = std::make_shared<onnx::AttributeProto>();
    if (!attribute->ParseFromString(field.length_delimited())) continue;
    function.defaults.push_back(attributeOf(*attribute));
    model.parts.push_back(std::move(attribute));
  }
}

RawFunction functionOf(const onnx::FunctionProto& proto, RawModel& model) {
  constexpr int kOverload = 13;
  RawFunction function{proto.name(), proto.domain(), overloadOf(proto, kOverload), {}, {}, {}, {}, {}, 0};
  function.inputs.assign(proto.input().begin(), proto.input().end());
  function.outputs.assign(proto.output().begin(), proto.output().end());
  readDefaults(proto, function, model);
  for (const auto& node : proto.node()) function.nodes.push_back(nodeOf(node));
  for (const auto& opset : proto.opset_import()) function.opsets.emplace_back(opset.domain(), opset.version());
  return function;
}

void readGraph(const onnx::GraphProto& graph, RawModel& model) {
  for (const auto& node : graph.node()) model.nodes.push_back(nodeOf(node));
  for (const auto& tensor : graph.initializer()) model.initialisers.push_back(tensorOf(tensor));
  for (const auto& sparse : graph.sparse_initializer()) model.sparseInitialisers.push_back(sparse.values().name());
  for (const auto& input : graph.input()) model.inputs.push_back(inputOf(input));
  for (const auto& output : graph.output()) model.outputs.push_back(inputOf(output));
}

std::string lfsHint(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("version https://git-lfs") ? "it is a Git LFS pointer: fetch the file itself" : "";
}

// It keeps a file from filling memory with empty messages.
void requireModestSize(std::span<const std::uint8_t> bytes, const std::string& name) {
  const std::int64_t most = limits::withBytes(budgets().modelBytes, limits::kModelPartsPerByte, bytes.size());
  if (parsedOverhead(bytes) > static_cast<std::uint64_t>(most))
    malformed(name, "consists of more tiny parts than any real model", "",
              "if it is one after all, allow more (--budget model=SIZE)");
}

std::shared_ptr<onnx::ModelProto> parse(std::string_view bytes) {
  google::protobuf::LogSilencer quiet;  // the library never prints
  auto proto = std::make_shared<onnx::ModelProto>();
  return proto->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? proto : nullptr;
}

void restoreWeights(const Skeleton& skeleton, std::vector<RawTensor>& initialisers) {
  for (std::size_t i = 0; i < initialisers.size(); ++i)
    if (skeleton.raw.at(i)) initialisers[i].raw = *skeleton.raw[i];
}

}  // namespace

void requireModelSize(std::size_t bytes, const std::string& name) {
  if (bytes == 0) malformed(name, "file is empty", "an ONNX model");
  if (bytes > INT_MAX)
    unsupported(name, "file is larger than 2 GiB", "at most 2 GiB", "store the weights as external data");
}

RawModel readProto(std::span<const std::uint8_t> bytes, const std::string& name) {
  requireModestSize(bytes, name);
  const std::optional<Skeleton> skeleton = withoutWeights(bytes);
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto proto = parse(skeleton ? std::string_view(skeleton->bytes) : whole);
  if (!proto) malformed(name, "not an ONNX file or truncated", "an ONNX model", lfsHint(bytes));
  RawModel model;
  model.fileBytes = bytes.size();
  model.hasGraph = proto->has_graph();
  for (const auto& opset : proto->opset_import()) model.opsets.emplace_back(opset.domain(), opset.version());
  for (const auto& entry : proto->metadata_props()) model.metadata[entry.key()] = entry.value();
  readGraph(proto->graph(), model);
  for (const auto& function : proto->functions()) model.functions.push_back(functionOf(function, model));
  if (skeleton) restoreWeights(*skeleton, model.initialisers);
  model.owner = std::move(proto);
  return model;
}

}  // namespace relprop::onnx_import
