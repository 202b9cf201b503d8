// Threads beside the one that computes: one that works off what is to be written, and one that reads ahead.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "group.h"

namespace relprop::cli {

// Does jobs one after another in the order they were added, in a thread of its own; in the caller's where there is no
// thread to be had.
class Worker {
 public:
  // `most`: jobs that may wait; `add` does not return before there is room.
  explicit Worker(std::size_t most) : most_(most) {}
  ~Worker();  // after the last job
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(std::function<void()> job);
  // Returns when all jobs are done. Throws what the first of them threw that threw at all.
  void drain();

 private:
  void start();
  void loop();
  void run(const std::function<void()>& job);

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;  // the one that is being done is the first
  std::exception_ptr failure_;
  bool started_ = false, ending_ = false;
  std::thread thread_;
};

// A group and the inputs that could not be read into it, with what is to be said of each.
struct ReadGroup {
  Group group;
  std::vector<std::pair<const Input*, std::string>> failures;
};

class ReadAhead {
 public:
  // Reads the inputs [first, end).
  using Read = std::function<ReadGroup(std::size_t first, std::size_t end)>;
  explicit ReadAhead(Read read) : read_(std::move(read)) {}

  // Begins to read a group in another thread, unless it is being read already.
  void begin(std::size_t first, std::size_t end);
  // The group, which was begun or is read now.
  ReadGroup take(std::size_t first, std::size_t end);

 private:
  bool begun(std::size_t first, std::size_t end) const { return next_.valid() && first == first_ && end == end_; }

  Read read_;
  std::size_t first_ = 0, end_ = 0;
  std::future<ReadGroup> next_;
};

}  // namespace relprop::cli
