#include <algorithm>

#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {
namespace {

constexpr std::size_t kFewestAxes = 3;  // with the batch: with fewer, the first axis behind it is the last as well

std::int64_t product(Shape::const_iterator begin, Shape::const_iterator end) {
  std::int64_t count = 1;
  for (; begin != end; ++begin) count *= *begin;
  return count;
}

// `count` matrices of rows×columns, each transposed.
std::vector<float> transposed(const float* from, std::int64_t count, std::int64_t rows, std::int64_t columns) {
  std::vector<float> to(static_cast<std::size_t>(count * rows * columns));
  for (std::int64_t k = 0; k < count; ++k)
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        to[static_cast<std::size_t>((k * columns + c) * rows + r)] = from[(k * rows + r) * columns + c];
  return to;
}

}  // namespace

const char* layoutName(Layout layout) {
  return layout == Layout::ChannelsLast ? "nhwc" : "nchw";
}

Layout layoutFromName(const std::string& name) {
  for (const Layout layout : {Layout::ChannelsFirst, Layout::ChannelsLast})
    if (name == layoutName(layout)) return layout;
  throw Error(ErrorCode::InvalidArgument, "layout", name, "nchw or nhwc");
}

Shape relaid(const Shape& shape, Layout from, Layout to) {
  Shape result = shape;
  if (from == to || shape.size() < kFewestAxes) return result;
  if (to == Layout::ChannelsFirst)
    std::rotate(result.begin() + 1, result.end() - 1, result.end());
  else
    std::rotate(result.begin() + 1, result.begin() + 2, result.end());
  return result;
}

Tensor relaid(const TensorView& array, Layout from, Layout to) {
  const Shape& s = array.shape;
  if (from == to || s.size() < kFewestAxes) return {s, std::vector<float>(array.data, array.data + elementCount(s))};
  const bool toFirst = to == Layout::ChannelsFirst;
  const std::int64_t rows = toFirst ? product(s.begin() + 1, s.end() - 1) : s[1];
  const std::int64_t columns = toFirst ? s.back() : product(s.begin() + 2, s.end());
  return {relaid(s, from, to), transposed(array.data, s[0], rows, columns)};
}

PictureLayout PictureLayout::of(const Shape& image, Layout layout) {
  if (image.size() != 3)
    throw Error(ErrorCode::ShapeMismatch, "picture", toString(image),
                layout == Layout::ChannelsLast ? "H×W×C" : "C×H×W", "give an .npy array, which may be no picture");
  if (layout == Layout::ChannelsLast) return {image[2], image[0], image[1]};
  return {image[0], image[1], image[2]};
}

}  // namespace relprop
