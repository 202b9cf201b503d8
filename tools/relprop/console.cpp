#include "console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "interrupt.h"
#include "relprop/error.h"
#include "relprop/text.h"

namespace relprop::cli {
namespace {

// Standard error may be closed, a pipe that nobody reads, or a log on a full disk: what cannot be said there is lost,
// and the work goes on.
void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// On its way to standard output. Others may have made that one that does not wait for its reader, and stdio drops what
// such a pipe does not take at once.
class Output {
 public:
  ~Output() { flush(); }
  void put(std::string_view text) {
    constexpr std::size_t most = 1 << 16;
    const std::lock_guard lock(mutex_);
    pending_ += text;
    if (pending_.size() >= most) writePending();
  }
  void flush() {
    const std::lock_guard lock(mutex_);
    writePending();
  }
  bool failed() const { return failed_; }

 private:
  void writePending();

  std::mutex mutex_;
  std::string pending_;
  std::atomic<bool> failed_ = false;
};

bool isWritable(int milliseconds) {
  pollfd state = {STDOUT_FILENO, POLLOUT, 0};
  return poll(&state, 1, milliseconds) > 0;
}

// Waits for whoever reads it; false behind a signal, when nobody is waited for longer than a second.
bool isTaken() {
  constexpr int soon = 100, patience = 1000, forEver = -1;  // milliseconds
  if (isWritable(soon)) return true;
  const WaitingGuard guard;
  while (!interrupted())
    if (isWritable(forEver)) return true;
  return isWritable(patience);
}

void Output::writePending() {
  constexpr std::size_t atOnce = PIPE_BUF;  // for so many there is room in a pipe that can be written to
  for (std::string_view rest = pending_; !rest.empty() && isTaken();) {
    const ssize_t count = ::write(STDOUT_FILENO, rest.data(), std::min(rest.size(), atOnce));
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR && errno != EAGAIN) {
      failed_ = true;
      break;
    }
  }
  pending_.clear();
}

Output& standardOutput() {
  static Output one;
  return one;
}

bool nobodyReads(int stream) {
  pollfd state = {stream, POLLOUT, 0};
  return poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

Console::Console(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Console::~Console() {
  clearBar();
}

void Console::clearBar() {
  if (barShown_) say("\r\033[K");
  barShown_ = false;
}

void Console::write(const std::string& line) {
  standardOutput().put(visibleText(line) + '\n');
}

void Console::data(const std::string& line) {
  std::lock_guard lock(mutex_);
  clearBar();
  write(line);
  standardOutput().flush();
}

void Console::heading(const std::string& title) {
  data("");
  data(title);
}

// What visibleText makes of characters beyond ASCII is what JSON makes of them.
void Console::lines(const std::string& text) {
  std::lock_guard lock(mutex_);
  clearBar();
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    write(text.substr(start, end - start));
    start = end + 1;
  }
  standardOutput().flush();
}

void Console::result(const std::string& line) {
  if (!quiet_) data(line);
}

void Console::note(const std::string& text) {
  std::lock_guard lock(mutex_);
  clearBar();
  if (!quiet_) say("relprop: " + visibleText(text) + "\n");
}

void Console::warning(const std::string& text) {
  note("warning: " + text);
}

void Console::error(const std::string& text) {
  std::lock_guard lock(mutex_);
  clearBar();
  say("relprop: error: " + visibleText(text) + "\n");
}

void Console::progress(std::size_t done, std::size_t total, const std::string& what) {
  if (total < 2) return;
  progress(static_cast<double>(done) / static_cast<double>(total), fmt::format("{}/{} {}", done, total, what));
}

void Console::progress(double share, const std::string& what) {
  if (quiet_ || !terminal_) return;
  std::lock_guard lock(mutex_);
  constexpr int width = 30;
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * width);
  say(fmt::format("\r\033[K[{:#<{}}{:.<{}}] {}", "", filled, "", width - filled, visibleText(what)));
  barShown_ = true;
}

void keepStandardStreams() {
  const auto closed = [](int stream) { return fcntl(stream, F_GETFD) == -1 && errno == EBADF; };
  if (closed(STDIN_FILENO)) ::open("/dev/null", O_RDONLY);
  if (closed(STDOUT_FILENO)) ::open("/dev/full", O_WRONLY);
  if (closed(STDERR_FILENO)) ::open("/dev/null", O_WRONLY);
}

bool isUnreadOutput(const std::string& path) {
  struct stat named {
  }, output{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &output) == 0 && named.st_dev == output.st_dev &&
         named.st_ino == output.st_ino && nobodyReads(STDOUT_FILENO);
}

void putOutput(std::string_view text) {
  standardOutput().put(text);
}

bool outputFailed() {
  return standardOutput().failed();
}

void flushStandardOutput() {
  standardOutput().flush();
  if (!outputFailed()) return;
  if (nobodyReads(STDOUT_FILENO)) throw ReaderGone();
  throw Error(ErrorCode::FileWriteFailed, "standard output", "cannot be written");
}

}  // namespace relprop::cli
