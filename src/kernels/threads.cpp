#include "kernels/threads.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace relprop {
namespace {

// How many of `wanted` threads the system gives at the same time, the calling one among them.
int startable(int wanted) {
  std::mutex mutex;
  std::condition_variable ended;
  bool end = false;
  std::vector<std::jthread> threads;
  try {
    while (static_cast<int>(threads.size()) + 1 < wanted)
      threads.emplace_back([&] {
        std::unique_lock lock(mutex);
        ended.wait(lock, [&] { return end; });
      });
  } catch (const std::system_error&) {  // there are no more
  } catch (const std::bad_alloc&) {
  }
  const std::lock_guard lock(mutex);
  end = true;
  ended.notify_all();
  return static_cast<int>(threads.size()) + 1;
}

// libgomp ends the process when it cannot start a thread, so it is asked for no more than can be had. Tried once for
// each larger number; where fewer can be had, that is the most from then on, so that a plan runs as it was compiled.
int available(int wanted) {
  static std::atomic<int> tried{1}, most{std::numeric_limits<int>::max()};
  if (wanted <= tried) return wanted;
  if (wanted > most) return most;
  const int started = startable(wanted);
  (started < wanted ? most : tried) = started;
  return started;
}

}  // namespace

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) {
  omp_set_num_threads(available(threads > 0 ? threads : omp_get_num_procs()));
}
ThreadScope::~ThreadScope() {
  omp_set_num_threads(before_);
}

}  // namespace relprop
