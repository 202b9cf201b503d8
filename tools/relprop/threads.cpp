#include "threads.h"

#include <unistd.h>

#include <cstdlib>

namespace relprop::cli {

void spinBriefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  setenv("GOMP_SPINCOUNT", "3000", 0);
  execv("/proc/self/exe", argv);  // returns only when it failed; then the long spins have to do
}

}  // namespace relprop::cli
