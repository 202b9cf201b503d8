// Which inputs one output of a pool sees along one axis, and what an average divides by.
#pragma once

#include <cstdint>

namespace relprop {

struct WindowAxis {
  std::int64_t begin, end, step;  // inputs begin, begin+step, … < end
  std::int64_t paddedCount;       // taps inside input plus padding (what count_include_pad divides by)
};

// Of a non-negative number; most windows are not dilated, and a division takes longer than all the rest.
static inline std::int64_t dividedUp(std::int64_t value, std::int64_t by) {
  return by == 1 ? value : (value + by - 1) / by;
}

static inline WindowAxis poolWindow(std::int64_t out, std::int64_t in, std::int64_t kernel, std::int64_t stride,
                                    std::int64_t dilation, std::int64_t padBegin, std::int64_t padEnd) {
  const std::int64_t start = out * stride - padBegin;
  const std::int64_t skipped = start < 0 ? dividedUp(-start, dilation) : 0;
  const std::int64_t stop = start + (kernel - 1) * dilation + 1;
  const std::int64_t paddedStop = (stop < in + padEnd ? stop : in + padEnd);
  const std::int64_t taps = paddedStop > start ? dividedUp(paddedStop - start, dilation) : 0;
  return {start + skipped * dilation, (stop < in ? stop : in), dilation, taps};
}

}  // namespace relprop
