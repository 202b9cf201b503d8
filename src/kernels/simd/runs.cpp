// Copies of boxes whose innermost axis is contiguous on both sides: a run at a time, by all threads.
#include <cstring>

#include "kernels/lambda_kernel.h"
#include "kernels/simd/simd.h"

namespace relprop::simd {
namespace {

// Where run number `index` starts: its position along every axis but the last.
std::pair<std::int64_t, std::int64_t> placesOf(const CopySpec& s, std::int64_t index) {
  std::int64_t from = s.srcOffset, to = s.dstOffset;
  for (std::size_t axis = s.extents.size() - 1; axis-- > 0;) {
    from += index % s.extents[axis] * s.srcStrides[axis];
    to += index % s.extents[axis] * s.dstStrides[axis];
    index /= s.extents[axis];
  }
  return {from, to};
}

}  // namespace

bool isOfRuns(const CopySpec& s) {
  return !s.accumulate && !s.extents.empty() && s.extents.back() > 1 && s.srcStrides.back() == 1 &&
         s.dstStrides.back() == 1;
}

KernelPtr copyRuns(const CopySpec& s) {
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis + 1 < s.extents.size(); ++axis) count *= s.extents[axis];
  const auto bytes = static_cast<std::size_t>(s.extents.back()) * sizeof(float);
  return makeKernel([s, count, bytes](FloatsIn in, FloatsOut out) {
#pragma omp parallel for schedule(static)
    for (std::int64_t k = 0; k < count; ++k) {
      const auto [from, to] = placesOf(s, k);
      std::memcpy(out[0] + to, in[0] + from, bytes);
    }
  });
}

}  // namespace relprop::simd
