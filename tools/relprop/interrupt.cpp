#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "commands.h"

namespace relprop::cli {
namespace {

// Lock-free, so that a signal handler may touch them.
std::atomic<int> signals{0};
std::atomic<int> writers{0};
static_assert(std::atomic<int>::is_always_lock_free);

// A terminal that is closed sends SIGHUP, and its shell another one: nobody asks twice.
void onSignal(int signal) {
  const bool again = signals.fetch_add(1) > 0 && signal != SIGHUP;
  if (again && writers.load() == 0) _exit(kExitInterrupted);
}

void watch(int signal) {
  struct sigaction action = {};
  if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void watchInterrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) watch(signal);
}

bool interrupted() {
  return signals.load() > 0;
}

void interrupt() {
  signals.fetch_add(1);
}

WritingGuard::WritingGuard() {
  writers.fetch_add(1);
}
WritingGuard::~WritingGuard() {
  writers.fetch_sub(1);
}

}  // namespace relprop::cli
