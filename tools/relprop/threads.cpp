#include "threads.h"

#include <malloc.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace relprop::cli {
namespace {

constexpr const char* kVariable = "OMP_WAIT_POLICY";
constexpr const char* kPolicy = "passive";

// Times are measured as other programs that use the library see them: with the runtime's own default.
bool measures(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "bench") return false;
  for (int i = 2; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with("--fidelity")) return false;
  return true;
}

#ifndef __SANITIZE_ADDRESS__
bool decides(const char* entry) {
  const std::string_view text(entry);
  return text.starts_with("OMP_WAIT_POLICY=") || text.starts_with("GOMP_SPINCOUNT=");
}

// Runs before the initialisers of all shared libraries, when libc's own functions for the environment have no effect
// yet. The list cannot grow in place, but shells hand on an entry named `_` (the path of the program that they start),
// which nothing here reads: its slot takes the setting.
void settleEarly(int argc, char** argv, char** environment) {
  static char setting[] = "OMP_WAIT_POLICY=passive";
  char** slot = nullptr;
  for (char** entry = environment; *entry; ++entry) {
    if (decides(*entry)) return;
    if (std::string_view(*entry).starts_with("_=")) slot = entry;
  }
  if (slot && !measures(argc, argv)) *slot = setting;
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const early)(int, char**, char**) = settleEarly;
#endif

}  // namespace

void settleLimits() {
  for (const int signal : {SIGXFSZ, SIGPIPE}) ::signal(signal, SIG_IGN);
  rlimit memory{};
  if (getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
}

void waitAsleep(int argc, char** argv) {
  // Started by `ld.so PROGRAM`, the process is the loader's, which would take the first argument for a program.
  if (getauxval(AT_BASE) == 0) return;
  if (std::getenv(kVariable) || std::getenv("GOMP_SPINCOUNT") || measures(argc, argv)) return;
  setenv(kVariable, kPolicy, 0);
  execv("/proc/self/exe", argv);  // returns only when it failed; then spinning has to do
}

}  // namespace relprop::cli
