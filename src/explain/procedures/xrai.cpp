// XRAI: regions in the order of the attribution they bring. A is the mean of integrated gradients from black and from
// white, summed over channels; S are overlapping segments of several scales. Again and again the segment with the most
// attribution a new pixel, Σ_{i∈s∖M} A_i / |s∖M|, joins the mask M, and its new pixels get that density as their value.
// Kapishnikov, Bolukbasi, Viégas & Terry, ICCV 2019, algorithm 1; values as in the authors' program. The paper's
// segments are Felzenszwalb's at six scales; regions=slic has SLIC's, about 8, 16, 32, … of them. Both are grown by
// `dilate` pixels.
#include <algorithm>
#include <cmath>

#include "explain/procedures/path.h"
#include "explain/procedures/procedures.h"
#include "explain/procedures/segments.h"
#include "relprop/error.h"

namespace relprop {
namespace {

constexpr int kCoarsest = 8;  // SLIC's segments of the first scale

// Of the authors' program, for colours from -1 to 1 and divided by 255 there, so by 2 for bytes; and the least pixels
// of a segment. They are for pictures of 224×224 pixels, to which it brings every picture: here they grow with it.
constexpr double kFelzenszwalbScales[] = {50, 100, 150, 250, 500, 1200};
constexpr double kFelzenszwalbLeast = 150, kFelzenszwalbPixels = 224 * 224;

// Felzenszwalb's segments of one of the scales.
Regions likeColours(const std::vector<std::uint8_t>& rgb, int height, int width, int scale) {
  const double size = height * width / kFelzenszwalbPixels;
  return mergedRegions(rgb, height, width, kFelzenszwalbScales[scale] / 2 * size,
                       std::max(1, static_cast<int>(std::lround(kFelzenszwalbLeast * size))));
}

Regions alikeInSize(const std::vector<std::uint8_t>& rgb, int height, int width, int scale) {
  return superpixels(rgb, height, width, kCoarsest << scale);
}

using Segmentation = Regions (*)(const std::vector<std::uint8_t>&, int, int, int);

// Each region with what lies within `radius` of it.
Regions grown(Regions regions, int height, int width, int radius) {
  for (std::vector<std::uint32_t>& region : regions) {
    std::vector<bool> has(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
    for (const std::uint32_t i : region)
      for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
          const int y = static_cast<int>(i) / width + dy, x = static_cast<int>(i) % width + dx;
          const bool inside = y >= 0 && y < height && x >= 0 && x < width && dy * dy + dx * dx <= radius * radius;
          if (inside) has[static_cast<std::size_t>(y * width + x)] = true;
        }
    region.clear();
    for (std::size_t i = 0; i < has.size(); ++i)
      if (has[i]) region.push_back(static_cast<std::uint32_t>(i));
  }
  return regions;
}

double densityOf(const std::vector<std::uint32_t>& pixels, const std::vector<double>& attribution) {
  double sum = 0;
  for (const std::uint32_t i : pixels) sum += attribution[i];
  return sum / static_cast<double>(pixels.size());
}

// What is left of segments once others took their pixels, and how dense that is.
struct Candidates {
  Regions segments;
  std::vector<double> gains;
};

// Without the pixels that are taken, and without segments that have fewer than `least` others.
Candidates remaining(Candidates all, const std::vector<bool>& taken, std::size_t least,
                     const std::vector<double>& attribution) {
  Candidates left;
  for (auto& segment : all.segments) {
    std::erase_if(segment, [&](std::uint32_t i) { return taken[i]; });
    if (segment.empty() || segment.size() < least) continue;
    left.gains.push_back(densityOf(segment, attribution));
    left.segments.push_back(std::move(segment));
  }
  return left;
}

// Of equally dense segments the first one goes; pixels that none is left for get their own density.
std::vector<double> byGain(const Regions& segments, const std::vector<double>& attribution, std::size_t least) {
  std::vector<double> map(attribution.size());
  std::vector<bool> taken(map.size());
  const auto take = [&](const std::vector<std::uint32_t>& pixels, double density) {
    for (const std::uint32_t i : pixels) map[i] = density, taken[i] = true;
  };
  Candidates left = remaining({segments, {}}, taken, least, attribution);
  while (!left.segments.empty()) {
    const auto best =
        static_cast<std::size_t>(std::max_element(left.gains.begin(), left.gains.end()) - left.gains.begin());
    take(left.segments[best], left.gains[best]);
    left = remaining(std::move(left), taken, least, attribution);
  }
  std::vector<std::uint32_t> rest;
  for (std::size_t i = 0; i < taken.size(); ++i)
    if (!taken[i]) rest.push_back(static_cast<std::uint32_t>(i));
  if (!rest.empty()) take(rest, densityOf(rest, attribution));
  return map;
}

class Xrai : public Procedure {
 public:
  Xrai(int steps, Segmentation segments, int scales, int dilate, int least)
      : points_(gaussLegendre(steps)), cut_(segments), scales_(scales), dilate_(dilate), least_(least) {}

  std::vector<Attribution> explain(Session& session, const Subject& subject) const override {
    const std::vector<std::vector<double>> attributions = attributionsOf(session, subject);
    const Regions segments = segmentsOf(session, subject);
    std::vector<Attribution> out = planes(session, attributions.size());
    for (std::size_t q = 0; q < out.size(); ++q) {
      out[q].map = byGain(segments, attributions[q], static_cast<std::size_t>(least_));
      out[q].facts = {{"segments", static_cast<double>(segments.size())}};
    }
    return out;
  }

 private:
  std::vector<std::vector<double>> attributionsOf(Session& session, const Subject& subject) const {
    const auto plane = static_cast<std::size_t>(elementCount(planeOf(session)));
    std::vector<std::vector<double>> sums(subject.questions.size(), std::vector<double>(plane));
    for (const bool white : {false, true}) {
      const std::vector<Attribution> maps = pathGradients(session, subject, extreme(session, white), points_);
      for (std::size_t q = 0; q < maps.size(); ++q)
        for (std::size_t i = 0; i < maps[q].map.size(); ++i) sums[q][i % plane] += maps[q].map[i] / 2;
    }
    return sums;
  }

  // A black or a white picture.
  static std::vector<float> extreme(const Session& session, bool white) {
    const auto& bounds = session.bounds();
    const auto n = static_cast<std::size_t>(session.imageFloats());
    if (!bounds || static_cast<std::int64_t>(bounds->low.size()) != session.imageShape()[0])
      throw Error(ErrorCode::NotSupportedByMethod, "xrai", "no pixel range",
                  "the lowest and highest value of each channel", "give the preprocessing (--preprocess)");
    std::vector<float> picture(n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t channel = i / (n / bounds->low.size());
      picture[i] = white ? bounds->high[channel] : bounds->low[channel];
    }
    return picture;
  }

  Regions segmentsOf(const Session& session, const Subject& subject) const {
    const Shape plane = planeOf(session);
    const auto height = static_cast<int>(plane[1]), width = static_cast<int>(plane[2]);
    const std::vector<std::uint8_t> rgb = coloursOf(session, subject.input);
    Regions all;
    for (int scale = 0; scale < scales_; ++scale)
      for (auto& region : grown(cut_(rgb, height, width, scale), height, width, dilate_))
        all.push_back(std::move(region));
    return all;
  }

  std::vector<PathPoint> points_;
  Segmentation cut_;
  int scales_, dilate_, least_;
};

}  // namespace

Method xrai(Parameters& p) {
  Method m = gradientOfScore();
  const bool slic = p.word("regions", "felzenszwalb", {"felzenszwalb", "slic"}) == "slic";
  const int steps = p.whole("steps", 50, 1, 4096), scales = p.whole("scales", 6, 1, slic ? 8 : 6),
            dilate = p.whole("dilate", 5, 0, 50), least = p.whole("least", 50, 1, 1000000);
  m.procedure = std::make_shared<Xrai>(steps, slic ? alikeInSize : likeColours, scales, dilate, least);
  return m;
}

}  // namespace relprop
