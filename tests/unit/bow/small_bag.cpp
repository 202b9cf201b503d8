#include "unit/bow/small_bag.h"

#include <random>

namespace relprop::bow::test {

namespace {

constexpr int kSmallWords = 12, kSmallSupports = 5, kSmallClasses = 3;

double noise(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

Machine smallMachine(std::int64_t dimensions, std::mt19937_64& random) {
  Machine machine;
  machine.kernels = {{KernelKind::Chi2, 0.1, 0.3}, {KernelKind::Intersection, 1, 1.0 / 3}};
  machine.dimensions = dimensions;
  for (std::int64_t i = 0; i < kSmallSupports * dimensions; ++i) machine.histograms.push_back(noise(random) / 7);
  for (int k = 0; k < kSmallClasses; ++k) {
    machine.coefficients.emplace_back();
    for (int i = 0; i < kSmallSupports; ++i) machine.coefficients.back().push_back(2 * noise(random) - 1);
    machine.bias.push_back(noise(random) - 0.5);
    machine.platt.push_back({-noise(random), noise(random)});
  }
  return machine;
}

}  // namespace

Bag smallBag() {
  std::mt19937_64 random(7);
  Bag bag;
  bag.features = {.colour = FeatureSettings::Colour::Grey, .step = 9, .patches = {16, 24}, .root = true};
  bag.mapping = {.kind = MappingSettings::Kind::Gaussian, .nearest = 4, .base = 2.4, .width = 0.7};
  bag.pooling = {.power = 3, .tiles = {{1, 1}, {2, 2}}, .norm = PoolingSettings::Norm::L2};
  bag.vocabulary.length = 128;
  for (int i = 0; i < kSmallWords * 128; ++i) bag.vocabulary.centres.push_back(static_cast<float>(noise(random) / 8));
  bag.vocabulary.scale = 0.5123456789012345;
  bag.machine = smallMachine(kSmallWords * 5, random);
  bag.preprocess.resize = Preprocess::Resize::Warp;
  bag.preprocess.size = 64;
  bag.classes = {"cat", "größer dog", "\"quoted\""};
  bag.about = {{"data", "voc:VOC2012"}, {"seed", "0"}};
  return bag;
}

}  // namespace relprop::bow::test
