// How many threads share the loops of kernels. OpenMP keeps that number with the calling thread, so it belongs to the
// host's own loops as well.
#pragma once

namespace relprop {

// So many (0: as many as there are cores; fewer where the system starts no more) in loops that the calling thread meets
// while this lives; then as many as before again, whatever was thrown.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

// Throws OutOfMemory where the calling thread gets fewer. oneDNN's kernels run with as many as they were made for,
// whatever the scope says, and libgomp ends the process that it cannot start them in.
void requireThreads(int threads);

}  // namespace relprop
