// Copies of strided boxes, and sums of what they lay onto one another, by all threads: runs where both sides are
// contiguous, squares where different axes are.
#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "kernels/lambda_kernel.h"
#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

struct BoxAxis {
  std::int64_t extent, src, dst;
};
using BoxAxes = std::vector<BoxAxis>;

// Without axes of one element; from the largest distance between outputs to the smallest; what lies behind one another
// on both sides as one axis.
BoxAxes axesOf(const CopySpec& s) {
  BoxAxes axes, joined;
  for (std::size_t k = 0; k < s.extents.size(); ++k)
    if (s.extents[k] != 1) axes.push_back({s.extents[k], s.srcStrides[k], s.dstStrides[k]});
  std::stable_sort(axes.begin(), axes.end(),
                   [](const BoxAxis& a, const BoxAxis& b) { return std::abs(a.dst) > std::abs(b.dst); });
  for (const BoxAxis& a : axes) {
    const bool joins =
        !joined.empty() && joined.back().src == a.src * a.extent && joined.back().dst == a.dst * a.extent;
    if (joins)
      joined.back() = {joined.back().extent * a.extent, a.src, a.dst};
    else
      joined.push_back(a);
  }
  return joined;
}

std::int64_t countOf(const BoxAxes& axes) {
  std::int64_t count = 1;
  for (const BoxAxis& a : axes) count *= a.extent;
  return count;
}

// Where element number `index` of these axes lies on either side.
std::pair<std::int64_t, std::int64_t> placeOf(const BoxAxes& axes, std::int64_t index) {
  std::int64_t from = 0, to = 0;
  for (std::size_t k = axes.size(); k-- > 0;) {
    from += index % axes[k].extent * axes[k].src;
    to += index % axes[k].extent * axes[k].dst;
    index /= axes[k].extent;
  }
  return {from, to};
}

// How the axes are gone through: tasks; in each a stretch of `across`, if there is one, by all of `inner`; for every
// output the sum over `summed`.
constexpr std::int64_t kSquare = 16, kLine = 4096;

struct Box {
  BoxAxes outer, summed;
  BoxAxis across{1, 0, 0}, inner{1, 0, 0};
  bool accumulate = false;

  bool squares() const { return across.extent > 1; }
  const BoxAxis& along() const { return squares() ? across : inner; }  // what is cut into stretches
  std::int64_t stretch() const { return squares() ? kSquare : kLine; }
  std::int64_t stretches() const { return (along().extent + stretch() - 1) / stretch(); }
};

Box boxOf(const CopySpec& s) {
  Box box;
  box.accumulate = s.accumulate;
  for (const BoxAxis& a : axesOf(s)) (a.dst == 0 ? box.summed : box.outer).push_back(a);
  if (box.outer.empty()) return box;
  box.inner = box.outer.back();
  box.outer.pop_back();
  if (box.inner.src == 0 || box.inner.src == 1) return box;
  const auto contiguous = std::find_if(box.outer.begin(), box.outer.end(), [](const BoxAxis& a) { return a.src == 1; });
  if (contiguous == box.outer.end()) return box;
  box.across = *contiguous;
  box.outer.erase(contiguous);
  return box;
}

void addOrSet(float& to, float value, bool accumulate) {
  to = accumulate ? to + value : value;
}

void moveRun(const Box& b, const float* from, float* to, std::int64_t count) {
  const std::int64_t src = b.inner.src, dst = b.inner.dst;
  if (b.accumulate) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i * dst] += from[i * src];
  } else if (src == 1 && dst == 1) {
    std::copy_n(from, count, to);
  } else if (src == 0 && dst == 1) {
    std::fill_n(to, count, *from);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * dst] = from[i * src];
  }
}

// Lines of 16 numbers are read and written while they are in the first-level cache.
void moveSquares(const Box& b, const float* from, float* to, std::int64_t rows) {
  for (std::int64_t first = 0; first < b.inner.extent; first += kSquare) {
    const std::int64_t last = std::min(first + kSquare, b.inner.extent);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = first; i < last; ++i)
        addOrSet(to[r * b.across.dst + i * b.inner.dst], from[r + i * b.inner.src], b.accumulate);
  }
}

// Each output's own sum where its numbers lie behind one another, else all outputs' sums one number after the other.
void addSums(const Box& b, const float* from, float* to, std::int64_t count) {
  const std::int64_t sums = countOf(b.summed);
  const bool line = b.summed.size() == 1 && b.summed[0].src == 1;
  for (std::int64_t i = 0; line && i < count; ++i)
    to[i * b.inner.dst] += static_cast<float>(bestOps().sum(from + i * b.inner.src, sums));
  for (std::int64_t k = 0; !line && k < sums; ++k) moveRun(b, from + placeOf(b.summed, k).first, to, count);
}

void moveTask(const Box& b, const float* from, float* to, std::int64_t stretch) {
  const BoxAxis& along = b.along();
  const std::int64_t first = stretch * b.stretch(), count = std::min(b.stretch(), along.extent - first);
  from += first * along.src, to += first * along.dst;
  if (!b.summed.empty() && b.squares()) {
    for (std::int64_t r = 0; r < count; ++r) addSums(b, from + r, to + r * b.across.dst, b.inner.extent);
  } else if (!b.summed.empty()) {
    addSums(b, from, to, count);
  } else {
    b.squares() ? moveSquares(b, from, to, count) : moveRun(b, from, to, count);
  }
}

}  // namespace

bool suitsCopy(const CopySpec& s) {
  return s.accumulate || boxOf(s).summed.empty();
}

KernelPtr copy(const CopySpec& s) {
  const Box box = boxOf(s);
  const std::int64_t stretches = box.stretches(), tasks = countOf(box.outer) * stretches;
  return makeKernel([=, from = s.srcOffset, to = s.dstOffset](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t k = 0; k < tasks; ++k) {
      const auto place = placeOf(box.outer, k / stretches);
      moveTask(box, in[0] + from + place.first, out[0] + to + place.second, k % stretches);
    }
  });
}

}  // namespace relprop::simd
