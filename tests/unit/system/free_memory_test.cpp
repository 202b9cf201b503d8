#include "system/free_memory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> freeOf(const std::string& text) {
  const TemporaryFolder root;
  fs::create_directories(root / "proc");
  std::ofstream(root / "proc/meminfo") << text;
  return freeMemory(root.path());
}

TEST(FreeMemory, IsWhatIsAvailableOrCanBeSwappedOut) {
  EXPECT_EQ(freeOf("MemTotal:       24629668 kB\n"
                   "MemFree:          100000 kB\n"
                   "MemAvailable:    2000000 kB\n"
                   "SwapTotal:       9000000 kB\n"
                   "SwapFree:         500000 kB\n"
                   "HugePages_Total:       0\n"),
            std::int64_t{2'500'000} * 1024);
  EXPECT_EQ(freeOf("HugePages_Total:       0\nMemAvailable:          1 kB\n"), 1024);
}

TEST(FreeMemory, IsUnknownWhereTheSystemDoesNotSay) {
  EXPECT_FALSE(freeOf(""));
  EXPECT_FALSE(freeOf("MemTotal:       24629668 kB\n"));
  EXPECT_FALSE(freeOf("MemAvailable: much\n"));
  EXPECT_FALSE(freeMemory("/nonexistent"));
}

TEST(FreeMemory, OfThisMachineIsSomeOfIt) {
  const auto found = freeMemory();
  if (!found) GTEST_SKIP() << "a system without /proc/meminfo";
  EXPECT_GT(*found, 0);
}

}  // namespace
}  // namespace relprop::test
