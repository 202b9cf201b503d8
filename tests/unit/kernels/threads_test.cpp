// Loops are shared by as many threads as a backend is told, and the caller's own number stays what it was.
#include "kernels/threads.h"

#include <omp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "kernels/bare.h"
#include "unit/kernels/programs.h"
#include "unit/kernels/support.h"

namespace relprop::test {
namespace {

class CallersThreads : public testing::Test {
 protected:
  CallersThreads() { omp_set_num_threads(kCallers); }
  ~CallersThreads() override { omp_set_num_threads(before_); }
  static constexpr int kCallers = 3;

 private:
  int before_ = omp_get_max_threads();
};

TEST_F(CallersThreads, ComeBackAtTheEndOfAScope) {
  {
    const ThreadScope one(1);
    EXPECT_EQ(omp_get_max_threads(), 1);
    {
      const ThreadScope all(0);
      EXPECT_EQ(omp_get_max_threads(), omp_get_num_procs());
    }
    EXPECT_EQ(omp_get_max_threads(), 1);
  }
  EXPECT_EQ(omp_get_max_threads(), kCallers);
}

TEST_F(CallersThreads, ComeBackWhenSomethingIsThrown) {
  try {
    const ThreadScope one(1);
    throw std::runtime_error("within");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(omp_get_max_threads(), kCallers);
}

TEST_F(CallersThreads, AreLeftAloneByMakingKernels) {
  const LinearShape dense{.n = 2, .ic = 16, .oc = 32, .dense = true};
  for (const Packing packing : {Packing::Once, Packing::EveryRun}) {
    const auto backend = makeBackend({.packing = packing, .threads = 1});
    backend->linearForward({.shape = dense, .weights = Floats(16 * 32, 1.0f), .bias = {}});
    EXPECT_EQ(omp_get_max_threads(), kCallers);
    backend->linearBackward({.shape = dense, .weights = Floats(16 * 32, 1.0f), .bias = {}, .part = {1, 0}});
    EXPECT_EQ(omp_get_max_threads(), kCallers);
    backend->reorder({{1, 16, 2, 2}, 1}, {{1, 16, 2, 2}, 8});
    backend->matmul({1, 2, 2, 2});
    EXPECT_EQ(omp_get_max_threads(), kCallers);
  }
}

TEST_F(CallersThreads, AreLeftAloneByPrograms) {
  const Program p = ProgramMaker({{2, 20, 9, 5}, 1}, 1).random(5);
  const auto backend = makeBackend({.threads = 1});
  ProgramRun(p, 0, 1).run(*backend, p);
  EXPECT_EQ(omp_get_max_threads(), kCallers);
}

TEST_F(CallersThreads, AreLeftAloneByBareLayers) {
  BareLayers bare({{.shape = {.n = 2, .ic = 16, .oc = 32, .dense = true}}}, 1, BareType::Float32);
  EXPECT_EQ(omp_get_max_threads(), kCallers);
  bare.sweep();
  EXPECT_EQ(omp_get_max_threads(), kCallers);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // whose own threads would count too
// libgomp has threads for each thread that calls it: what one has had says nothing of another, and libgomp ends the
// process where it gets fewer than it is asked for.
bool secondCallerGetsWhatIsLeft() {
  bool good = false;
  std::thread([&] {
    const ThreadScope four(4);
#pragma omp parallel
    {}
    std::thread([&] {
      const ThreadScope fewer(4);
#pragma omp parallel
      {}
      try {
        requireThreads(4);
      } catch (const Error& error) {
        good = omp_get_max_threads() < 4 && error.code() == ErrorCode::OutOfMemory && error.where() == "threads";
      }
    }).join();
  }).join();
  return good;
}

TEST(ThreadsOfEachCaller, AreNoMoreThanTheSystemStarts) {
  if (getuid() != 0) GTEST_SKIP() << "needs another user, who has no other processes";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit six = {6, 6};  // this one, two that call, three for the first of them
    if (setrlimit(RLIMIT_NPROC, &six) != 0 || setuid(54'322) != 0) _exit(126);
    _exit(secondCallerGetsWhatIsLeft() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}
#endif

}  // namespace
}  // namespace relprop::test
