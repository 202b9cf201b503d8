// Weights decoded by several threads before the graph is built.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"
#include "onnx/external_data.h"
#include "onnx/raw_model.h"
#include "onnx/tensor_decode.h"

namespace relprop::onnx_import {

class EarlyDecode {
 public:
  // Decodes those of `tensors` that are large and lie in the file itself; with Finite::Required.
  explicit EarlyDecode(const std::vector<const RawTensor*>& tensors);

  // As decodeTensor, and throwing what it throws; a tensor that was decoded early is handed out once.
  Constant take(const RawTensor& tensor, ExternalData& external, const std::string& where, Finite finite);

 private:
  struct Result {
    const RawTensor* tensor;
    std::optional<Constant> constant;
    std::exception_ptr failure;
  };
  static void decode(Result& result);

  std::vector<Result> results_;
  std::unordered_map<const RawTensor*, std::size_t> index_;
};

// What decodeTensor calls an initialiser in messages.
std::string initialiserTitle(const std::string& name);

}  // namespace relprop::onnx_import
