// Several processes on one store, and processes that are killed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>
#include <thread>

#include "eval/process.h"
#include "unit/eval/store_support.h"

namespace relprop::store_test {
namespace {

namespace fs = std::filesystem;
using Access = Store::Access;

// Exits with 0 when `work` returns true.
pid_t start(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  bool good = false;
  try {
    good = work();
  } catch (const std::exception& error) {
    ::fprintf(stderr, "%s\n", error.what());
  }
  ::_exit(good ? 0 : 1);
}

bool succeeded(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void kill(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Numbers from a child, as long as it lives.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void send(int number) { EXPECT_EQ(::write(ends_[1], &number, sizeof number), ssize_t{sizeof number}); }
  bool receive(int& number) { return ::read(ends_[0], &number, sizeof number) == ssize_t{sizeof number}; }
  void onlyReceive() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{};
};

ResultBatch numbered(int i) {
  ResultBatch one = batch(std::to_string(i), {"rap", "lrp"}, {"p@1", "q@1"});
  one.pictures[0].view.assign(5000, static_cast<std::uint8_t>(i));
  return one;
}

}  // namespace

TEST(StoreProcesses, ManyWriteAtOnce) {
  const Folder folder;
  constexpr int kProcesses = 4, kPictures = 60;
  std::vector<pid_t> children;
  // All of them create the file, and each two write the same pictures.
  for (int p = 0; p < kProcesses; ++p)
    children.push_back(start([&] {
      Store store = writable(folder / "s.db");
      for (int i = 0; i < kPictures; ++i) store.write(numbered(p / 2 * kPictures + (p % 2 ? i : kPictures - 1 - i)));
      return true;
    }));
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
  Store expected = ready(Store::inMemory());
  for (int i = 0; i < kProcesses / 2 * kPictures; ++i) expected.write(numbered(i));
  EXPECT_EQ(show(Store::open(folder / "s.db", Access::Read)), show(expected));
}

TEST(StoreProcesses, ReadersSeeWholePictures) {
  const Folder folder;
  writable(folder / "s.db").write(numbered(0));
  const pid_t writer = start([&] {
    Store store = writable(folder / "s.db");
    for (int i = 1; i < 150; ++i) store.write(numbered(i));
    return true;
  });
  const Store store = Store::open(folder / "s.db", Access::Read);
  std::size_t before = 0;
  while (::waitpid(writer, nullptr, WNOHANG) == 0) {
    const std::size_t count = store.results().size();
    EXPECT_EQ(count % 4, 0U);
    EXPECT_GE(count, before);
    before = count;
  }
  EXPECT_EQ(store.results().size(), 600U);
}

// The system drops all locks of a process on a file when the process closes one of its descriptors; then the other
// process would take itself for the last one and remove the log that this one goes on to write.
TEST(StoreProcesses, ASecondLookInOneProcessKeepsTheLocksOfTheFirst) {
  const Folder folder;
  Pipe go, done;
  const pid_t other = start([&] {
    int number = 0;
    if (!go.receive(number)) return false;
    writable(folder / "s.db").write(numbered(number));
    done.send(number);
    return true;
  });
  {
    Store first = writable(folder / "s.db");
    first.write(numbered(0));
    EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 4U);
    EXPECT_EQ(writable(folder / "s.db").results().size(), 4U);
    go.send(1);
    int number = 0;
    EXPECT_TRUE(done.receive(number));
    EXPECT_TRUE(succeeded(other));
    first.write(numbered(2));
    EXPECT_EQ(first.results().size(), 12U);
  }
  EXPECT_EQ(Store::open(folder / "s.db", Access::Read).results().size(), 12U);
}

// What write() returned from is there after the kill, what it had begun is not there in part.
TEST(StoreProcesses, KilledAtAnyMoment) {
  const Folder folder;
  std::mt19937 random(11);
  int written = 0, missed = 0;
  for (int round = 0; round < 20; ++round) {
    Pipe pipe;
    const int from = written;
    const pid_t child = start([&] {
      Store store = writable(folder / "s.db");
      for (int i = from;; ++i) {
        store.write(numbered(i));
        pipe.send(i);
      }
      return false;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + random() % 60000));
    kill(child);
    pipe.onlyReceive();
    for (int last = 0; pipe.receive(last);) written = last + 1;
    const Store store = writable(folder / "s.db");
    const std::vector<PictureFacts> pictures = store.pictures(true);
    ASSERT_GE(static_cast<int>(pictures.size()), written);
    ASSERT_LE(static_cast<int>(pictures.size()), written + 1);
    for (const PictureFacts& picture : pictures) ASSERT_EQ(picture.view.size(), 5000U);
    ASSERT_EQ(store.results().size(), 4 * pictures.size());
    ASSERT_EQ(query(folder / "s.db", "pragma integrity_check"), "ok\n");
    missed += written == from;
    written = static_cast<int>(pictures.size());
  }
  EXPECT_LT(missed, 20) << "no child ever wrote";
  Store whole = ready(Store::inMemory());
  for (int i = 0; i < written; ++i) whole.write(numbered(i));
  EXPECT_EQ(show(Store::open(folder / "s.db", Access::Read)), show(whole)) << "as if nobody had been killed";
}

TEST(StoreClaims, OneProcessGetsIt) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  const auto claim = [](Store& one, const std::string& picture) {
    return one.claim("net", "folder:animals", picture, "true");
  };
  EXPECT_TRUE(claim(store, "a"));
  EXPECT_TRUE(claim(store, "a")) << "its own claim is no obstacle";
  EXPECT_TRUE(succeeded(start([&] {
    Store other = Store::open(folder / "s.db", Access::Write);
    return !claim(other, "a") && claim(other, "b") && other.claim("net", "folder:animals", "a", "predicted");
  })));
  EXPECT_TRUE(claim(store, "b")) << "who claimed it has ended";
  store.write(batch("a"));
  EXPECT_EQ(query(folder / "s.db", "select picture, target from claims"), "a|predicted\nb|true\n");
  EXPECT_TRUE(succeeded(start([&] {
    Store other = Store::open(folder / "s.db", Access::Write);
    return claim(other, "a");
  }))) << "a picture that is written is free again";
}

TEST(StoreClaims, OneThatIsRefusedUndoesNothingBesideIt) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  Pipe finish;
  Pipe claimed;
  const pid_t child = start([&] {
    Store other = Store::open(folder / "s.db", Access::Write);
    claimed.send(other.claim("net", "d", "b", "true"));
    int ignored = 0;
    return finish.receive(ignored);
  });
  int ignored = 0;
  ASSERT_TRUE(claimed.receive(ignored));
  std::vector<bool> got;
  store.together([&] {
    for (const char* picture : {"a", "b", "c"}) got.push_back(store.claim("net", "d", picture, "true"));
  });
  EXPECT_EQ(got, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(
      query(folder / "s.db", "select group_concat(picture, '') from (select picture from claims order by picture)"),
      "abc\n");
  finish.send(0);
  EXPECT_TRUE(succeeded(child));
}

TEST(StoreClaims, OfAKilledProcessIsVoidEvenBeforeItIsReaped) {
  const Folder folder;
  Store store = writable(folder / "s.db");
  Pipe pipe;
  const pid_t child = start([&] {
    Store other = Store::open(folder / "s.db", Access::Write);
    pipe.send(other.claim("net", "d", "a", "true"));
    ::pause();
    return false;
  });
  int claimed = 0;
  ASSERT_TRUE(pipe.receive(claimed));
  EXPECT_EQ(claimed, 1);
  EXPECT_FALSE(store.claim("net", "d", "a", "true"));
  ::kill(child, SIGKILL);
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_TRUE(store.claim("net", "d", "a", "true"));
  ::waitpid(child, nullptr, 0);
}

TEST(StoreClaims, EveryPictureIsClaimedOnce) {
  const Folder folder;
  const Store store = writable(folder / "s.db");
  std::array<Pipe, 3> pipes;
  std::vector<pid_t> children;
  Pipe finish;
  for (Pipe& pipe : pipes)
    children.push_back(start([&] {
      Store mine = Store::open(folder / "s.db", Access::Write);
      for (int i = 0; i < 40; ++i)
        if (mine.claim("net", "d", std::to_string(i), "true")) pipe.send(i);
      pipe.send(-1);
      int ignored = 0;  // claims end with the process, so it waits for the others
      return finish.receive(ignored);
    }));
  std::multiset<int> claimed;
  for (Pipe& pipe : pipes)
    for (int i = 0; pipe.receive(i) && i >= 0;) claimed.insert(i);
  for (std::size_t i = 0; i < children.size(); ++i) finish.send(0);
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
  EXPECT_EQ(claimed.size(), 40U);
  EXPECT_EQ(std::set<int>(claimed.begin(), claimed.end()).size(), 40U);
}

TEST(Process, IsKnownByMoreThanItsNumber) {
  const eval::Process self = eval::thisProcess();
  EXPECT_EQ(self.id, ::getpid());
  EXPECT_TRUE(eval::mayRun(self));
  eval::Process earlier = self;
  earlier.started = "an earlier boot:1";
  EXPECT_FALSE(eval::mayRun(earlier)) << "the number is in use again";
  eval::Process elsewhere = earlier;
  elsewhere.machine = "another machine";
  EXPECT_TRUE(eval::mayRun(elsewhere)) << "nobody can know from here";
  const pid_t child = start([] { return true; });
  EXPECT_TRUE(succeeded(child));
  EXPECT_FALSE(eval::mayRun({self.machine, child, self.started}));
}

}  // namespace relprop::store_test
