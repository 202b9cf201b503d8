#include "bow/nearest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/parallel.h"

namespace relprop::bow {

namespace {

constexpr std::int64_t kShare = 240;          // of the points, for a thread at a time
constexpr std::int64_t kAsked = 64 * kShare;  // until somebody who may stop it is asked again

// So many floats in a register.
template <int Width>
struct Register {
  typedef float Lanes __attribute__((vector_size(Width * sizeof(float))));
};

// Points × one block of centres. Inlined into functions that are compiled for the instructions of one processor each.
template <int Points, int Width>
[[gnu::always_inline]] inline void multiplyBlock(const float* points, const float* block, std::int64_t length,
                                                 std::int64_t centres, float* products) {
  typedef typename Register<Width>::Lanes Lanes;
  constexpr int kRegisters = kBlock / Width;
  Lanes sums[Points][kRegisters] = {};
  for (std::int64_t k = 0; k < length; ++k)
    for (int r = 0; r < kRegisters; ++r) {
      Lanes some;
      std::memcpy(&some, block + k * kBlock + r * Width, sizeof some);
      for (int p = 0; p < Points; ++p) sums[p][r] += points[p * length + k] * some;
    }
  for (int p = 0; p < Points; ++p) std::memcpy(products + p * centres, sums[p], sizeof sums[p]);
}

template <int Points, int Width>
[[gnu::always_inline]] inline void multiply(const float* points, const std::vector<float>& blocks, std::int64_t length,
                                            std::int64_t centres, float* products) {
  for (std::int64_t c = 0; c < centres; c += kBlock)
    multiplyBlock<Points, Width>(points, blocks.data() + c * length, length, centres, products + c);
}

void multiplyBaseline(const float* points, const std::vector<float>& blocks, std::int64_t length, std::int64_t centres,
                      float* products) {
  multiply<2, 4>(points, blocks, length, centres, products);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void multiplyAvx2(const float* points, const std::vector<float>& blocks,
                                              std::int64_t length, std::int64_t centres, float* products) {
  multiply<6, 8>(points, blocks, length, centres, products);
}

[[gnu::target("avx512f")]] void multiplyAvx512(const float* points, const std::vector<float>& blocks,
                                               std::int64_t length, std::int64_t centres, float* products) {
  multiply<12, 16>(points, blocks, length, centres, products);
}
#endif

std::vector<ProductKernel> available() {
  std::vector<ProductKernel> result;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) result.push_back({"avx512", 12, multiplyAvx512});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) result.push_back({"avx2", 6, multiplyAvx2});
#endif
  result.push_back({"baseline", 2, multiplyBaseline});
  return result;
}

// Centres as the kernels read them, and what is known of them. |x − c|² = |x|² + |c|² − 2x·c.
struct Centres {
  std::int64_t filled = 0;     // count, up to whole blocks
  std::vector<float> blocks;   // block by block, length × kBlock
  std::vector<float> squares;  // |c|²
  double longest = 0;          // of |c|
};

Centres packed(const Rows& centres) {
  Centres result;
  result.filled = (centres.count + kBlock - 1) / kBlock * kBlock;
  result.blocks.resize(static_cast<std::size_t>(result.filled * centres.length));
  const std::vector<float> origin(static_cast<std::size_t>(centres.length));
  for (std::int64_t c = 0; c < centres.count; ++c) {
    float* block = result.blocks.data() + c / kBlock * kBlock * centres.length + c % kBlock;
    for (std::int64_t k = 0; k < centres.length; ++k) block[k * kBlock] = centres.row(c)[k];
    const double square = squaredDistance(centres.row(c), origin.data(), centres.length);
    result.squares.push_back(static_cast<float>(square));
    result.longest = std::max(result.longest, std::sqrt(square));
  }
  return result;
}

// Searches for one point after the other, with memory that is used again.
class Search {
 public:
  Search(const Rows& centres, const Centres& packed, std::int64_t nearest, const ProductKernel& kernel)
      : centres_(centres),
        packed_(packed),
        kernel_(kernel),
        products_(static_cast<std::size_t>(kernel.points * packed.filled)),
        smallest_(static_cast<std::size_t>(nearest)),
        origin_(static_cast<std::size_t>(centres.length)) {}

  void run(const Rows& points, int* into, double* squares) {
    const auto nearest = static_cast<std::int64_t>(smallest_.size());
    std::vector<float> filled(static_cast<std::size_t>(kernel_.points * points.length));
    for (std::int64_t first = 0; first < points.count; first += kernel_.points) {
      const std::int64_t count = std::min<std::int64_t>(kernel_.points, points.count - first);
      if (count < kernel_.points) std::copy_n(points.row(first), count * points.length, filled.data());
      kernel_.run(count < kernel_.points ? filled.data() : points.row(first), packed_.blocks, points.length,
                  packed_.filled, products_.data());
      for (std::int64_t p = 0; p < count; ++p)
        choose(points.row(first + p), products_.data() + p * packed_.filled, into + (first + p) * nearest,
               squares + (first + p) * nearest);
    }
  }

 private:
  // `products`: of the point with all centres; they are overwritten.
  void choose(const float* point, float* products, int* into, double* squares) {
    for (std::size_t c = 0; c < packed_.squares.size(); ++c) products[c] = packed_.squares[c] - 2 * products[c];
    const double last = limit(products) + 2 * largestError(point);
    collect(point, products, std::nextafter(static_cast<float>(last), std::numeric_limits<float>::infinity()));
    const auto nearest = static_cast<std::ptrdiff_t>(smallest_.size());
    std::partial_sort(candidates_.begin(), candidates_.begin() + nearest, candidates_.end());
    for (std::ptrdiff_t i = 0; i < nearest; ++i) {
      squares[i] = candidates_[static_cast<std::size_t>(i)].first;
      into[i] = candidates_[static_cast<std::size_t>(i)].second;
    }
  }

  // The nearest-th smallest.
  double limit(const float* values) {
    std::fill(smallest_.begin(), smallest_.end(), std::numeric_limits<float>::infinity());
    float largest = smallest_.back();
    for (std::size_t c = 0; c < packed_.squares.size(); ++c) {
      if (!(values[c] < largest)) continue;
      std::size_t at = smallest_.size() - 1;
      for (; at > 0 && values[c] < smallest_[at - 1]; --at) smallest_[at] = smallest_[at - 1];
      smallest_[at] = values[c];
      largest = smallest_.back();
    }
    return largest;
  }

  // Of |c|² − 2x·c in float, however the products were added: a sum of n products is off by at most n u Σ|x_k c_k|.
  double largestError(const float* point) const {
    const double u = std::numeric_limits<float>::epsilon() / 2;
    const double longest = packed_.longest, own = std::sqrt(squaredDistance(point, origin_.data(), centres_.length));
    return 2 * static_cast<double>(centres_.length + 4) * u * longest * (own + longest);
  }

  // All that are not beyond the limit; of values that overflowed, which compare with nothing, all.
  void collect(const float* point, const float* values, float limit) {
    candidates_.clear();
    for (std::size_t c = 0; c < packed_.squares.size(); ++c)
      if (!(values[c] > limit)) {
        const auto index = static_cast<std::int64_t>(c);
        candidates_.emplace_back(squaredDistance(point, centres_.row(index), centres_.length), static_cast<int>(c));
      }
  }

  const Rows& centres_;
  const Centres& packed_;
  const ProductKernel& kernel_;
  std::vector<float> products_, smallest_, origin_;
  std::vector<std::pair<double, int>> candidates_;
};

}  // namespace

double squaredDistance(const float* a, const float* b, std::int64_t length) {
  constexpr std::int64_t kSums = 8;  // which do not wait for each other
  double sums[kSums] = {};
  const std::int64_t whole = length / kSums * kSums;
  for (std::int64_t k = 0; k < whole; k += kSums)
    for (std::int64_t i = 0; i < kSums; ++i) {
      const double d = static_cast<double>(a[k + i]) - b[k + i];
      sums[i] += d * d;
    }
  for (std::int64_t k = whole; k < length; ++k) {
    const double d = static_cast<double>(a[k]) - b[k];
    sums[k - whole] += d * d;
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

const std::vector<ProductKernel>& productKernels() {
  static const std::vector<ProductKernel> kernels = available();
  return kernels;
}

Neighbours nearestOf(const Rows& points, const Rows& centres, std::int64_t nearest, const ProductKernel& kernel,
                     const Again& again) {
  Neighbours result{nearest, std::vector<int>(static_cast<std::size_t>(points.count * nearest)),
                    std::vector<double>(static_cast<std::size_t>(points.count * nearest))};
  const Centres prepared = packed(centres);
  const auto search = [&](std::int64_t first, std::int64_t count) {
    const Rows some{points.row(first), count, points.length};
    Search(centres, prepared, nearest, kernel)
        .run(some, result.centres.data() + first * nearest, result.squares.data() + first * nearest);
  };
  const std::int64_t atOnce = again ? kAsked : std::max<std::int64_t>(points.count, 1);
  for (std::int64_t start = 0; start < points.count; start += atOnce) {
    goOn(again);
    const std::int64_t end = std::min(start + atOnce, points.count);
    inParallel(static_cast<std::size_t>((end - start + kShare - 1) / kShare), [&](std::size_t share) {
      const std::int64_t first = start + static_cast<std::int64_t>(share) * kShare;
      search(first, std::min(kShare, end - first));
    });
  }
  return result;
}

}  // namespace relprop::bow
