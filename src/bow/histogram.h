// Pooling of mapped features into a histogram, and the way back of relevance from it to features and pixels
// (Bach et al. 2015, layers 2 and 1).
#pragma once

#include <cstdint>
#include <vector>

#include "bow/words.h"

namespace relprop::bow {

// What pooling reads: who is where.
struct Pooled {
  const std::vector<Support>& supports;
  const Mapped& mapped;
  int height = 0, width = 0;  // of the picture
  std::int64_t words = 0;
};

// x_d = (1/M Σ_l m_d(l)^p)^(1/p) over the M features whose centre lies in the tile of d; p = ∞: max. Dimensions are
// tile by tile, words within. values = pooled / norm (as it is where the norm is 0).
struct Histogram {
  std::vector<double> pooled, values;
  double norm = 1;
};
std::int64_t dimensions(std::int64_t words, const PoolingSettings& settings);
Histogram pool(const Pooled& input, const PoolingSettings& settings);

// R_l = Σ_d R_d m_d(l)^p / Σ_l' m_d(l')^p; p = ∞: to the winner, the first of equals. A dimension that nobody maps to
// gives equal parts to all features of its tile, or to all features where its tile has none. Normalisation divides
// every dimension by one positive number, so R of a normalised dimension is that of the pooled one. Without any
// feature nothing is left to give to: the result is empty.
std::vector<double> featureRelevance(const std::vector<double>& dims, const Pooled& input,
                                     const PoolingSettings& settings);

// Every feature's relevance evenly over the pixels it covers; height × width. A feature without pixels, which no
// picture has of itself, gives its relevance to nobody.
std::vector<double> pixelRelevance(const std::vector<double>& features, const std::vector<Cover>& covers, int height,
                                   int width);
// Pixels that no feature covers.
std::int64_t uncovered(const std::vector<Cover>& covers, int height, int width);

}  // namespace relprop::bow
