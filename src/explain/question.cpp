#include "explain/question.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/softmax.h"

namespace relprop {
namespace {

// Of a score in the seed; `element`: its place among an image's scores.
double amount(Seed seed, const std::vector<double>& p, const float* scores, std::int64_t channel,
              std::int64_t element) {
  if (seed == Seed::One) return 1;
  return seed == Seed::Logit ? scores[element] : p[static_cast<std::size_t>(channel)];
}

// Of those that are classes; the sum is over all.
std::vector<double> softmaxOfScores(const ScoreShape& shape, const float* scores) {
  const std::vector<double> all = softmax({scores, scores + shape.count()});
  std::vector<double> p;
  for (std::int64_t c = 0; c < shape.classes; ++c) p.push_back(all[static_cast<std::size_t>(shape.at(c))]);
  return p;
}

void spreadOverOthers(const Question& t, const ScoreShape& shape, float* out) {
  for (std::int64_t c = 0; c < shape.classes; ++c)
    for (std::int64_t i = 0; c != t.index && i < shape.positions; ++i)
      out[shape.at(c, i)] = -out[shape.at(t.index, i)] / static_cast<float>(shape.classes - 1);
}

void writeVector(const Question& t, const ScoreShape& shape, float* out) {
  for (std::int64_t c = 0; c < shape.classes; ++c)
    for (std::int64_t i = 0; i < shape.positions; ++i)
      out[shape.at(c, i)] = t.vector[static_cast<std::size_t>(c * shape.positions + i)];
}

}  // namespace

double logistic(double z) {
  return 1 / (1 + std::exp(-z));
}

std::vector<double> probabilities(const ScoreShape& shape, const float* scores) {
  std::vector<double> values = classScores(shape, scores);
  if (!shape.hasProbabilities()) return std::vector<double>(values.size(), std::numeric_limits<double>::quiet_NaN());
  switch (shape.head) {
    case HeadKind::None:
    case HeadKind::Softmax:
    case HeadKind::LogSoftmax:
      return softmaxOfScores(shape, scores);
    case HeadKind::Sigmoid:
      for (std::size_t k = 0; k < shape.sigmoids.size(); ++k)
        values[k] = shape.sigmoids[k].slope * values[k] + shape.sigmoids[k].offset;
      std::transform(values.begin(), values.end(), values.begin(), logistic);
      return values;
    case HeadKind::Regression:
      return std::vector<double>(values.size(), std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

std::vector<double> classScores(const ScoreShape& shape, const float* scores) {
  std::vector<double> sums(static_cast<std::size_t>(shape.classes));
  for (std::int64_t c = 0; c < shape.classes; ++c)
    for (std::int64_t i = 0; i < shape.positions; ++i) sums[static_cast<std::size_t>(c)] += scores[shape.at(c, i)];
  return sums;
}

void writeSeed(const Question& t, Seed seed, const ScoreShape& shape, const float* scores, float* out) {
  std::fill_n(out, shape.count(), 0.0f);
  const std::vector<double> p = seed == Seed::Probability ? probabilities(shape, scores) : std::vector<double>();
  const auto put = [&](std::int64_t channel, double sign) {
    for (std::int64_t i = 0; i < shape.positions; ++i) {
      const std::int64_t element = shape.at(channel, i);
      out[element] = static_cast<float>(sign * amount(seed, p, scores, channel, element));
    }
  };
  if (t.kind == Question::Kind::Vector) return writeVector(t, shape, out);
  if (t.kind == Question::Kind::All) {
    for (std::int64_t c = 0; c < shape.classes; ++c) put(c, 1);
    return;
  }
  const double sign = t.negated ? -1 : 1;
  put(t.index, sign);
  if (t.contrast == Question::Contrast::Class) put(t.against, -sign);
  if (t.contrast == Question::Contrast::Others) spreadOverOthers(t, shape, out);
}

double valueOf(const Question& t, const ScoreShape& shape, const float* scores) {
  std::vector<float> weights(static_cast<std::size_t>(shape.count()));
  writeSeed(t, Seed::One, shape, scores, weights.data());
  return std::inner_product(
      weights.begin(), weights.end(), scores, 0.0, [](double a, double b) { return a + b; },
      [](float w, float s) { return static_cast<double>(w) * s; });
}

}  // namespace relprop
