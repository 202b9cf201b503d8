// What a bag of visual words is made of, as data: how features are taken, mapped to words, pooled and compared.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace relprop::bow {

struct FeatureSettings {
  enum class Places { Grid, Keypoints, Regions } places = Places::Grid;
  enum class Colour { Grey, Rgb, Opponent } colour = Colour::Grey;  // a descriptor a channel; of regions: where to look
  int step = 6;                                                     // of the grid, in pixels
  std::vector<int> patches = {16, 24, 32};                          // sides of the square patches, in pixels
  bool root = true;      // RootSIFT: square roots of the l1-normalised descriptor
  int keypoints = 2000;  // at most so many, of Places::Keypoints and Regions
};

// m_d(l) of the `nearest` words by distance: Hard gives 1 to the nearest; Rank base^−rank with rank 1 for the nearest;
// Gaussian exp(−distance²/(2σ²)), σ = width · Vocabulary::scale. All others are 0.
struct MappingSettings {
  enum class Kind { Hard, Rank, Gaussian } kind = Kind::Rank;
  int nearest = 8;
  double base = 2.4, width = 1;
};

inline constexpr double kMaximum = std::numeric_limits<double>::infinity();

struct PoolingSettings {
  double power = 1;                                  // p ≥ 1, or kMaximum
  std::vector<std::array<int, 2>> tiles = {{1, 1}};  // rows × columns; each tile of each is a block of the histogram
  enum class Norm { None, L1, L2 } norm = Norm::L1;  // of the whole histogram
};

enum class KernelKind { Linear, Intersection, Hellinger, Chi2Additive, Chi2, Rbf };
struct KernelTerm {
  KernelKind kind = KernelKind::Intersection;
  double gamma = 1;  // of Chi2 and Rbf
  double beta = 1;   // weight in the sum of kernels
};

// Where differentiable kernels are expanded (see machine.h).
enum class Root { Search, Zero, Mean };

}  // namespace relprop::bow
