#include "system/cgroup.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

class GroupMemoryTest : public testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  // As version 2 has it.
  void writeGroup(const fs::path& group, const std::string& most, int used, int cached) const {
    const fs::path folder = "sys/fs/cgroup" / group;
    write(folder / "memory.max", most + "\n");
    write(folder / "memory.current", std::to_string(used) + "\n");
    write(folder / "memory.stat",
          "anon 7\nfile 9000\ninactive_file " + std::to_string(cached - 10) + "\nactive_file 10\n");
  }
  void expectMemory(std::int64_t limit, std::int64_t left) const {
    const auto found = groupMemory(root_.path());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->limit, limit);
    EXPECT_EQ(found->left, left);
  }
  TemporaryFolder root_;
};

TEST_F(GroupMemoryTest, IsThatOfItsGroup) {
  write("proc/self/cgroup", "0::/a/b\n");
  writeGroup("a/b", "1000", 500, 200);
  expectMemory(1000, 700);  // files can be read again
}

TEST_F(GroupMemoryTest, OrOfOneAroundItThatHasLessLeft) {
  write("proc/self/cgroup", "0::/a/b\n");
  writeGroup("a/b", "1000", 100, 16);
  writeGroup("a", "2000", 1900, 50);
  writeGroup("", "max", 5000, 20);
  expectMemory(2000, 150);
}

TEST_F(GroupMemoryTest, OfVersionOneCountsWhatIsWithinToo) {
  write("proc/self/cgroup", "9:cpu:/\n4:pids,memory:/job\n0::/\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096000\n");
  write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "96000\n");
  write("sys/fs/cgroup/memory/job/memory.stat",
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 20000\ntotal_active_file 6000\n");
  expectMemory(4096000, 4026000);
}

// A container without a namespace of its own reads the host's path, and finds its own group at the mount.
TEST_F(GroupMemoryTest, WhereThePathIsTheHostsItIsTheMounts) {
  write("proc/self/cgroup", "0::/docker/0123\n");
  writeGroup("", "800", 100, 10);
  expectMemory(800, 710);
}

TEST_F(GroupMemoryTest, LeftIsNeverBelowNothing) {
  write("proc/self/cgroup", "0::/\n");
  writeGroup("", "800", 900, 10);
  expectMemory(800, 0);
}

TEST_F(GroupMemoryTest, NoneWithoutALimit) {
  EXPECT_FALSE(groupMemory(root_.path())) << "no cgroup at all";
  write("proc/self/cgroup", "nonsense\n::\n0::/../x\n");
  EXPECT_FALSE(groupMemory(root_.path())) << "no such folder";
  writeGroup("", "max", 900, 10);
  EXPECT_FALSE(groupMemory(root_.path()));
}

}  // namespace
}  // namespace relprop::test
