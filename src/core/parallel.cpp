#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace relprop {

void inParallel(std::size_t count, const std::function<void(std::size_t)>& work, std::size_t threads) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next{0};
  const auto loop = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < count;) try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
  };
  if (threads == 0) threads = std::min<std::size_t>(std::thread::hardware_concurrency(), kMostThreadsByThemselves);
  {
    std::vector<std::jthread> helpers;
    try {
      for (std::size_t i = 1; i < std::min(threads, count); ++i) helpers.emplace_back(loop);
    } catch (const std::system_error&) {  // no more threads to be had: those that run do it all
    }
    loop();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace relprop
