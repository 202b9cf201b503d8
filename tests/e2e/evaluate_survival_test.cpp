// Runs of relprop evaluate that are killed, that share a store, that run out of disk, and those under mpirun.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "evaluate.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using relprop::Store;
using testing::HasSubstr;

class SurvivalTest : public EvaluateTest {
 protected:
  static constexpr int kPictures = 48;
  const Arguments how_ = {"--methods", "rap,gradient", "--metrics", "outside-inside,region-perturbation:steps=5"};
};

// Who is done before its life is over has begun another store by then; what it left has to be whole too.
TEST_F(SurvivalTest, KilledAtTwentyRandomMomentsTheStoreEndsTheSame) {
  const std::string data = manyPictures(kPictures);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  const std::string expected = contents(store("whole.db"));
  std::mt19937 random(1);
  int killed = 0;
  for (int i = 0; i < 200 && killed < 20; ++i) {
    const std::chrono::milliseconds life(random() % std::max<long>(1, whole.count() / 4));
    const Outcome outcome = relprop(command(data, store(), how_), after(life, SIGKILL));
    if (outcome.code == 128 + SIGKILL) {
      ++killed;
    } else {
      ASSERT_EQ(outcome.code, 0) << outcome.err;
      ASSERT_EQ(contents(store()), expected);
      fs::remove(store());
    }
  }
  EXPECT_EQ(killed, 20);
  ASSERT_EQ(relprop(command(data, store(), how_)).code, 0);
  EXPECT_EQ(contents(store()), expected);
}

TEST_F(SurvivalTest, AnInterruptionSaysHowToGoOn) {
  const std::string data = manyPictures(kPictures);
  Arguments slow = {"--methods", "integrated-gradients:steps=200", "--metrics", "outside-inside"};
  for (const int signal : {SIGINT, SIGHUP}) {
    const Outcome outcome =
        relprop(command(data, store(), slow), onceItCatches(signal, std::chrono::milliseconds(500)));
    EXPECT_EQ(outcome.code, 130);
    EXPECT_THAT(outcome.err, HasSubstr("goes on from there"));
    EXPECT_EQ(namesIn(folder_.path()), (std::vector<std::string>{"many", "runs.db"})) << "the store is closed";
  }
}

TEST_F(SurvivalTest, AStandardOutputThatNobodyReadsLeavesAWholeStore) {
  const Outcome measured = relprop(command(exampleData(), store("part.db"), how_), unread(STDOUT_FILENO));
  EXPECT_EQ(measured.code, 141) << measured.err;
  const Outcome merged = relprop({"merge", store("part.db"), "-o", store()}, unread(STDOUT_FILENO));
  EXPECT_EQ(merged.code, 141) << merged.err;
  EXPECT_EQ(namesIn(folder_.path()), (std::vector<std::string>{"part.db", "runs.db"}));
  EXPECT_EQ(contents(store()), contents(store("part.db")));
}

TEST_F(SurvivalTest, TwoProcessesShareOneStore) {
  const std::string data = manyPictures(kPictures);
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  Outcome one, other;
  {
    std::jthread first([&] { one = relprop(command(data, store(), how_)); });
    std::jthread second([&] { other = relprop(command(data, store(), how_)); });
  }
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

TEST_F(SurvivalTest, AFullDiskLosesNothingAndTheRunGoesOnLater) {
  const std::string data = manyPictures(kPictures);
  const std::string disk = folder_ / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=400k") != 0) GTEST_SKIP() << "no permission to mount a small disk";
  const Outcome full = relprop(command(data, disk + "/runs.db", how_));
  mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=64m");
  const Outcome resumed = relprop(command(data, disk + "/runs.db", how_));
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  const std::string got = resumed.code == 0 ? contents(disk + "/runs.db") : "";
  umount(disk.c_str());
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.err, HasSubstr("full"));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(got, contents(store("whole.db")));
}

// With what belongs to it, as somebody does who makes room or begins anew.
TEST_F(SurvivalTest, AStoreThatIsTakenAwayEndsTheRun) {
  const std::string data = manyPictures(kPictures);
  Arguments slow = {"--methods", "rap,integrated-gradients:steps=50", "--metrics", "outside-inside", "-q"};
  const RunOptions away = {.inChild = {}, .whileRunning = [this](pid_t) {
                             std::error_code ignored;
                             for (int i = 0; i < 1000 && fs::file_size(store() + "-wal", ignored) + 1 < 200'000; ++i)
                               std::this_thread::sleep_for(std::chrono::milliseconds(10));
                             for (const char* end : {"", "-wal", "-shm"}) fs::remove(store() + end, ignored);
                           }};
  const Outcome outcome = relprop(command(data, store(), slow), away);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("it was removed, moved or replaced while it was written"));
  EXPECT_FALSE(fs::exists(store()));
}

TEST_F(SurvivalTest, AHalfCopiedPictureIsMeasuredOnceItIsWhole) {
  const std::string data = manyPictures(4), picture = data + "/JPEGImages/p10002.jpg";
  const std::string whole = readText(picture);
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  fs::remove(picture);
  writeText(picture, whole.substr(0, whole.size() / 2));
  const Outcome half = relprop(command(data, store(), how_));
  EXPECT_EQ(half.code, 1) << half.err;
  EXPECT_THAT(half.out, HasSubstr("3 measured, 1 skipped"));
  EXPECT_THAT(half.err, HasSubstr("p10002"));
  EXPECT_THAT(relprop(command(data, store(), how_)).out, HasSubstr("0 measured, 1 skipped, 3 were there before"));
  writeText(picture, whole);
  EXPECT_THAT(relprop(command(data, store(), how_)).out, HasSubstr("1 measured, 0 skipped, 3 were there before"));
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

TEST_F(SurvivalTest, RetryMeasuresWhatWasSkipped) {
  const std::string data = manyPictures(3);
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  ASSERT_EQ(relprop(command(data, store(), how_)).code, 0);
  ASSERT_EQ(run("sqlite3", {store(),
                            "delete from scores where result = 1; delete from curves where result = 1; "
                            "update results set skipped = 'a failure' where id = 1"})
                .code,
            0);
  ASSERT_EQ(relprop(command(data, store(), how_)).code, 0);
  EXPECT_THAT(contents(store()), HasSubstr("a failure"));
  Arguments retry = how_;
  retry.push_back("--retry");
  ASSERT_EQ(relprop(command(data, store(), retry)).code, 0);
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

// Whether the store or a picture is what cannot be opened: the run ends, and nothing is put down to the pictures.
TEST_F(SurvivalTest, FewDescriptorsEndTheRun) {
  const std::string data = manyPictures(6);
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  int failed = 0;
  for (rlim_t most = 4; most <= 12; ++most) {
    const RunOptions few = {.inChild =
                                [most] {
                                  for (int fd = 3; fd < 64; ++fd) close(fd);  // what the tests' own parent left open
                                  const rlimit limit = {most, most};
                                  setrlimit(RLIMIT_NOFILE, &limit);
                                },
                            .whileRunning = {}};
    const Outcome outcome = relprop(command(data, store(), how_), few);
    EXPECT_THAT(outcome.code, testing::AnyOf(0, 1)) << most << outcome.err;
    failed += outcome.code;
    for (const char* end : {"", "-wal"})
      if (fs::exists(store() + end)) {
        EXPECT_THAT(readText(store() + end), testing::Not(HasSubstr("unreadable")));
      }
  }
  EXPECT_GT(failed, 0);
  ASSERT_EQ(relprop(command(data, store(), how_)).code, 0);
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

class Mpi : public SurvivalTest {
 protected:
  static Arguments mpirun(int ranks, const Arguments& arguments) {
    Arguments all = {"--allow-run-as-root", "--oversubscribe", "-n", std::to_string(ranks), programPath()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  static bool available() { return run("sh", {"-c", "command -v mpirun"}).code == 0; }
  static std::vector<pid_t> ranks(const std::string& storePath) {
    std::vector<pid_t> pids;
    std::istringstream lines(run("pgrep", {"-f", "^" + programPath() + " evaluate.*" + storePath}).out);
    for (pid_t pid; lines >> pid;) pids.push_back(pid);
    return pids;
  }
};

TEST_F(Mpi, ThreeRanksFillOneStore) {
  if (!available()) GTEST_SKIP() << "mpirun is not installed";
  const std::string data = manyPictures(kPictures);
  ASSERT_EQ(relprop(command(data, store("whole.db"), how_)).code, 0);
  const Outcome outcome = run("mpirun", mpirun(3, command(data, store(), how_)));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(std::to_string(kPictures) + " measured"));
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

TEST_F(Mpi, ALostRankCostsItsPortionOnly) {
  if (!available()) GTEST_SKIP() << "mpirun is not installed";
  const std::string data = manyPictures(kPictures);
  Arguments slow = {"--methods", "rap,integrated-gradients:steps=50", "--metrics", "outside-inside"};
  ASSERT_EQ(relprop(command(data, store("whole.db"), slow)).code, 0);
  const RunOptions killOne = {.inChild = {}, .whileRunning = [this](pid_t) {
                                for (int i = 0; i < 1000; ++i) {
                                  std::this_thread::sleep_for(std::chrono::milliseconds(10));
                                  try {
                                    if (Store::open(store(), Store::Access::Read).results(false).size() < 6) continue;
                                  } catch (const std::exception&) {
                                    continue;  // not there yet
                                  }
                                  const std::vector<pid_t> all = ranks(store());
                                  if (!all.empty()) kill(all.back(), SIGKILL);
                                  return;
                                }
                              }};
  const Outcome broken = run("mpirun", mpirun(3, command(data, store(), slow)), killOne);
  EXPECT_NE(broken.code, 0);
  EXPECT_GE(Store::open(store(), Store::Access::Read).results(false).size(), 6u);
  const Outcome resumed = run("mpirun", mpirun(3, command(data, store(), slow)));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(contents(store()), contents(store("whole.db")));
}

TEST_F(Mpi, AMistakeEndsAllRanks) {
  if (!available()) GTEST_SKIP() << "mpirun is not installed";
  const Outcome outcome = run("mpirun", mpirun(3, command(exampleData(), store(), {"--metrics", "nonsense"})));
  EXPECT_NE(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("nonsense"));
}

}  // namespace
}  // namespace e2e
