// Local features: SIFT descriptors (Lowe 2004) and the pixels each was computed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bow/again.h"
#include "bow/settings.h"

namespace relprop::bow {

// The square patch of a feature: its centre in pixels (pixel i covers [i, i + 1)) and half its side.
struct Support {
  float x = 0, y = 0, radius = 0;
};
// Pixels whose centres lie in the patch, clipped to the picture: [left, right) × [top, bottom). Empty where it has
// none.
struct Area {
  int left = 0, top = 0, right = 0, bottom = 0;
  std::int64_t pixels() const { return std::int64_t{right - left} * (bottom - top); }
};
Area areaOf(const Support& support, int height, int width);

// The pixels a feature was computed from, as rectangles that do not overlap.
using Cover = std::vector<Area>;
std::int64_t pixelsOf(const Cover& cover);

struct LocalFeatures {
  std::vector<Support> supports;
  std::vector<Cover> covers;  // of each: the area of its patch, or the pixels of its region
  std::int64_t length = 0;    // of a descriptor: 128 a channel; 128 of a region
  std::vector<float> descriptors;
  std::size_t count() const { return supports.size(); }
  const float* descriptor(std::size_t l) const { return descriptors.data() + l * static_cast<std::size_t>(length); }
};

std::int64_t descriptorLength(const FeatureSettings& settings);

// picture: 3×height×width, red first, values 0 to 255 (rounded to whole numbers, as SIFT is defined on). Places come
// row by row, patch size by patch size; patches of the grid lie in the picture, what is left over is halved between
// both ends; each is centred on a pixel, as SIFT's are. A picture smaller than every patch has none. Keypoints come
// strongest first, with the direction that was found; those of the grid are upright. Regions: see regions.h.
// `again` is asked before each channel and each region.
LocalFeatures localFeatures(const float* picture, int height, int width, const FeatureSettings& settings,
                            const Again& again = {});

}  // namespace relprop::bow
