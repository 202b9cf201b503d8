// Runs the program relprop and tells what came of it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

// Of tests about numbers, or of pages, that take minutes under the sanitizers, whose code smaller tests run there.
#ifdef __SANITIZE_ADDRESS__
#define E2E_SKIP_SANITIZED(why) GTEST_SKIP() << "left to the program without sanitizers: " << (why)
#else
#define E2E_SKIP_SANITIZED(why) static_cast<void>(0)
#endif

namespace e2e {

struct Outcome {
  int code = -1;  // exit code; 128 + signal when a signal ended it
  std::string out, err;
};

struct RunOptions {
  std::function<void()> inChild;            // between fork and exec
  std::function<void(pid_t)> whileRunning;  // in a thread of its own
};

// Standard output or error is a pipe that nobody reads.
RunOptions unread(int stream);
// Sends a signal after that time, whatever the program is at.
RunOptions after(std::chrono::microseconds life, int signal);
// Sends a signal so long after the program has said that it catches it: before, there is nothing to see but a signal's
// death.
RunOptions onceItCatches(int signal, std::chrono::milliseconds later);

using Arguments = std::vector<std::string>;

Outcome relprop(const Arguments& arguments, const RunOptions& options = {});
// Any program, found as a shell would find it.
Outcome run(const std::string& program, const Arguments& arguments, const RunOptions& options = {});
std::string programPath();

// The example network that comes with relprop, and one of its pictures.
std::filesystem::path exampleModel();
std::filesystem::path examplePicture();
std::filesystem::path exampleData();  // a Pascal VOC data set of eight pictures

std::string readText(const std::filesystem::path& path);
void writeText(const std::filesystem::path& path, const std::string& bytes);
// Names of all that lies in a folder, sorted; empty when there is none.
std::vector<std::string> namesIn(const std::filesystem::path& folder);

// A folder that lives as long as the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace e2e
