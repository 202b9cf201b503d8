#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <system_error>

#include "commands.h"

namespace relprop::cli {
namespace {

// Lock-free, so that a signal handler may touch them.
std::atomic<int> signals{0};
std::atomic<int> writers{0}, waiting{0};
static_assert(std::atomic<int>::is_always_lock_free);

// A terminal that is closed sends SIGHUP, and its shell another one: nobody asks twice.
void onSignal(int signal) {
  const int before = signals.fetch_add(1);
  const bool again = before > 0 && signal != SIGHUP, insists = before > 1 && signal != SIGHUP;
  if (insists || ((again || waiting.load() > 0) && writers.load() == 0)) _exit(kExitInterrupted);
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

bool mayWait(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_other(path, ignored);
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

WaitingGuard::WaitingGuard() {
  waiting.fetch_add(1);
}
WaitingGuard::WaitingGuard(const std::filesystem::path& read) : waits_(mayWait(read)) {
  if (waits_) waiting.fetch_add(1);
}
WaitingGuard::~WaitingGuard() {
  if (waits_) waiting.fetch_sub(1);
}

WritingGuard::WritingGuard(const std::filesystem::path& written) : waits_(mayWait(written)) {
  (waits_ ? waiting : writers).fetch_add(1);
}
WritingGuard::~WritingGuard() {
  (waits_ ? waiting : writers).fetch_sub(1);
}

}  // namespace relprop::cli
