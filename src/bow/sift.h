// What all features ask of OpenCV's SIFT.
#pragma once

#include <algorithm>
#include <cmath>

namespace relprop::bow {

inline constexpr int kSiftLength = 128;  // numbers of a descriptor

// The layer of SIFT's scale space a patch is read from, as OpenCV packs it: keypoints of this size are found at a blur
// of σ = size/2 = 1.6 · 2^(octave + layer/3), and a descriptor is 6 sizes wide. Smaller patches take the first layer:
// doubling the picture would cost more than all the rest and adds nothing that is in the picture.
inline int packedLayer(int patch) {
  const int third = std::max(0, static_cast<int>(std::lround(3 * std::log2(patch / (12 * 1.6)))));
  return third / 3 | third % 3 << 8;
}

}  // namespace relprop::bow
