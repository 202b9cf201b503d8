#include "bench/process_memory.h"

#include <malloc.h>

#include <fstream>
#include <string>

namespace relprop {

PeakMemory::PeakMemory() {
  malloc_trim(0);
  std::ofstream file("/proc/self/clear_refs");
  file << "5";  // sets VmHWM to what is held now
  file.close();
  restarted_ = !file.fail();
}

std::int64_t PeakMemory::bytes() const {
  std::ifstream status("/proc/self/status");
  for (std::string line; restarted_ && std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6)) * 1024;
  return 0;
}

}  // namespace relprop
