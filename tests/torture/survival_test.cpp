// Every moment may be the last, and every page the last that the disk has room for: what lies under a final name is
// whole, and the same command makes good whatever was left.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

#include "torture/faults.h"

namespace torture {
namespace {

namespace fs = std::filesystem;
using e2e::Outcome;
using std::chrono::microseconds;
using testing::AnyOf;
using testing::IsEmpty;

class Survival : public testing::TestWithParam<std::string> {
 protected:
  const Scenario& scenario() const { return inputs().called(GetParam()); }
  Outcome run(const std::string& out, const e2e::RunOptions& options = {}) const {
    return e2e::relprop(into(scenario(), out), options);
  }
  void expectWholeAfterwards(const std::string& out, const Outputs& whole) const {
    const Outcome again = run(out);
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_TRUE(outputsOf(out) == whole);
    EXPECT_THAT(leftovers(out), IsEmpty());
  }
};

TEST_P(Survival, OfKillsAndInterruptions) {
  constexpr std::size_t few = 3, most = 200;
  const e2e::TemporaryFolder first;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run(first.path()).code, 0);
  const auto lasted = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - start);
  const Outputs whole = outputsOf(first.path());
  std::mt19937 random(1);
  for (std::size_t i = 0; i < std::min(moments(few), most); ++i) {
    const int signal = i % 2 == 0 ? SIGKILL : SIGINT;
    const microseconds life(random() % static_cast<std::uint64_t>(lasted.count()));
    SCOPED_TRACE(GetParam() + ", signal " + std::to_string(signal) + " after " + std::to_string(life.count()) + " µs");
    const e2e::TemporaryFolder folder;
    const Outcome broken = run(folder.path(), e2e::after(life, signal));
    EXPECT_THAT(broken.code, AnyOf(0, 130, 128 + signal)) << broken.err;
    expectNothingHalf(outputsOf(folder.path()), whole);
    if (signal == SIGINT && broken.code == 130) {  // a process that was killed has no time to
      EXPECT_THAT(leftovers(folder.path()), IsEmpty());
    }
    expectWholeAfterwards(folder.path(), whole);
  }
}

// A file system of so many bytes at a folder.
class Disk {
 public:
  Disk(const std::string& folder, long bytes) : folder_(folder) {
    fs::create_directory(folder);
    mounted_ = mount("tmpfs", folder.c_str(), "tmpfs", 0, sizeOf(bytes).c_str()) == 0;
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  void grow(long bytes) const { mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, sizeOf(bytes).c_str()); }

 private:
  static std::string sizeOf(long bytes) { return "size=" + std::to_string(bytes); }
  std::string folder_;
  bool mounted_ = false;
};

// Up to the size where everything fits.
TEST_P(Survival, OfAFullDisk) {
  constexpr std::size_t few = 3;
  constexpr long page = 4096, roomy = 64 << 20;
  const e2e::TemporaryFolder first;
  ASSERT_EQ(run(first.path()).code, 0);
  const Outputs whole = outputsOf(first.path());
  long fits = 0;  // pages, found by halving
  for (long low = 0, high = 4096; low + 1 < high;) {
    const e2e::TemporaryFolder folder;
    const long pages = (low + high) / 2;
    const Disk disk(folder / "disk", pages * page);
    if (!disk.mounted()) GTEST_SKIP() << "no permission to mount a small disk";
    (run(folder / "disk").code == 0 ? high : low) = pages;
    fits = high;
  }
  for (const long pages : sampled(upTo(fits), moments(few))) {
    SCOPED_TRACE(GetParam() + " on " + std::to_string(pages) + " pages");
    const e2e::TemporaryFolder folder;
    const Disk disk(folder / "disk", pages * page);
    const Outcome broken = run(folder / "disk");
    EXPECT_THAT(broken.code, AnyOf(0, 1)) << broken.err;
    if (broken.code == 1) {
      EXPECT_THAT(broken.err, testing::HasSubstr("relprop: error: "));
      EXPECT_THAT(broken.err, testing::ContainsRegex("No space left|full|free"));
    }
    expectNothingHalf(outputsOf(folder / "disk"), whole);
    EXPECT_THAT(leftovers(folder / "disk"), IsEmpty());
    disk.grow(roomy);
    expectWholeAfterwards(folder / "disk", whole);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Survival,
                         testing::Values("explain", "patterns", "train", "import", "evaluate", "merge", "report"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace torture
