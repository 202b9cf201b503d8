#include "bow/bag.h"

#include <utility>

namespace relprop::bow {

Seen look(const Bag& bag, const float* picture, int height, int width, const Again& again) {
  LocalFeatures features = localFeatures(picture, height, width, bag.features, again);
  Seen seen;
  seen.height = height, seen.width = width;
  seen.mapped = mapWords(features, bag.vocabulary, bag.mapping, again);
  seen.supports = std::move(features.supports), seen.covers = std::move(features.covers);
  seen.histogram = pool({seen.supports, seen.mapped, height, width, bag.vocabulary.words()}, bag.pooling);
  goOn(again);
  seen.scores = scores(bag.machine, seen.histogram.values);
  return seen;
}

}  // namespace relprop::bow
