#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "relprop/error.h"

namespace relprop::cli {

Console::Console(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Console::~Console() {
  clearBar();
}

void Console::clearBar() {
  if (barShown_) fmt::print(stderr, "\r\033[K");
  barShown_ = false;
}

void Console::data(const std::string& line) {
  std::lock_guard lock(mutex_);
  clearBar();
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void Console::result(const std::string& line) {
  if (!quiet_) data(line);
}

void Console::note(const std::string& text) {
  std::lock_guard lock(mutex_);
  clearBar();
  if (!quiet_) fmt::print(stderr, "relprop: {}\n", text);
}

void Console::warning(const std::string& text) {
  note("warning: " + text);
}

void Console::error(const std::string& text) {
  std::lock_guard lock(mutex_);
  clearBar();
  fmt::print(stderr, "relprop: error: {}\n", text);
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
  fmt::print(stderr, "\r\033[K[{:#<{}}{:.<{}}] {}", "", filled, "", width - filled, what);
  std::fflush(stderr);
  barShown_ = true;
}

void flushStandardOutput() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw Error(ErrorCode::FileWriteFailed, "standard output", "cannot be written");
}

}  // namespace relprop::cli
