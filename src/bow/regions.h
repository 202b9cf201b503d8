// Regions that stand out from what is around them, described by their outline alone: maximally stable extremal regions
// (Matas et al. 2002) and SIFT of their masks (Forssén & Lowe 2007).
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "bow/features.h"

namespace relprop::bow {

// Regions of every channel (8 bits), brighter or darker than what is around them, of 0.6 % to 60 % of the picture, the
// `most` largest, each once for every direction it has, up to 4. A mask is brought to one size about its centre of
// mass, so a descriptor knows neither place, size and angle nor colours and texture. A feature covers the pixels of
// its region; its support is the square that the descriptor looks at, 2.4 √area wide.
LocalFeatures regionFeatures(const std::vector<cv::Mat>& channels, int most, const Again& again = {});

}  // namespace relprop::bow
