// An ONNX file as plain structs: what the rest of the importer sees, so that protobuf stays in proto_reader.cpp.
// Views point into the parsed message, which `RawModel::owner` keeps alive, or, where raw data was not copied into it,
// into the bytes that the message was parsed from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace relprop::onnx_import {

struct ExternalRef {
  bool used = false;
  std::string location, offset, length;  // as written in the file; the numbers are not yet checked
};

struct RawTensor {
  std::string name;
  int type = 0;  // TensorProto.DataType
  Shape dims;
  bool hasRaw = false, segmented = false, hasStrings = false;
  std::span<const std::uint8_t> raw;
  std::span<const float> floats;
  std::span<const double> doubles;
  std::span<const std::int32_t> ints32;
  std::span<const std::int64_t> ints64;
  std::span<const std::uint64_t> uints64;
  ExternalRef external;
};

// A letter per kind, used in the table of operators as well.
enum class AttrKind : char {
  Int = 'i',
  Float = 'f',
  String = 's',
  Tensor = 't',
  Ints = 'I',
  Floats = 'F',
  Other = '?'
};

struct RawAttribute {
  std::string name;
  AttrKind kind = AttrKind::Other;
  Attribute value;             // unless Tensor or Other
  RawTensor tensor;            // when Tensor
  std::string reference = {};  // in the body of a function: the attribute of the call that is meant
};

struct RawNode {
  std::string name, op, domain;
  std::vector<std::string> inputs, outputs;
  std::vector<RawAttribute> attributes;
  std::int64_t opset = 0;     // version of the standard operators that it is written for; 0: the model's
  std::string overload = {};  // of functions of one name, which is meant
};

using Opsets = std::vector<std::pair<std::string, std::int64_t>>;  // domains and the versions of their operators

// The domain of the standard operators has two names.
inline bool isStandard(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

// A function of the model: an operator written as other ones.
struct RawFunction {
  std::string name, domain, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<RawAttribute> defaults;
  std::vector<RawNode> nodes;
  Opsets opsets;
  std::int64_t opset = 0;  // of the standard operators, once it is checked
};

// An input or output.
struct RawInput {
  std::string name;
  bool isTensor = false, hasShape = false;
  int type = 0;
  Shape shape;  // -1 where the file has no size
};

struct RawModel {
  std::uint64_t fileBytes = 0;  // what parts of the model may take grows with it
  bool hasGraph = false;
  Opsets opsets;
  std::vector<RawNode> nodes;
  std::vector<RawTensor> initialisers;
  std::vector<std::string> sparseInitialisers;
  std::vector<RawInput> inputs;
  std::vector<RawInput> outputs;
  std::vector<RawFunction> functions;
  std::map<std::string, std::string> metadata;
  std::shared_ptr<const void> owner;
  std::vector<std::shared_ptr<const void>> parts;  // of the message, parsed by themselves
};

// Throws MalformedModel for none and UnsupportedModel for more bytes than protobuf reads.
void requireModelSize(std::size_t bytes, const std::string& name);

// Throws MalformedModel when the bytes, of such a number, are not an ONNX model. They have to stay as long as the
// result is used.
RawModel readProto(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace relprop::onnx_import
