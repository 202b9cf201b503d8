#include "threads.h"

#include <unistd.h>

#include <cstdlib>

namespace relprop::cli {

void waitAsleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  setenv("OMP_WAIT_POLICY", "passive", 0);
  execv("/proc/self/exe", argv);  // returns only when it failed; then spinning has to do
}

}  // namespace relprop::cli
