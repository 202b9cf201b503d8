// The bundled network behind a handle, and errors as C sees them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "relprop/error.h"
#include "relprop/relprop.h"
#include "unit/explainer/example.h"

namespace relprop::c_test {

using Json = nlohmann::json;

inline std::string examplesFile(const std::string& name) {
  return (std::filesystem::path(__FILE__).parent_path() / "../../../examples" / name).string();
}

inline relprop_error lastError() {
  relprop_error error = {sizeof error, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  EXPECT_EQ(relprop_last_error(&error), 0);
  return error;
}

// A call that has to fail with this code; its error for a closer look.
inline relprop_error failure(std::int32_t code, ErrorCode expected) {
  const relprop_error error = lastError();
  EXPECT_EQ(relprop_error_name(code), std::string(errorCodeName(expected))) << error.message;
  EXPECT_EQ(error.code, code);
  return error;
}

inline void expectOk(std::int32_t code) {
  EXPECT_EQ(code, 0) << lastError().message;
}

// Text that is handed out, freed.
inline std::string taken(char* text) {
  std::string copy = text;
  expectOk(relprop_text_free(text));
  return copy;
}

struct FreeModel {
  void operator()(relprop_model* model) const { expectOk(relprop_model_free(model)); }
};
struct FreeExplainer {
  void operator()(relprop_explainer* explainer) const { expectOk(relprop_explainer_free(explainer)); }
};
struct FreeResult {
  void operator()(relprop_result* result) const { expectOk(relprop_result_free(result)); }
};
using ModelHandle = std::unique_ptr<relprop_model, FreeModel>;
using ExplainerHandle = std::unique_ptr<relprop_explainer, FreeExplainer>;
using ResultHandle = std::unique_ptr<relprop_result, FreeResult>;

inline ModelHandle loadedModel() {
  relprop_model* model = nullptr;
  expectOk(relprop_model_load(examplesFile("model/shapes.onnx").c_str(), nullptr, &model));
  return ModelHandle(model);
}

inline ExplainerHandle explainerOf(relprop_model* model, const Json& options) {
  relprop_explainer* explainer = nullptr;
  const std::string text = options.is_null() ? "{}" : options.dump();
  expectOk(relprop_explainer_create(model, text.c_str(), &explainer));
  return ExplainerHandle(explainer);
}

inline relprop_array arrayOf(const Tensor& tensor) {
  relprop_array array = {
      sizeof array, RELPROP_FLOAT32, static_cast<std::int32_t>(tensor.shape.size()), {}, tensor.data.data()};
  std::copy(tensor.shape.begin(), tensor.shape.end(), array.shape);
  return array;
}

inline ResultHandle explained(relprop_explainer* explainer, const Tensor& input, const char* question = nullptr) {
  const relprop_array array = arrayOf(input);
  relprop_result* result = nullptr;
  expectOk(relprop_explain(explainer, &array, question, nullptr, &result));
  return ResultHandle(result);
}

inline relprop_array arrayCalled(relprop_result* result, std::int64_t map, const char* name) {
  relprop_array array = {sizeof array, 0, 0, {}, nullptr};
  expectOk(relprop_result_array(result, map, name, &array));
  return array;
}

inline std::vector<float> floatsCalled(relprop_result* result, std::int64_t map, const char* name) {
  const relprop_array array = arrayCalled(result, map, name);
  EXPECT_EQ(array.type, RELPROP_FLOAT32);
  std::int64_t count = 1;
  for (int axis = 0; axis < array.rank; ++axis) count *= array.shape[axis];
  const auto* values = static_cast<const float*>(array.data);
  return {values, values + count};
}

inline Json jsonOf(relprop_result* result, std::int64_t map) {
  char* text = nullptr;
  expectOk(relprop_result_json(result, map, &text));
  return Json::parse(taken(text));
}

// N noise pictures for the bundled network.
inline Tensor noise(std::int64_t count) {
  Tensor all(Shape{count, 3, 96, 96});
  all.data.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor one = test::noisePicture({3, 96, 96}, static_cast<unsigned>(i + 1));
    all.data.insert(all.data.end(), one.data.begin(), one.data.end());
  }
  return all;
}

}  // namespace relprop::c_test
