#include "explainer/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/graph.h"
#include "relprop/choices.h"

namespace relprop {

void checkBatchAndThreads(int batch, int threads) {
  if (batch < 1 || batch > kMostRows)
    throw Error(ErrorCode::InvalidArgument, "batch", std::to_string(batch), fmt::format("1 to {}", kMostRows));
  if (threads < 0 || threads > 1024)
    throw Error(ErrorCode::InvalidArgument, "threads", std::to_string(threads), "0 (all cores) to 1024");
}

Shape fullInputShape(const Model& model, const Shape& given, int batch, Layout layout) {
  Shape shape = model.inputShape();
  if (given.size() >= shape.size() && !given.empty())
    throw Error(ErrorCode::ShapeMismatch, "input", "shape " + toString(given),
                "at most the axes behind the batch of " + toString(shape));
  // Sizes without the channels end before them.
  const bool beforeChannels = layout == Layout::ChannelsLast && given.size() + 2 == shape.size();
  for (std::size_t k = 0; k < given.size(); ++k) {
    std::int64_t& extent = shape[shape.size() - given.size() + k - (beforeChannels ? 1 : 0)];
    if (extent > 0 && extent != given[k])
      throw Error(ErrorCode::ShapeMismatch, "input", "shape " + toString(given),
                  "what the model fixes: " + toString(shape));
    extent = given[k];
  }
  for (std::size_t k = 1; k < shape.size(); ++k)
    if (shape[k] <= 0)
      throw Error(ErrorCode::ShapeMismatch, "input", "axis " + std::to_string(k) + " is left open by the model",
                  "its extent", "give it with --shape or the preprocessing's crop");
  const int fixed = fixedBatch(model);
  shape[0] = fixed > 0 ? fixed : std::max(1, batch);
  return shape;
}

Shape imageShapeOf(const Graph& graph) {
  const Shape& s = graph.value(graph.inputs.at(0)).shape;
  return {s.begin() + 1, s.end()};
}

void requireFinite(const float* values, std::int64_t count, ErrorCode code, const char* where, const char* hint) {
  const float* end = values + count;
  const float* bad = std::find_if(values, end, [](float v) { return !std::isfinite(v); });
  if (bad != end) throw Error(code, where, fmt::format("{} at element {}", *bad, bad - values), "finite numbers", hint);
}

void checkImages(const TensorView& input, const Shape& image) {
  const bool fits =
      input.shape.size() == image.size() + 1 && std::equal(image.begin(), image.end(), input.shape.begin() + 1);
  if (!fits || input.shape[0] < 1)
    throw Error(ErrorCode::ShapeMismatch, "input", toString(input.shape), "N×" + toString(image));
  requireFinite(input.data, elementCount(input.shape), ErrorCode::NonFiniteInput, "input", "check the array");
}

}  // namespace relprop
