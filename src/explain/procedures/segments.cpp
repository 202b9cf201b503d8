#include "explain/procedures/segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "explain/procedures/blur.h"
#include "explain/procedures/procedures.h"
#include "relprop/error.h"

namespace relprop {
namespace {

struct ChannelRange {
  double low, high;
};

std::vector<ChannelRange> rangesOf(const Session& session, const float* input) {
  const auto channels = static_cast<std::size_t>(session.imageShape()[0]);
  if (const auto& bounds = session.bounds(); bounds && bounds->low.size() == channels) {
    std::vector<ChannelRange> ranges;
    for (std::size_t c = 0; c < channels; ++c) ranges.push_back({bounds->low[c], bounds->high[c]});
    return ranges;
  }
  const auto [low, high] = std::minmax_element(input, input + session.imageFloats());
  return std::vector<ChannelRange>(channels, {*low, *high});
}

// A share of the range, from 0 to 1.
double shareOf(float value, const ChannelRange& range) {
  return range.high > range.low ? std::clamp((value - range.low) / (range.high - range.low), 0.0, 1.0) : 0;
}

std::uint8_t byteOf(double share) {
  return static_cast<std::uint8_t>(std::lround(share * 255));
}

double compactnessOf(Parameters& p) {
  const float value = p.number("compactness", 10);
  if (value > 0 && value <= 1000) return value;
  throw Error(ErrorCode::InvalidMethodParameter, "method, compactness", fmt::format("{}", value),
              "a number above 0, at most 1000");
}

// What differs by rounding alone does not differ: scores are of float32. A probability near 1 is as exact as its
// distance to 1, until double holds no more of that.
void level(std::vector<double>& values, bool probability) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double size = std::max(std::abs(*low), std::abs(*high));
  const double rounded = 0x1p-23 * (probability ? std::min(size, std::abs(1 - *low)) : size) + 0x1p-50 * size;
  if (std::isfinite(size) && *high - *low <= rounded) values.assign(values.size(), double{values.front()});
}

Baseline baselineFor(const std::string& fill) {
  return {fill == "mean" ? Baseline::Kind::Mean : fill == "black" ? Baseline::Kind::Black : Baseline::Kind::Zero, ""};
}

}  // namespace

std::vector<std::uint8_t> coloursOf(const Session& session, const float* input) {
  const auto channels = static_cast<std::size_t>(session.imageShape()[0]);
  const auto count = static_cast<std::size_t>(session.imageFloats()) / channels;
  const std::vector<ChannelRange> ranges = rangesOf(session, input);
  std::vector<std::uint8_t> rgb(3 * count);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> shares;
    for (std::size_t c = 0; c < channels; ++c) shares.push_back(shareOf(input[c * count + i], ranges[c]));
    double mean = 0;
    for (const double share : shares) mean += share / static_cast<double>(channels);
    for (std::size_t k = 0; k < 3; ++k) rgb[3 * i + k] = byteOf(channels == 3 ? shares[k] : mean);
  }
  return rgb;
}

SegmentOptions segmentOptionsOf(Parameters& p, const std::string& fill, const std::string& value) {
  SegmentOptions o;
  o.samples = p.whole("samples", 1000, 2, 1000000);
  o.segments = p.whole("segments", 50, 1, 1000);
  o.compactness = compactnessOf(p);
  o.fill = p.word("fill", fill, {"segment", "zero", "mean", "black", "blur"});
  o.probability = p.word("value", value, {"score", "probability"}) == "probability";
  o.seed = rngOf(p);
  return o;
}

Method segmentMethod(const SegmentOptions& options, std::shared_ptr<const Procedure> procedure) {
  Method m = forwardOnly(std::move(procedure));
  m.baseline = baselineFor(options.fill);
  return m;
}

SegmentGame::SegmentGame(Session& session, const Subject& subject, const SegmentOptions& options)
    : session_(session), subject_(subject), options_(options) {
  const Shape plane = planeOf(session);
  segments_ = superpixels(coloursOf(session, subject.input), static_cast<int>(plane[1]), static_cast<int>(plane[2]),
                          options.segments, options.compactness);
  cover_ = cover();
}

// A blur over a sixteenth of the shorter side leaves nothing of a segment's own shape.
std::vector<float> SegmentGame::cover() const {
  const Shape& image = session_.imageShape();
  if (options_.fill == "segment") return segmentMeans();
  if (options_.fill == "blur")
    return blurred(subject_.input, image, static_cast<double>(std::min(image[1], image[2])) / 16);
  return session_.baseline(subject_.input);
}

std::vector<float> SegmentGame::segmentMeans() const {
  const auto plane = static_cast<std::size_t>(elementCount(planeOf(session_)));
  std::vector<float> means(static_cast<std::size_t>(session_.imageFloats()));
  for (std::size_t channel = 0; channel < means.size(); channel += plane)
    for (const auto& segment : segments_) {
      double sum = 0;
      for (const std::uint32_t i : segment) sum += subject_.input[channel + i];
      for (const std::uint32_t i : segment)
        means[channel + i] = static_cast<float>(sum / static_cast<double>(segment.size()));
    }
  return means;
}

void SegmentGame::fill(const Coalition& coalition, float* to) const {
  const auto plane = static_cast<std::size_t>(elementCount(planeOf(session_)));
  const auto count = static_cast<std::size_t>(session_.imageFloats());
  std::copy_n(subject_.input, count, to);
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    if (coalition[s]) continue;
    for (std::size_t channel = 0; channel < count; channel += plane)
      for (const std::uint32_t i : segments_[s]) to[channel + i] = cover_[channel + i];
  }
}

std::vector<std::vector<double>> SegmentGame::values(const std::vector<Coalition>& coalitions) const {
  const std::vector<Question>& questions = subject_.questions;
  std::vector<std::vector<double>> all(questions.size(), std::vector<double>(coalitions.size()));
  session_.forward(
      static_cast<std::int64_t>(coalitions.size()),
      [&](std::int64_t k, float* to) { fill(coalitions[static_cast<std::size_t>(k)], to); },
      [&](std::int64_t k, const Session::Row& row) {
        for (std::size_t q = 0; q < questions.size(); ++q)
          all[q][static_cast<std::size_t>(k)] = options_.probability
                                                    ? probabilityOf(questions[q], session_.scoreShape(), row.scores())
                                                    : valueOf(questions[q], session_.scoreShape(), row.scores());
      });
  for (std::vector<double>& values : all) level(values, options_.probability);
  return all;
}

Attribution SegmentGame::drawn(const std::vector<double>& weights, Spread spread) const {
  Attribution out = planes(session_, 1)[0];
  out.whyZero = "covering a segment changes nothing; try another fill=";
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const double parts = spread == Spread::Parts ? static_cast<double>(segments_[s].size()) : 1;
    for (const std::uint32_t i : segments_[s]) out.map[i] = weights[s] / parts;
  }
  return out;
}

NormalEquations::NormalEquations(const std::vector<Coalition>& all, const std::vector<double>& pi)
    : coalitions(all), weights(pi), matrix(all.at(0).size() + 1) {
  const std::size_t last = matrix.n - 1;
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::vector<std::size_t> present;
    for (std::size_t s = 0; s < last; ++s)
      if (all[k][s]) present.push_back(s);
    present.push_back(last);
    for (const std::size_t i : present)
      for (const std::size_t j : present) matrix.at(i, j) += pi[k];
  }
}

std::vector<double> NormalEquations::sidesOf(const std::vector<double>& f) const {
  std::vector<double> sides(matrix.n);
  for (std::size_t k = 0; k < coalitions.size(); ++k) {
    for (std::size_t s = 0; s + 1 < matrix.n; ++s)
      if (coalitions[k][s]) sides[s] += weights[k] * f[k];
    sides.back() += weights[k] * f[k];
  }
  return sides;
}

}  // namespace relprop
