// A picture's pixels in regions.
#pragma once

#include <cstdint>
#include <vector>

namespace relprop {

using Regions = std::vector<std::vector<std::uint32_t>>;  // each one's pixels, row by row

// Squares from the upper left; the last row and column may be narrower.
Regions gridRegions(int height, int width, int side);

// SLIC: k-means of (colour in CIELAB, place) about `count` centres that start on a grid of step S = √(pixels/count), a
// pixel going to the least of |Δcolour|² + (compactness/S)²·|Δplace|² among the centres within 2·S; ten rounds. Parts
// that hang together but are smaller than a quarter of S² join a neighbour. About `count` regions come out.
//                                                                     [Achanta et al. 2012]
// rgb: height × width × 3, sRGB.
Regions superpixels(const std::vector<std::uint8_t>& rgb, int height, int width, int count, double compactness = 10);

// Pixels, blurred by a Gaussian of `sigma`, join their eight neighbours in the order of |Δcolour| (of bytes): regions A
// and B do where that is below Int + scale/size of either, Int the greatest difference that joined it before. Then
// regions of fewer than `least` pixels join, in the same order. [Felzenszwalb & Huttenlocher, IJCV 2004]
Regions mergedRegions(const std::vector<std::uint8_t>& rgb, int height, int width, double scale, int least,
                      double sigma = 0.8);

}  // namespace relprop
