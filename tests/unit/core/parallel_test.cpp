#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace relprop {
namespace {

TEST(InParallel, CallsEachIndexOnce) {
  for (std::size_t count : {0u, 1u, 2u, 1000u}) {
    std::vector<std::atomic<int>> calls(count);
    inParallel(count, [&](std::size_t i) { ++calls[i]; });
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(calls[i], 1) << i;
  }
}

TEST(InParallel, TheFailureOfTheSmallestIndexGoesOnAfterAllHaveRun) {
  std::atomic<int> calls{0};
  try {
    inParallel(100, [&](std::size_t i) {
      ++calls;
      if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
    });
    ADD_FAILURE() << "no exception";
  } catch (const std::runtime_error& failure) {
    EXPECT_STREQ(failure.what(), "7");
  }
  EXPECT_EQ(calls, 100);
}

}  // namespace
}  // namespace relprop
