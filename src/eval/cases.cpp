#include "eval/cases.h"

#include <algorithm>

#include "relprop/error.h"

namespace relprop::eval {
namespace {

std::vector<float> blackPixel(const Preprocess& preprocess, const Shape& image) {
  Preprocess plain = preprocess;
  plain.resize = Preprocess::Resize::None;
  plain.crop = {0, 0};
  const Image pixel{1, 1, {0, 0, 0}};
  return prepareImage(pixel, plain, static_cast<int>(image[0]), 1, 1).input.data;
}

std::vector<LayerSum> layerSums(const Explanation& e) {
  std::vector<LayerSum> sums;
  double left = e.seed;
  for (const LedgerEntry& entry : e.ledger) {
    left -= entry.absorbed();
    sums.push_back({entry.node, left / e.seed});
  }
  return sums;
}

}  // namespace

void goOn(const EvaluateOptions& options) {
  if (options.again && !options.again()) throw Error(ErrorCode::Cancelled, "evaluate", "stopped");
}

Cases::Cases(const EvaluateOptions& options, const Subjects& subjects, Classifier& classifier, Classifier* narrow)
    : options_(options),
      subjects_(subjects),
      classifier_(classifier),
      narrow_(narrow),
      companions_(std::make_unique<Companions>(subjects, classifier)),
      black_(blackPixel(options.preprocess, classifier.imageShape())),
      range_(pixelRange(options.preprocess, static_cast<int>(classifier.imageShape()[0]))) {}

Case Cases::of(const Subject& s, const Explanation& e, Explainer& explainer) const {
  Case c;
  c.picture = s.facts.picture;
  c.map = planeOf(e.relevance);
  c.relevanceShape = {e.relevance.shape.begin() + 1, e.relevance.shape.end()};
  c.relevance = e.relevance.data;
  c.seed = e.seed, c.sum = e.sum;
  c.layers = layerSums(e);
  c.truth = &s.truth;
  c.view = &s.prepared.view;
  c.inputShape = classifier_.imageShape();
  c.input = s.prepared.input.data.data();
  c.black = black_, c.low = range_.low, c.high = range_.high;
  c.preprocess = &options_.preprocess;
  c.target = e.target;
  c.oneClass = subjects_.hasOneClass(s.unit->picture);
  c.answer = [this, target = s.target](const float* scores) {
    const Classifier::Answer answer = classifier_.answer(target, scores);
    return Answer{answer.logit, answer.probability, answer.chosen};
  };
  c.runSeed = options_.seed;
  c.forward = forwardOf(classifier_);
  c.explain = [this, &explainer, target = s.target](std::int64_t count, const Fill& fill) {
    return mapsOf(explainer, target, count, fill);
  };
  c.companions = [this, &s](std::size_t count, double confidence, std::uint64_t seed) {
    return companions_->of(s, count, confidence, seed);
  };
  return c;
}

std::function<void(std::int64_t, const Fill&, const Read&)> Cases::forwardOf(Classifier& classifier) const {
  return [this, &classifier](std::int64_t count, const Fill& fill, const Read& read) {
    classifier.forward(count, fill, read, options_.again);
  };
}

Case Cases::narrowed(const Case& c) const {
  Case other = c;
  other.forward = forwardOf(*narrow_);
  return other;
}

std::vector<Plane> Cases::mapsOf(Explainer& explainer, const Target& target, std::int64_t count,
                                 const Fill& fill) const {
  Shape shape = classifier_.imageShape();
  shape.insert(shape.begin(), 1);
  Tensor input(shape);
  std::vector<Plane> maps;
  for (std::int64_t k = 0; k < count; ++k) {
    goOn(options_);
    fill(k, input.data.data());
    maps.push_back(planeOf(explainer.explain(input, {target})[0].relevance));
  }
  return maps;
}

Plane Cases::mapOf(const Subject& s, const NoisyCopies& copies, Explainer& explainer) const {
  if (copies.samples > 0) {
    Case c;
    c.picture = s.facts.picture, c.runSeed = options_.seed;
    c.inputShape = classifier_.imageShape(), c.input = s.prepared.input.data.data();
    return meanOfCopies(c, copies,
                        [&](std::int64_t count, const Fill& fill) { return mapsOf(explainer, s.target, count, fill); });
  }
  const Fill copy = [&s](std::int64_t, float* to) {
    std::copy(s.prepared.input.data.begin(), s.prepared.input.data.end(), to);
  };
  return mapsOf(explainer, s.target, 1, copy)[0];
}

}  // namespace relprop::eval
