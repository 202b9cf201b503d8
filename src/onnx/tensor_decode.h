// Tensors of the file as constants: float32 or int64, with every size checked before anything is allocated.
#pragma once

#include <string>

#include "graph/graph.h"
#include "onnx/external_data.h"
#include "onnx/raw_model.h"

namespace relprop::onnx_import {

enum class Finite { Required, InfinityAllowed };

// `where` names the tensor in messages.
Constant decodeTensor(const RawTensor& tensor, ExternalData& external, const std::string& where, Finite finite);

// No input or constant may have more axes than any other value of a network.
void requireRank(const Shape& shape, const std::string& where);

// DType::Other for element types that are not handled.
DType dtypeOf(std::int64_t onnxType);
// 64 bits for what is no type of integers.
IntegerKind integersOf(std::int64_t onnxType);
// TensorProto's number.
std::int64_t onnxTypeOf(IntegerKind integers);
std::string onnxTypeName(std::int64_t onnxType);

// Throws NonFiniteWeights naming the first offending index.
void requireFinite(const std::vector<float>& values, const std::string& where, Finite finite);

}  // namespace relprop::onnx_import
