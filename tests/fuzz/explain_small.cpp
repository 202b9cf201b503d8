#include "fuzz/explain_small.h"

#include <cstdint>

namespace relprop::fuzz {

namespace {

constexpr std::int64_t kMemory = 64 << 20, kOpenSide = 8;
constexpr std::int64_t kFlops = 100'000'000, kValues = 1 << 20;  // what a run may take
constexpr int kAsked = 3'000;                                    // how often it is asked whether it goes on

// The picture's shape with open extents closed.
Shape closed(const Model& model) {
  Shape shape = model.inputShape();
  if (!shape.empty()) shape.erase(shape.begin());
  for (std::int64_t& extent : shape)
    if (extent < 0) extent = kOpenSide;
  return shape;
}

std::int64_t flopsOf(const PlanReport& report) {
  std::int64_t flops = 0;
  for (const StepReport& step : report.steps)
    if (__builtin_add_overflow(flops, step.flops, &flops)) return INT64_MAX;
  return flops;
}

}  // namespace

std::function<bool()> untilLong() {
  return [asked = 0]() mutable { return ++asked < kAsked; };
}

void explainSmall(const Model& model, const std::string& method, const std::filesystem::path& patterns) {
  ExplainOptions options;
  options.method = method;
  options.patterns = patterns;
  explainSmall(model, options);
}

std::vector<Explanation> explainSmall(const Model& model, ExplainOptions options, const Pictures& pictures) {
  options.inputShape = model.isBagOfWords() ? Shape{} : closed(model);
  if (options.memory == 0 && !model.isBagOfWords()) options.memory = kMemory;
  options.threads = 1;
  options.again = untilLong();
  Explainer explainer(model, options);
  Shape shape = explainer.inputShape();
  shape.insert(shape.begin(), pictures.count);
  if (elementCount(shape) > kValues || flopsOf(explainer.report()) > kFlops) return {};
  Tensor input(shape);
  for (std::size_t i = 0; i < input.data.size(); ++i)
    input.data[i] = pictures.scale * (static_cast<float>(i % 17) / 8 - 1);
  return explainer.explain(input);
}

}  // namespace relprop::fuzz
