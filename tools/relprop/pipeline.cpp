#include "pipeline.h"

#include <system_error>

namespace relprop::cli {

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Worker::start() {
  if (std::exchange(started_, true)) return;
  try {
    thread_ = std::thread([this] { loop(); });
  } catch (const std::system_error&) {  // jobs are then done by whoever adds them
  }
}

void Worker::run(const std::function<void()>& job) {
  try {
    job();
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void Worker::add(std::function<void()> job) {
  start();
  if (!thread_.joinable()) return run(job);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.size() <= most_; });
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Worker::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !jobs_.empty() || ending_; });
    if (jobs_.empty()) return;
    lock.unlock();
    run(jobs_.front());  // stays in place: elements of a deque do not move when others are added behind them
    lock.lock();
    jobs_.pop_front();
    changed_.notify_all();
  }
}

void Worker::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty(); });
  if (std::exception_ptr failure = std::exchange(failure_, nullptr)) std::rethrow_exception(failure);
}

void ReadAhead::begin(std::size_t first, std::size_t end) {
  if (begun(first, end)) return;
  if (next_.valid()) next_.wait();
  first_ = first, end_ = end;
  next_ = std::async(std::launch::async | std::launch::deferred, read_, first, end);
}

ReadGroup ReadAhead::take(std::size_t first, std::size_t end) {
  return begun(first, end) ? next_.get() : read_(first, end);
}

}  // namespace relprop::cli
