// A case whose network is one matrix: what every metric of perturbed pictures makes of it can be computed by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "eval/metric.h"
#include "unit/core/failure.h"

namespace relprop::eval::test {

using Picture = std::vector<float>;  // C×H×W

// The network has more classes than one and sees every channel of every pixel. forward keeps what it was given.
class ToyCase {
 public:
  ToyCase(int channels, int height, int width, unsigned seed = 1) : random_(seed) {
    const auto count = static_cast<std::size_t>(channels * height * width);
    picture_ = draw(count);
    for (int k = 0; k < 3; ++k) weights_.push_back(draw(count));
    case_.picture = "toy";
    case_.inputShape = {channels, height, width};
    case_.input = picture_.data();
    case_.map = {height, width, draw(count / static_cast<std::size_t>(channels))};
    for (int c = 0; c < channels; ++c) {
      const auto step = static_cast<float>(c);
      case_.black.push_back(-2 - step), case_.low.push_back(-2 - step), case_.high.push_back(3 + step);
    }
    case_.target = 1;
    case_.answer = [this](const float* said) { return answerTo(said); };
    case_.forward = [this](std::int64_t count, const Fill& fill, const Read& read) { run(count, fill, read); };
  }
  ToyCase(const ToyCase&) = delete;

  Case& operator*() { return case_; }
  Case* operator->() { return &case_; }
  const Picture& picture() const { return picture_; }
  std::size_t pixels() const { return case_.map.count(); }
  void constantNetwork() {
    for (Picture& row : weights_) std::fill(row.begin(), row.end(), 0.0f);
  }

  std::vector<double> logits(const Picture& x) const {
    std::vector<double> out;
    for (const Picture& row : weights_) {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += row[i] * x[i];
      out.push_back(static_cast<float>(sum));
    }
    return out;
  }
  double logit(const Picture& x) const { return logits(x)[static_cast<std::size_t>(case_.target)]; }
  double probability(const Picture& x) const {
    double sum = 0;
    for (const double v : logits(x)) sum += std::exp(v);
    return std::exp(logit(x)) / sum;
  }
  bool correct(const Picture& x) const {
    for (const double v : logits(x))
      if (v > logit(x)) return false;
    return true;
  }

  // The pixels of `from` with those in `pixels` taken from `other`, all channels of each.
  Picture with(const Picture& from, const Picture& other, const std::vector<std::size_t>& pixels) const {
    Picture out = from;
    for (const std::size_t pixel : pixels)
      for (std::size_t i = pixel; i < out.size(); i += this->pixels()) out[i] = other[i];
    return out;
  }
  Picture filled(const std::vector<float>& byChannel) const {
    Picture out;
    for (const float v : byChannel) out.insert(out.end(), pixels(), v);
    return out;
  }

  // Protocols measured on the case; `inputs` then holds the pictures the network was given.
  Measured measure(const std::string& protocol) {
    inputs.clear(), calls = 0;
    return parseProtocol(protocol).measure(case_);
  }
  std::vector<Picture> inputs;
  int calls = 0;
  std::int64_t batch = 4;

 private:
  Picture draw(std::size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = static_cast<float>(random_()) / 4294967296.0f - 0.5f;
    return values;
  }

  // Of a softmax over the classes.
  Answer answerTo(const float* said) const {
    double sum = 0;
    for (int k = 0; k < 3; ++k) sum += std::exp(static_cast<double>(said[k]));
    const float target = said[case_.target];
    return {target, std::exp(static_cast<double>(target)) / sum,
            std::max_element(said, said + 3) == said + case_.target};
  }

  // As the engine does it: all inputs of a batch are written before the first of its outputs is read.
  void run(std::int64_t count, const Fill& fill, const Read& read) {
    ++calls;
    for (std::int64_t first = 0; first < count; first += batch) {
      const std::int64_t end = std::min(count, first + batch);
      for (std::int64_t k = first; k < end; ++k) {
        inputs.emplace_back(picture_.size(), std::nanf(""));
        fill(k, inputs.back().data());
      }
      for (std::int64_t k = first; k < end; ++k) {
        const std::vector<double> exact = logits(inputs[static_cast<std::size_t>(k)]);
        const std::vector<float> scores(exact.begin(), exact.end());
        read(k, scores.data());
      }
    }
  }

  std::mt19937 random_;
  Picture picture_;
  std::vector<Picture> weights_;
  Case case_;
};

// RISE's blur, written out: a Gaussian of σ = 5 (cut off at 4σ, mirrored at the border) of a lone 1 amid 11×11 zeros is
// the kernel; the picture is zero beyond its border.
inline Picture naiveBlur(const Picture& x, int channels, int height, int width) {
  const auto mirror = [](int i) {
    while (i < 0 || i > 10) i = i < 0 ? -1 - i : 21 - i;
    return i;
  };
  double kernel[11][11] = {}, total = 0;
  for (int dy = -20; dy <= 20; ++dy)
    for (int dx = -20; dx <= 20; ++dx) total += std::exp(-(dy * dy + dx * dx) / 50.0);
  for (int y = 0; y < 11; ++y)
    for (int x0 = 0; x0 < 11; ++x0)
      for (int dy = -20; dy <= 20; ++dy)
        for (int dx = -20; dx <= 20; ++dx)
          if (mirror(y + dy) == 5 && mirror(x0 + dx) == 5)
            kernel[y][x0] += std::exp(-(dy * dy + dx * dx) / 50.0) / total;
  Picture out(x.size());
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < height; ++y)
      for (int x0 = 0; x0 < width; ++x0) {
        double sum = 0;
        for (int ky = -5; ky <= 5; ++ky)
          for (int kx = -5; kx <= 5; ++kx)
            if (y + ky >= 0 && y + ky < height && x0 + kx >= 0 && x0 + kx < width)
              sum += kernel[ky + 5][kx + 5] * x[static_cast<std::size_t>((c * height + y + ky) * width + x0 + kx)];
        out[static_cast<std::size_t>((c * height + y) * width + x0)] = static_cast<float>(sum);
      }
  return out;
}

// Pixels by selection: the best one that is left, the first of equal ones.
inline std::vector<std::size_t> naiveOrder(const std::vector<float>& values, bool decreasing) {
  std::vector<std::size_t> order;
  std::vector<bool> taken(values.size());
  while (order.size() < values.size()) {
    std::size_t best = values.size();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!taken[i] && (best == values.size() || (decreasing ? values[i] > values[best] : values[i] < values[best])))
        best = i;
    taken[best] = true;
    order.push_back(best);
  }
  return order;
}

// Of a curve over [0, 1] at even steps.
inline double trapezoid(const std::vector<double>& y) {
  double area = 0;
  for (std::size_t i = 1; i < y.size(); ++i) area += 0.5 * (y[i - 1] + y[i]) / static_cast<double>(y.size() - 1);
  return area;
}

// The protocol has to be refused because of a parameter.
inline void expectError(const std::string& protocol, const std::string& where, const std::string& got,
                        const std::string& expected) {
  SCOPED_TRACE(protocol);
  const Error error = relprop::test::failureOf([&] { parseProtocol(protocol); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidMetricParameter);
  EXPECT_EQ(error.where(), where);
  EXPECT_EQ(error.got(), got);
  EXPECT_EQ(error.expected(), expected);
}

}  // namespace relprop::eval::test
