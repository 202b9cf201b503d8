// Standard output and error: results go to the first, everything else to the second. A progress bar on terminals only.
// Several threads may use a console: what one call writes stays together.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "relprop/error.h"

namespace relprop::cli {

class Console {
 public:
  explicit Console(bool quiet);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // One line each, of which no name of a file or node makes more or other things (visibleText).
  void data(const std::string& line);      // standard output
  void result(const std::string& line);    // standard output, unless quiet
  void note(const std::string& text);      // standard error, unless quiet
  void warning(const std::string& text);   // standard error, unless quiet
  void error(const std::string& text);     // standard error
  void heading(const std::string& title);  // standard output, after an empty line
  void lines(const std::string& text);     // standard output; line ends are ours: JSON, Markdown, scripts
  void progress(std::size_t done, std::size_t total, const std::string& what);
  void progress(double share, const std::string& what);  // a bar, on terminals unless quiet

 private:
  void clearBar();
  static void write(const std::string& line);

  bool quiet_, terminal_, barShown_ = false;
  std::mutex mutex_;
};

// Of standard streams that the caller closed, so that no file that is opened later takes the place of one: what is said
// there is lost, and standard output is one that cannot be written.
void keepStandardStreams();

// Whoever read standard output has gone and seen enough, as `| head` does: nothing that would have to be said.
class ReaderGone : public Error {
 public:
  ReaderGone() : Error(ErrorCode::FileWriteFailed, "standard output", "nobody reads it any more") {}
};

// To standard output, some time before the next flush. A pipe that is full and would not wait is waited for.
void putOutput(std::string_view text);
// Whether something that was put there did not arrive.
bool outputFailed();

// Whether a path is that of standard output, and whoever read it has gone.
bool isUnreadOutput(const std::string& path);

// Throws ReaderGone or FileWriteFailed when something written to standard output did not arrive (a full disk behind a
// redirection).
void flushStandardOutput();

}  // namespace relprop::cli
