// Cases made by hand: a map, the truth about it, and a linear network that answers for it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "eval/metric.h"
#include "unit/core/failure.h"

namespace relprop::test {

using eval::Case;
using eval::Fill;
using eval::Measured;
using eval::Plane;
using eval::Read;

inline Measured measured(const std::string& protocol, const Case& c) {
  return eval::parseProtocol(protocol).measure(c);
}

inline double score(const Measured& m, const std::string& name) {
  for (const NamedScore& s : m.scores)
    if (s.name == name) return s.value;
  ADD_FAILURE() << "no score " << name << "; skipped: " << m.skipped;
  return 0;
}

inline std::vector<std::string> scoreNames(const Measured& m) {
  std::vector<std::string> names;
  for (const NamedScore& s : m.scores) names.push_back(s.name);
  return names;
}

inline Case caseOf(Plane map) {
  Case c;
  c.picture = "picture";
  c.relevanceShape = {1, map.height, map.width};
  c.relevance = map.values;
  c.inputShape = c.relevanceShape;
  c.map = std::move(map);
  return c;
}

// o object, . background, ? void; as wide as the text is long over `height` rows.
inline Mask maskOf(int height, const std::string& text) {
  Mask mask{static_cast<int>(text.size()) / height, height, {}};
  for (const char c : text)
    mask.values.push_back(c == 'o' ? Mask::kObject : c == '?' ? Mask::kVoid : Mask::kBackground);
  return mask;
}

inline std::vector<float> randomValues(std::size_t count, unsigned seed, float low = -1, float high = 1) {
  std::mt19937 engine(seed);
  std::vector<float> values(count);
  for (float& v : values) v = low + (high - low) * static_cast<float>(engine()) / 4294967296.0f;
  return values;
}

// Few different values, so that many are equal.
inline std::vector<float> coarseValues(std::size_t count, unsigned seed, int levels) {
  std::vector<float> values = randomValues(count, seed, 0, static_cast<float>(levels));
  for (float& v : values) v = std::floor(v) - static_cast<float>(levels / 2);
  return values;
}

// Two classes: the target's logit is w·x, the other one is 0. The copies are made and read from the last to the first
// when `backwards`: metrics may not depend on the order.
struct LinearNet {
  std::vector<float> weights, input;
  bool backwards = false;
  mutable std::vector<std::vector<float>> seen = {};  // every input, in the order of k

  float logit(const std::vector<float>& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(weights[i]) * x[i];
    return static_cast<float>(sum);
  }

  void forward(std::int64_t count, const Fill& fill, const Read& read) const {
    seen.assign(static_cast<std::size_t>(count), std::vector<float>(input.size(), 1e9f));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t k = backwards ? count - 1 - i : i;
      std::vector<float>& x = seen[static_cast<std::size_t>(k)];
      fill(k, x.data());
      const float logits[2] = {0, logit(x)};
      read(k, logits);
    }
  }

  // Input times weights, what such a network's score is the sum of.
  std::vector<float> contributions() const {
    std::vector<float> r = weights;
    for (std::size_t i = 0; i < r.size(); ++i) r[i] *= input[i];
    return r;
  }

  // Explained by `relevance` of C×H×W.
  Case caseWith(Shape shape, const std::vector<float>& relevance) const {
    Case c = caseOf(eval::planeOf(Tensor(shape, relevance)));
    c.relevanceShape = c.inputShape = shape;
    c.relevance = relevance;
    c.input = input.data();
    const auto channels = static_cast<std::size_t>(shape[0]);
    c.black.assign(channels, -2), c.low.assign(channels, -2), c.high.assign(channels, 2);
    c.target = 1;
    c.answer = [](const float* logits) {
      return eval::Answer{logits[1], 1 / (1 + std::exp(static_cast<double>(logits[0]) - logits[1])),
                          logits[1] > logits[0]};
    };
    c.forward = [this](std::int64_t count, const Fill& fill, const Read& read) { forward(count, fill, read); };
    return c;
  }
};

inline LinearNet linearNet(std::size_t inputs, unsigned seed) {
  return {randomValues(inputs, seed), randomValues(inputs, seed + 1000)};
}

}  // namespace relprop::test
