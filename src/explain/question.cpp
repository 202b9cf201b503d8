#include "explain/question.h"

#include <algorithm>
#include <numeric>

#include "core/softmax.h"

namespace relprop {
namespace {

double probability(const ScoreShape& shape, const float* scores, std::int64_t k) {
  return softmax({scores, scores + shape.classes})[static_cast<std::size_t>(k)];
}

double amount(Seed seed, const ScoreShape& shape, const float* scores, std::int64_t element) {
  if (seed == Seed::One) return 1;
  return seed == Seed::Logit ? scores[element] : probability(shape, scores, element);
}

}  // namespace

std::vector<double> classScores(const ScoreShape& shape, const float* scores) {
  std::vector<double> sums(static_cast<std::size_t>(shape.classes));
  for (std::int64_t c = 0; c < shape.classes; ++c)
    sums[static_cast<std::size_t>(c)] =
        std::accumulate(scores + c * shape.positions, scores + (c + 1) * shape.positions, 0.0);
  return sums;
}

void writeSeed(const Question& t, Seed seed, const ScoreShape& shape, const float* scores, float* out) {
  if (t.kind == Question::Kind::Vector) {
    std::copy(t.vector.begin(), t.vector.end(), out);
    return;
  }
  std::fill_n(out, shape.count(), 0.0f);
  const auto put = [&](std::int64_t channel, double sign) {
    for (std::int64_t i = channel * shape.positions; i < (channel + 1) * shape.positions; ++i)
      out[i] = static_cast<float>(sign * amount(seed, shape, scores, i));
  };
  if (t.kind == Question::Kind::All) {
    for (std::int64_t c = 0; c < shape.classes; ++c) put(c, 1);
    return;
  }
  put(t.index, 1);
  if (t.contrast == Question::Contrast::Class) put(t.against, -1);
  if (t.contrast != Question::Contrast::Others) return;
  for (std::int64_t c = 0; c < shape.classes; ++c)
    for (std::int64_t i = 0; c != t.index && i < shape.positions; ++i)
      out[c * shape.positions + i] = -out[t.index * shape.positions + i] / static_cast<float>(shape.classes - 1);
}

double valueOf(const Question& t, const ScoreShape& shape, const float* scores) {
  std::vector<float> weights(static_cast<std::size_t>(shape.count()));
  writeSeed(t, Seed::One, shape, scores, weights.data());
  return std::inner_product(
      weights.begin(), weights.end(), scores, 0.0, [](double a, double b) { return a + b; },
      [](float w, float s) { return static_cast<double>(w) * s; });
}

}  // namespace relprop
