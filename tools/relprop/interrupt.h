// Ctrl-C, SIGTERM and SIGHUP: the first asks the run to stop between two steps; another Ctrl-C or SIGTERM ends the
// program at once, another SIGHUP does not. A signal that the program was started to ignore, as nohup does, stays
// ignored.
#pragma once

#include <filesystem>

namespace relprop::cli {

void watchInterrupts();
bool interrupted();
// As if a signal had come.
void interrupt();

// Of what keeps the program waiting for somebody else while nothing is half done: whoever fills a pipe that is read, or
// reads standard output. While one lives and no file is written the first signal ends the program.
class WaitingGuard {
 public:
  WaitingGuard();
  // Only where it is a pipe or a device, which may have nothing to give.
  explicit WaitingGuard(const std::filesystem::path& read);
  ~WaitingGuard();
  WaitingGuard(const WaitingGuard&) = delete;
  WaitingGuard& operator=(const WaitingGuard&) = delete;

 private:
  bool waits_ = true;
};

// Of a file or folder that is being written. While one lives a second signal does not end the program either, but a
// third: the file is finished or removed, unless the disk does not answer. With devices and pipes it is the other way
// round: nothing of them is whole or half, and a pipe that nobody reads keeps its writer waiting for ever, between no
// two steps. There the first signal ends the program.
class WritingGuard {
 public:
  explicit WritingGuard(const std::filesystem::path& written);
  ~WritingGuard();
  WritingGuard(const WritingGuard&) = delete;
  WritingGuard& operator=(const WritingGuard&) = delete;

 private:
  bool waits_;
};

}  // namespace relprop::cli
