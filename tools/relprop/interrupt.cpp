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

void onSignal(int) {
  if (signals.fetch_add(1) > 0 && writers.load() == 0) _exit(kExitInterrupted);
}

}  // namespace

void watchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return signals.load() > 0;
}

WritingGuard::WritingGuard() {
  writers.fetch_add(1);
}
WritingGuard::~WritingGuard() {
  writers.fetch_sub(1);
}

}  // namespace relprop::cli
