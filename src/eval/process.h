// Which process is asking, and whether another one still runs.
#pragma once

#include <cstdint>
#include <string>

namespace relprop::eval {

// Ids of processes are used again, so the time of the start belongs to it.
struct Process {
  std::string machine;  // host and, in a container, which one
  std::int64_t id = 0;
  std::string started;
  bool operator==(const Process&) const = default;
};

Process thisProcess();

// False only where it is certain that the process has ended: its id is not in use on this machine, or by another one.
bool mayRun(const Process& process);

}  // namespace relprop::eval
