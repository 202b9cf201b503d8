#include "relprop/choices.h"

#include <fmt/format.h>

#include <algorithm>

#include "bow/limits.h"
#include "explainer/prepare.h"
#include "relprop/error.h"

namespace relprop {
namespace {

bool sizeIsOpen(const Model& model) {
  const Shape shape = model.inputShape();
  return shape.size() > 1 &&
         std::any_of(shape.begin() + 1, shape.end(), [](std::int64_t extent) { return extent < 0; });
}

// Height and width that come out of the preprocessing whatever the image, or nothing.
Shape sizeMade(const std::optional<Preprocess>& preprocess) {
  if (!preprocess) return {};
  const auto [height, width] = bow::fixedSize(*preprocess);
  return height > 0 && width > 0 ? Shape{height, width} : Shape{};
}

}  // namespace

int fixedBatch(const Model& model) {
  const Shape shape = model.inputShape();
  if (shape.empty() || shape.front() < 1) return 0;
  if (shape.front() > kMostRows)
    throw Error(ErrorCode::UnsupportedModel, model.path(), fmt::format("a batch fixed to {} images", shape.front()),
                fmt::format("1 to {}", kMostRows), "export it with an open batch, or one of 1");
  return static_cast<int>(shape.front());
}

Shape chosenInputShape(const Model& model, const Shape& asked, const std::optional<Preprocess>& preprocess,
                       const Shape& tensor) {
  if (!asked.empty()) return asked;
  if (!sizeIsOpen(model)) return {};
  if (!tensor.empty()) return tensor;
  const Shape size = sizeMade(preprocess);
  if (size.empty())
    throw Error(ErrorCode::ShapeMismatch, model.path(), "the model leaves the size of its input open", "",
                "give it with --shape HxW, or a preprocessing of fixed size");
  return size;
}

int chosenBatch(const Model& model, const std::string& method, int asked, int images) {
  constexpr int kRows = 4;
  if (const int fixed = fixedBatch(model); fixed > 0) return fixed;
  if (asked > 0) return asked;
  return runsManyInputs(method) ? kRows : std::max(1, images);
}

std::string withParameter(const std::string& method, const std::string& key, const std::string& value) {
  const char separator = method.find(':') == std::string::npos ? ':' : ',';
  return method + separator + key + "=" + value;
}

}  // namespace relprop
