#include "bow/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bow/kernels.h"
#include "core/limits.h"

namespace relprop::bow {

namespace {

constexpr std::int64_t kMaxBlocks = 256, kMaxFeatures = std::int64_t{1} << 20;
// What a bag of few bytes may make of a small picture. Looking for regions takes longest, and nobody can stop it.
constexpr std::int64_t kMaxPixels = limits::kImagePixelsOfAnyFile, kMaxPixelsForRegions = kMaxPixels / 4;

void requireNumber(const Place& place, const std::string& key, double value, double low, double high) {
  if (!(value >= low && value <= high))
    rejectSetting(place, key, fmt::format("{}", value), fmt::format("a number from {} to {}", low, high));
}

void requireCount(const Place& place, const std::string& key, std::size_t count, const char* what) {
  constexpr std::size_t most = 16;
  if (count < 1 || count > most)
    rejectSetting(place, key, fmt::format("{} {}", count, what), fmt::format("1 to {}", most));
}

// Before the crop; of Resize::ShorterSide the least, as the other side is the picture's matter.
std::int64_t resizedPixels(const Preprocess& p) {
  if (p.resize == Preprocess::Resize::None) return 0;
  const bool own = p.sides == std::array{0, 0};
  return own ? std::int64_t{p.size} * p.size : std::int64_t{p.sides[0]} * p.sides[1];
}

}  // namespace

std::array<std::int64_t, 2> fixedSize(const Preprocess& p) {
  if (p.crop != std::array{0, 0}) return {p.crop[0], p.crop[1]};
  if (p.resize == Preprocess::Resize::None || p.resize == Preprocess::Resize::ShorterSide) return {0, 0};
  if (p.sides != std::array{0, 0}) return {p.sides[0], p.sides[1]};
  return {p.size, p.size};
}

void rejectSetting(const Place& place, const std::string& key, const std::string& got, const std::string& expected) {
  throw Error(place.code, place.where.empty() ? key : place.where + ", " + key, got, expected);
}

void requireWithin(const Place& place, const std::string& key, std::int64_t value, std::int64_t low,
                   std::int64_t high) {
  if (value < low || value > high)
    rejectSetting(place, key, fmt::format("{}", value), fmt::format("a whole number from {} to {}", low, high));
}

void checkFeatures(const FeatureSettings& settings, const Place& place) {
  requireWithin(place, "step", settings.step, 1, 256);
  requireCount(place, "patches", settings.patches.size(), "sizes");
  for (const int side : settings.patches) requireWithin(place, "patches", side, 8, 512);
  requireWithin(place, "keypoints", settings.keypoints, 1, 100000);
}

void checkMapping(const MappingSettings& settings, std::int64_t words, const Place& place) {
  requireWithin(place, "words", words, 1, kMaxWords);
  requireWithin(place, "nearest", settings.nearest, 1, std::min<std::int64_t>(64, words));
  requireNumber(place, "base", settings.base, 1, 100);
  requireNumber(place, "width", settings.width, 1e-3, 1e3);
}

void checkPooling(const PoolingSettings& settings, std::int64_t words, const Place& place) {
  const char* key = place.where.empty() ? "pool, power" : "power";  // as the option and as files call it
  if (settings.power != kMaximum) requireNumber(place, key, settings.power, 1, 64);
  requireCount(place, "tiles", settings.tiles.size(), "grids");
  std::int64_t blocks = 0;
  for (const auto& [rows, columns] : settings.tiles) {
    for (const int side : {rows, columns}) requireWithin(place, "tiles", side, 1, 16);
    blocks += std::int64_t{rows} * columns;
  }
  requireWithin(place, "tiles in all", blocks, 1, kMaxBlocks);
  requireWithin(place, "words in all tiles", words * blocks, 1, kMaxDimensions);
}

void checkKernels(const std::vector<KernelTerm>& kernels, bool gammaOpen, const Place& place) {
  requireCount(place, "kernels", kernels.size(), "kernels");
  double weight = 0;
  for (const KernelTerm& term : kernels) {
    const bool used = !isSumOverDimensions(term.kind), open = gammaOpen && term.gamma == 0;
    requireNumber(place, "gamma", term.gamma, used && !open ? 1e-12 : 0, kMaxValue);
    requireNumber(place, "beta", term.beta, 0, kMaxValue);
    weight += term.beta;
  }
  if (weight == 0) rejectSetting(place, "beta", "0 for every kernel", "one above 0");
}

void checkPicturePreprocess(const Preprocess& preprocess, const FeatureSettings& features, const Place& place) {
  const auto all = [](const std::vector<double>& values, double value) {
    return std::all_of(values.begin(), values.end(), [&](double v) { return v == value; });
  };
  if (preprocess.bgr || preprocess.scale != 1 || !all(preprocess.mean, 0) || !all(preprocess.std, 1))
    rejectSetting(place, "preprocess", "another order or range of colours", "RGB, scale 1, mean 0, std 1");
  const bool regions = features.places == FeatureSettings::Places::Regions;
  requireWithin(place, "pixels of a resized picture", resizedPixels(preprocess), 0,
                regions ? kMaxPixelsForRegions : kMaxPixels);
  const auto [height, width] = fixedSize(preprocess);
  checkPictureSize(height, width, features, place);
}

void checkPictureSize(std::int64_t height, std::int64_t width, const FeatureSettings& features, const Place& place) {
  requireWithin(place, "height of a picture", height, 0, kMaxPixels);
  requireWithin(place, "width of a picture", width, 0, kMaxPixels);
  requireWithin(place, "pixels of a picture", height * width, 0, kMaxPixels);
  if (features.places != FeatureSettings::Places::Grid) return;
  const std::int64_t places = (height / features.step) * (width / features.step);
  requireWithin(place, "features of a picture", places * static_cast<std::int64_t>(features.patches.size()), 0,
                kMaxFeatures);
}

}  // namespace relprop::bow
