// A limit of memory for a child of a test.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace relprop::test {

// So many bytes more than the process has of addresses now.
inline void limitAddresses(std::int64_t more) {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const auto most = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + more);
  const rlimit limit = {most, most};
  setrlimit(RLIMIT_AS, &limit);
}

}  // namespace relprop::test
