// Limits that the system sets to a process (ulimit), and what a killed process leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "program.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace fs = std::filesystem;

// A control group within that of the test, for those who may make one: version 1, or 2 where its parent shares out
// memory.
class ControlGroup {
 public:
  ControlGroup() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
      const bool first = line.find(":memory:") != std::string::npos;
      if (!first && !line.starts_with("0::")) continue;
      const fs::path mount = first ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
      folder_ = mount / fs::path(line.substr(line.rfind(':') + 1)).relative_path() /
                ("relprop-test-" + std::to_string(getpid()));
      limit_ = folder_ / (first ? "memory.limit_in_bytes" : "memory.max");
      std::error_code refused;
      made_ = fs::create_directory(folder_, refused) && fs::exists(limit_);
      return;
    }
  }
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  ~ControlGroup() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove(folder_, ignored);
  }

  bool made() const { return made_; }
  RunOptions within(rlim_t most) const {
    std::ofstream(limit_) << most;
    return {.inChild = [procs = folder_ / "cgroup.procs"] { std::ofstream(procs) << getpid(); }, .whileRunning = {}};
  }

 private:
  fs::path folder_, limit_;
  bool made_ = false;
};

class LimitsTest : public testing::Test {
 protected:
  static RunOptions within(__rlimit_resource_t resource, rlim_t most) {
    return {.inChild =
                [resource, most] {
                  const rlimit limit = {most, most};
                  setrlimit(resource, &limit);
                },
            .whileRunning = {}};
  }
  Arguments explain(const Arguments& options = {}) const {
    Arguments arguments = {"explain", exampleModel(), examplePicture(), "--out", folder_ / "out"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  }

  TemporaryFolder folder_;
};

// oneDNN writes its code to memory that it did not get, and libgomp ends the process without a word of ours.
TEST_F(LimitsTest, OfAddressSpaceAreErrorsOfMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers reserve more address space than the limits leave";
#endif
  int worked = 0;
  for (int i = 0; i < 20; ++i) {
    const rlim_t most = (rlim_t{200} + 20 * static_cast<rlim_t>(i)) << 20;
    const Outcome outcome = relprop(explain({"--threads", i % 2 == 0 ? "8" : "2"}), within(RLIMIT_AS, most));
    ASSERT_THAT(outcome.code, AnyOf(0, 1)) << most << outcome.err;
    worked += outcome.code == 0;
    if (outcome.code == 1) {
      EXPECT_THAT(outcome.err, AllOf(HasSubstr("memor"), Not(HasSubstr("unexpected")))) << most;
    }
  }
  EXPECT_GE(worked, 10) << "more than 400 MB are enough for a network of 2 MB";
}

// Few for the loader of the program, then few for what it does.
TEST_F(LimitsTest, AMessageNamesTheLimit) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers reserve more address space than the limits leave";
#endif
  int named = 0;
  for (rlim_t most = 100; most < 220; most += 6) {
    const Outcome outcome = relprop(explain({"--threads", "2"}), within(RLIMIT_AS, most << 20));
    EXPECT_LT(outcome.code, 128) << most << outcome.err;
    named += outcome.err.find("ulimit -v") != std::string::npos;
  }
  EXPECT_GT(named, 0);
}

// The system kills whoever takes more of a control group's memory, so it has to be asked for before.
TEST_F(LimitsTest, OfAContainersMemoryAreErrorsThatNameIt) {
  E2E_SKIP_SANITIZED("sanitizers take memory of their own");
  const ControlGroup group;
  if (!group.made()) GTEST_SKIP() << "no control group of memory may be made here";
  int worked = 0, named = 0;
  for (rlim_t most = 10; most < 90; most += 2) {
    const Outcome outcome = relprop(explain({"--threads", "2"}), group.within(most * 1'000'000));
    ASSERT_THAT(outcome.code, AnyOf(0, 1)) << most << outcome.err;
    worked += outcome.code == 0;
    if (outcome.code == 1) {
      EXPECT_THAT(outcome.err, HasSubstr("expected at most the container's " + std::to_string(most) + ".0 MB")) << most;
      ++named;
    }
  }
  EXPECT_GE(worked, 5);
  EXPECT_GE(named, 1);
}

TEST_F(LimitsTest, OfAFilesSizeAreErrorsOfWriting) {
  const Outcome outcome = relprop(explain(), within(RLIMIT_FSIZE, 100));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, AllOf(StartsWith("relprop: error: "), HasSubstr("File too large"), HasSubstr("ulimit -f")));
  const Outcome store = relprop({"evaluate", exampleModel(), "--data", "voc:" + exampleData().string(), "--store",
                                 folder_ / "runs.db", "--methods", "gradient"},
                                within(RLIMIT_FSIZE, 50'000));
  EXPECT_EQ(store.code, 1);
  EXPECT_THAT(store.err, StartsWith("relprop: error: "));
}

// Of a process that has ended; another one that runs, and files of somebody else, are left alone.
TEST_F(LimitsTest, WhatAKilledProcessLeftGoesWithTheNextStart) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  std::filesystem::create_directory(folder_ / "out");
  const std::string dead = ".a.png.part." + std::to_string(child) + ".0";
  const std::string alive = ".a.png.part." + std::to_string(getpid()) + ".0";
  for (const std::string& name : {dead, dead + ".Xk3dP2", alive, dead + ".other", std::string(".part.1.x")})
    writeText(folder_ / ("out/" + name), "half");
  ASSERT_EQ(relprop(explain()).code, 0);
  const std::vector<std::string> names = namesIn(folder_ / "out");
  EXPECT_THAT(names, Not(testing::Contains(dead)));
  EXPECT_THAT(names, Not(testing::Contains(dead + ".Xk3dP2")));
  EXPECT_THAT(names, testing::IsSupersetOf({alive, dead + ".other", std::string(".part.1.x")}));
}

}  // namespace
}  // namespace e2e
