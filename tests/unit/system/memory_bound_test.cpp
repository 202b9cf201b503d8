#include "system/memory_bound.h"

#include <gmock/gmock.h>
#include <sys/mman.h>

#include <algorithm>

#include "support/expect_error.h"
#include "system/free_memory.h"

namespace relprop::test {
namespace {

constexpr std::int64_t kMoreThanAnybodyHas = std::int64_t{1} << 60;

TEST(MemoryBound, WhatNobodyHasIsRefused) {
  EXPECT_TRUE(hasMemoryFor(0));
  EXPECT_TRUE(hasMemoryFor(100'000));
  EXPECT_FALSE(hasMemoryFor(kMoreThanAnybodyHas));
}

TEST(MemoryBound, AnErrorSaysWhoWantedHowMuchOfWhat) {
  const Error e = expectError(ErrorCode::OutOfMemory, [] { requireMemory(kMoreThanAnybodyHas, "plan", "use less"); });
  EXPECT_EQ(e.where(), "plan");
  EXPECT_EQ(e.got(), "1152921504606.8 MB needed");
  EXPECT_THAT(e.expected(), testing::MatchesRegex("at most the (machine's|limit of|container's) [0-9.]+ MB.*"));
  EXPECT_EQ(e.hint(), "use less");
  requireMemory(100'000, "plan", "use less");
}

TEST(MemoryBound, ALimitOfTheCallersOwnIsOneForMuch) {
  requireMemoryWithin(0, 100'000, "places", "use less");
  requireMemoryWithin(1, 1 << 26, "places", "use less");
  requireMemoryWithin(70'000'000, 70'000'000, "places", "use less");
  const Error e =
      expectError(ErrorCode::OutOfMemory, [] { requireMemoryWithin(70'000'000, 80'000'000, "places", "use less"); });
  EXPECT_STREQ(e.what(), "places: 80.0 MB needed (expected at most 70.0 MB); use less");
  expectError(ErrorCode::OutOfMemory,
              [] { requireMemoryWithin(kMoreThanAnybodyHas, kMoreThanAnybodyHas, "places", "use less"); });
}

// Of a machine that others are at work on.
TEST(MemoryBound, WhatIsFreeEndsWhatThereIs) {
  const auto free = freeMemory();
  if (!free) GTEST_SKIP() << "a system that does not say";
  EXPECT_FALSE(hasMemoryFor(*free + *free / 4));
}

TEST(MemoryBound, PagesThatAreClaimedAreNothingButZeros) {
  constexpr std::int64_t bytes = 3 << 16;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  claimPages(memory, bytes);
  const auto* const first = static_cast<const unsigned char*>(memory);
  EXPECT_TRUE(std::all_of(first, first + bytes, [](unsigned char byte) { return byte == 0; }));
  ::munmap(memory, bytes);
}

}  // namespace
}  // namespace relprop::test
