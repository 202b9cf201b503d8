#include "c/arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "c/guard.h"

namespace relprop::c {
namespace {

constexpr int kMostAxes = 8;
constexpr std::int64_t kMostElements = std::numeric_limits<std::int64_t>::max() / sizeof(float);

const char* typeName(int type) {
  return type == RELPROP_FLOAT32 ? "float32" : type == RELPROP_UINT8 ? "uint8" : "no type that is known";
}

const std::uint8_t* bytesOf(const relprop_array* array) {
  return static_cast<const std::uint8_t*>(array->data);
}

Shape shapeOf(const relprop_array& array, const char* name) {
  if (array.rank < 0 || array.rank > kMostAxes)
    throw Error(ErrorCode::InvalidArgument, name, fmt::format("rank {}", array.rank), "a rank from 0 to 8");
  return {array.shape, array.shape + array.rank};
}

}  // namespace

Shape checkedShape(const relprop_array* array, int type, const char* name) {
  requirePointer(array, name);
  requireSize(array->size, sizeof *array, name);
  if (array->type != type)
    throw Error(ErrorCode::InvalidArgument, name, fmt::format("{} (type {})", typeName(array->type), array->type),
                typeName(type));
  const Shape shape = shapeOf(*array, name);
  if (elementCount(shape) > kMostElements)
    throw Error(ErrorCode::ShapeMismatch, name, toString(shape), "no more than there are addresses for");
  if (elementCount(shape) > 0) requirePointer(array->data, name);
  return shape;
}

TensorView floats(const relprop_array* array, const char* name) {
  const Shape shape = checkedShape(array, RELPROP_FLOAT32, name);
  if (reinterpret_cast<std::uintptr_t>(array->data) % alignof(float) != 0)
    throw Error(ErrorCode::InvalidArgument, name, "an address between two numbers", "float32 numbers aligned to 4");
  return {static_cast<const float*>(array->data), shape};
}

Tensor tensorOf(const relprop_array* array, const char* name) {
  const TensorView view = floats(array, name);
  return {view.shape, std::vector<float>(view.data, view.data + elementCount(view.shape))};
}

Image imageOf(const relprop_array* array, const char* name) {
  constexpr std::int64_t kMost = 1 << 16;
  const Shape shape = checkedShape(array, RELPROP_UINT8, name);
  const bool picture =
      shape.size() == 3 && shape[2] == 3 && std::min(shape[0], shape[1]) >= 1 && std::max(shape[0], shape[1]) <= kMost;
  if (!picture) throw Error(ErrorCode::ShapeMismatch, name, toString(shape), "H×W×3 of RGB pixels");
  return {static_cast<int>(shape[1]), static_cast<int>(shape[0]),
          std::vector<std::uint8_t>(bytesOf(array), bytesOf(array) + elementCount(shape))};
}

Image pictureOf(const relprop_array* array, const std::string& name) {
  const Shape shape = checkedShape(array, RELPROP_UINT8, name.c_str());
  if (shape.size() != 1) return imageOf(array, name.c_str());
  return decodeImage(std::vector<std::uint8_t>(bytesOf(array), bytesOf(array) + shape[0]), name);
}

relprop_array arrayOf(int type, const Shape& shape, const void* data, const std::string& name) {
  if (static_cast<std::int64_t>(shape.size()) > kMostAxes)
    throw Error(ErrorCode::ShapeMismatch, name, fmt::format("{} axes", shape.size()), "at most 8",
                "leave this node out, or ask for the one behind it");
  relprop_array array = {sizeof array, type, static_cast<std::int32_t>(shape.size()), {}, data};
  std::copy(shape.begin(), shape.end(), array.shape);
  return array;
}

}  // namespace relprop::c
