#include "onnx/wire_budget.h"

#include <algorithm>
#include <iterator>

#include "onnx/wire_reader.h"

namespace relprop::onnx_import {

namespace {

// Rough costs of what a record becomes, with the importer's own structs.
constexpr std::uint64_t kMessageCost = 400, kStringCost = 64, kUnknownCost = 32;
constexpr int kMaxDepth = 100;  // of protobuf itself: it refuses what is nested deeper

enum class Kind : std::uint8_t {
  Payload,  // numbers and bytes, hardly larger in memory than in the file
  String,
  Entry,
  Model,
  Graph,
  Node,
  Attribute,
  Tensor,
  Sparse,
  ValueInfo,
  Type,
  TypeBody,
  Dims,
  Dim,
  Annotation,
  Training,
  Function
};

struct Field {
  Kind in;
  std::uint64_t number;
  Kind holds;
};

// The fields of onnx.proto that nest or repeat; single strings and numbers are part of their message's cost.
constexpr Field kFields[] = {
    {Kind::Model, 7, Kind::Graph},       {Kind::Model, 8, Kind::Entry},       {Kind::Model, 14, Kind::Entry},
    {Kind::Model, 20, Kind::Training},   {Kind::Model, 25, Kind::Function},   {Kind::Graph, 1, Kind::Node},
    {Kind::Graph, 5, Kind::Tensor},      {Kind::Graph, 11, Kind::ValueInfo},  {Kind::Graph, 12, Kind::ValueInfo},
    {Kind::Graph, 13, Kind::ValueInfo},  {Kind::Graph, 14, Kind::Annotation}, {Kind::Graph, 15, Kind::Sparse},
    {Kind::Node, 1, Kind::String},       {Kind::Node, 2, Kind::String},       {Kind::Node, 5, Kind::Attribute},
    {Kind::Attribute, 5, Kind::Tensor},  {Kind::Attribute, 6, Kind::Graph},   {Kind::Attribute, 7, Kind::Payload},
    {Kind::Attribute, 8, Kind::Payload}, {Kind::Attribute, 9, Kind::String},  {Kind::Attribute, 10, Kind::Tensor},
    {Kind::Attribute, 11, Kind::Graph},  {Kind::Attribute, 14, Kind::Type},   {Kind::Attribute, 15, Kind::Type},
    {Kind::Attribute, 22, Kind::Sparse}, {Kind::Attribute, 23, Kind::Sparse}, {Kind::Tensor, 1, Kind::Payload},
    {Kind::Tensor, 3, Kind::Entry},      {Kind::Tensor, 4, Kind::Payload},    {Kind::Tensor, 5, Kind::Payload},
    {Kind::Tensor, 6, Kind::String},     {Kind::Tensor, 7, Kind::Payload},    {Kind::Tensor, 9, Kind::Payload},
    {Kind::Tensor, 10, Kind::Payload},   {Kind::Tensor, 11, Kind::Payload},   {Kind::Tensor, 13, Kind::Entry},
    {Kind::Sparse, 1, Kind::Tensor},     {Kind::Sparse, 2, Kind::Tensor},     {Kind::Sparse, 3, Kind::Payload},
    {Kind::ValueInfo, 2, Kind::Type},    {Kind::Type, 1, Kind::TypeBody},     {Kind::Type, 4, Kind::TypeBody},
    {Kind::Type, 5, Kind::TypeBody},     {Kind::Type, 8, Kind::TypeBody},     {Kind::Type, 9, Kind::TypeBody},
    {Kind::TypeBody, 1, Kind::Type},     {Kind::TypeBody, 2, Kind::Dims},     {Kind::Dims, 1, Kind::Dim},
    {Kind::Annotation, 2, Kind::Entry},  {Kind::Training, 1, Kind::Graph},    {Kind::Training, 2, Kind::Graph},
    {Kind::Training, 3, Kind::Entry},    {Kind::Training, 4, Kind::Entry},    {Kind::Function, 4, Kind::String},
    {Kind::Function, 5, Kind::String},   {Kind::Function, 6, Kind::String},   {Kind::Function, 7, Kind::Node},
    {Kind::Function, 9, Kind::Entry},
};

std::uint64_t overhead(std::span<const std::uint8_t> bytes, Kind kind, int depth);

std::uint64_t fieldOverhead(std::span<const std::uint8_t> body, Kind in, std::uint64_t number, int depth) {
  auto field = std::find_if(std::begin(kFields), std::end(kFields),
                            [&](const Field& f) { return f.in == in && f.number == number; });
  if (field == std::end(kFields)) return kUnknownCost;
  if (field->holds == Kind::Payload) return 0;
  if (field->holds == Kind::String) return kStringCost;
  return kMessageCost + overhead(body, field->holds, depth + 1);
}

std::uint64_t overhead(std::span<const std::uint8_t> bytes, Kind kind, int depth) {
  std::uint64_t sum = 0;
  WireReader reader(bytes);
  while (depth < kMaxDepth && !reader.empty()) {
    std::uint64_t tag = reader.varint();
    auto body = reader.payload(tag & 7);
    if (reader.failed()) break;
    sum += fieldOverhead(body, kind, tag >> 3, depth);
  }
  return sum;
}

}  // namespace

std::uint64_t parsedOverhead(std::span<const std::uint8_t> bytes) {
  return overhead(bytes, Kind::Model, 0);
}

}  // namespace relprop::onnx_import
