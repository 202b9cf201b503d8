// Ctrl-C, SIGTERM and SIGHUP: the first asks the run to stop between two steps; another Ctrl-C or SIGTERM ends the
// program at once, another SIGHUP does not. A signal that the program was started to ignore, as nohup does, stays
// ignored.
#pragma once

namespace relprop::cli {

void watchInterrupts();
bool interrupted();
// As if a signal had come.
void interrupt();

// While one lives a second signal does not end the program either: a file that is being written is finished or removed.
class WritingGuard {
 public:
  WritingGuard();
  ~WritingGuard();
  WritingGuard(const WritingGuard&) = delete;
  WritingGuard& operator=(const WritingGuard&) = delete;
};

}  // namespace relprop::cli
