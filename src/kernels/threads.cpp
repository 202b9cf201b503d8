#include "kernels/threads.h"

#include <fmt/format.h>
#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string_view>
#include <vector>

#include "relprop/error.h"

namespace relprop {
namespace {

// "64", in KiB, or with a unit: B, K, M or G. Nothing where libgomp would not understand it either.
std::size_t stackBytes(std::string_view text) {
  const auto trim = [&] { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); };
  trim();
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  trim();
  constexpr std::string_view units = "bBkKmMgG";
  const std::size_t unit = text.empty() ? units.find('k') : units.find(text[0]);
  if (unit == units.npos) return 0;
  const std::size_t shift = unit / 2 * 10;
  return number <= std::numeric_limits<std::size_t>::max() >> shift ? number << shift : 0;
}

// Of the threads that libgomp starts; 0: the system's own choice.
std::size_t stackBytes() {
  for (const char* name : {"OMP_STACKSIZE", "GOMP_STACKSIZE"})
    if (const char* text = std::getenv(name))
      if (const std::size_t bytes = stackBytes(text); bytes > 0) return bytes;
  return 0;
}

// Threads as libgomp would start them, which wait for the end of this.
class Waiting {
 public:
  explicit Waiting(std::size_t most) {
    threads_.reserve(most);
    pthread_attr_init(&attributes_);
    if (const std::size_t bytes = stackBytes(); bytes > 0) pthread_attr_setstacksize(&attributes_, bytes);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    ended_.notify_all();
    for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes_);
  }
  // False: the system starts no more.
  bool add() {
    pthread_t thread{};
    if (pthread_create(&thread, &attributes_, wait, this) != 0) return false;
    threads_.push_back(thread);
    return true;
  }

 private:
  static void* wait(void* self) {
    auto& all = *static_cast<Waiting*>(self);
    std::unique_lock lock(all.mutex_);
    all.ended_.wait(lock, [&] { return all.end_; });
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  pthread_attr_t attributes_{};
  std::vector<pthread_t> threads_;
};

// How many threads, at most `wanted`, the system starts at the same time beside this one.
int startable(int wanted) {
  Waiting threads(static_cast<std::size_t>(wanted));
  int started = 0;
  while (started < wanted && threads.add()) ++started;
  return started;
}

// libgomp ends the process when it cannot start a thread, so it is asked for no more than can be had. It has threads
// for each calling thread, so each tries, once for each larger number.
int available(int wanted) {
  thread_local constinit int had = 1;
  if (wanted <= had || omp_get_active_level() >= omp_get_max_active_levels()) return wanted;
  had += startable(wanted - had);
  return had;
}

}  // namespace

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) {
  omp_set_num_threads(available(threads > 0 ? threads : omp_get_num_procs()));
}
ThreadScope::~ThreadScope() {
  omp_set_num_threads(before_);
}

void requireThreads(int threads) {
  if (const int had = available(threads); had < threads)
    throw Error(ErrorCode::OutOfMemory, "threads", fmt::format("{} of {} can be started", had, threads),
                "as many as the kernels were made for",
                "allow more processes (ulimit -u), or ask for fewer threads (--threads)");
}

}  // namespace relprop
