// Ctrl-C and SIGTERM: the first asks the run to stop between two steps, the second ends the program at once.
#pragma once

namespace relprop::cli {

void watchInterrupts();
bool interrupted();

// While one lives a second signal does not end the program either: a file that is being written is finished or removed.
class WritingGuard {
 public:
  WritingGuard();
  ~WritingGuard();
  WritingGuard(const WritingGuard&) = delete;
  WritingGuard& operator=(const WritingGuard&) = delete;
};

}  // namespace relprop::cli
