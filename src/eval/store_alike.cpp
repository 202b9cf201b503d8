#include "eval/store_alike.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <tuple>

#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop::eval {
namespace {

constexpr double kScoreRounding = 1e-3;
constexpr int kPixelRounding = 2;

bool areWithin(double a, double b, double scale) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
  return a == b || (std::isfinite(a) && std::isfinite(b) && std::abs(a - b) <= kScoreRounding * scale);
}

bool areScoresAlike(double a, double b) {
  return areWithin(a, b, std::max(std::abs(a), std::abs(b)));
}

template <class Number>
double largestOf(const std::vector<Number>& numbers) {
  double largest = 0;
  for (const Number number : numbers)
    if (std::isfinite(number)) largest = std::max(largest, std::abs(double{number}));
  return largest;
}

// Against the largest of them: those near 0 are what rounding leaves of larger ones.
template <class Number>
bool areRowsAlike(const std::vector<Number>& a, const std::vector<Number>& b) {
  const double scale = std::max(largestOf(a), largestOf(b));
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](Number one, Number other) { return areWithin(one, other, scale); });
}

bool areCurvesAlike(const Curve& a, const Curve& b) {
  return a.name == b.name && a.abscissa == b.abscissa && areRowsAlike(a.x, b.x) && areRowsAlike(a.y, b.y);
}

// A store need not have labels.
bool areLabelsAlike(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b;
}

// The same pixels need not be the same bytes.
bool arePicturesAlike(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.empty() || b.empty() || a == b) return true;
  try {
    const Image one = decodeImage(a, "kept picture"), other = decodeImage(b, "kept picture");
    return one.width == other.width && one.height == other.height &&
           std::equal(one.pixels.begin(), one.pixels.end(), other.pixels.begin(), other.pixels.end(),
                      [](int left, int right) { return std::abs(left - right) <= kPixelRounding; });
  } catch (const Error& error) {
    if (error.code() == ErrorCode::OutOfMemory) throw;
    return false;
  }
}

}  // namespace

bool areAlike(const ModelFacts& a, const ModelFacts& b) {
  return std::tie(a.hash, a.preprocess, a.inputShape) == std::tie(b.hash, b.preprocess, b.inputShape);
}

bool areAlike(const PictureFacts& a, const PictureFacts& b) {
  const auto classes = [](const PictureFacts& p) { return std::tie(p.trueClass, p.predictedClass, p.targetClass); };
  return classes(a) == classes(b) && areLabelsAlike(a.trueLabel, b.trueLabel) &&
         areLabelsAlike(a.predictedLabel, b.predictedLabel) && areLabelsAlike(a.targetLabel, b.targetLabel) &&
         areWithin(a.targetProbability, b.targetProbability, 1.0) && arePicturesAlike(a.view, b.view) &&
         arePicturesAlike(a.truth, b.truth);
}

bool areAlike(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && areRowsAlike(a.data, b.data);
}

bool areAlike(const Result& a, const Result& b) {
  std::map<std::string, double> there;
  for (const NamedScore& score : a.scores) there[score.name] = score.value;
  const auto isThere = [&](const NamedScore& score) {
    const auto found = there.find(score.name);
    return found != there.end() && areScoresAlike(found->second, score.value);
  };
  return a.scores.size() == b.scores.size() && std::all_of(b.scores.begin(), b.scores.end(), isThere) &&
         std::equal(a.curves.begin(), a.curves.end(), b.curves.begin(), b.curves.end(), areCurvesAlike);
}

}  // namespace relprop::eval
