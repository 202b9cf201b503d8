#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace e2e {
namespace {

namespace fs = std::filesystem;

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    // A child of another thread would hold it open else.
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  }
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void closeEnd(int end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
  void readAll(std::string& text) const {
    char buffer[4096];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(count));
  }
};

[[noreturn]] void become(const std::string& program, const Arguments& arguments, const RunOptions& options, Pipe& out,
                         Pipe& err) {
  dup2(out.ends[1], STDOUT_FILENO);
  dup2(err.ends[1], STDERR_FILENO);
  for (Pipe* pipe : {&out, &err})
    for (int end : {0, 1}) pipe->closeEnd(end);
  // What the tests were started to ignore, as in the background of a script, is not for the program to ignore.
  for (const int usual : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(usual, SIG_DFL);
  if (options.inChild) options.inChild();
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(program.c_str(), argv.data());
  _exit(127);
}

// Of Linux: the mask of caught signals, in hexadecimal, bit N - 1 for signal N. No longer known once the process has
// ended.
bool catches(pid_t process, int signal) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string word; status >> word;)
    if (word == "SigCgt:" && status >> word) return std::stoull(word, nullptr, 16) >> (signal - 1) & 1;
  return false;
}

int waitFor(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Outcome relprop(const Arguments& arguments, const RunOptions& options) {
  return run(PROGRAM, arguments, options);
}

RunOptions unread(int stream) {
  return {.inChild =
              [stream] {
                Pipe gone;
                dup2(gone.ends[1], stream);
              },
          .whileRunning = {}};
}

RunOptions after(std::chrono::microseconds life, int signal) {
  return {.inChild = {}, .whileRunning = [=](pid_t child) {
            std::this_thread::sleep_for(life);
            kill(child, signal);
          }};
}

RunOptions onceItCatches(int signal, std::chrono::milliseconds later) {
  return {.inChild = {}, .whileRunning = [=](pid_t child) {
            for (int i = 0; i < 6000 && !catches(child, signal); ++i)
              std::this_thread::sleep_for(std::chrono::milliseconds(10));
            std::this_thread::sleep_for(later);
            kill(child, signal);
          }};
}

std::string programPath() {
  return PROGRAM;
}

Outcome run(const std::string& program, const Arguments& arguments, const RunOptions& options) {
  Pipe out, err;
  pid_t child = fork();
  if (child == 0) become(program, arguments, options, out, err);
  out.closeEnd(1);
  err.closeEnd(1);
  Outcome outcome;
  {
    std::jthread errors([&] { err.readAll(outcome.err); });
    std::jthread watcher([&] {
      if (options.whileRunning) options.whileRunning(child);
    });
    out.readAll(outcome.out);
  }
  outcome.code = waitFor(child);
  return outcome;
}

fs::path exampleModel() {
  return fs::path(SOURCE_FOLDER) / "examples/model/shapes.onnx";
}
fs::path exampleData() {
  return fs::path(SOURCE_FOLDER) / "examples/pictures";
}
fs::path examplePicture() {
  return fs::path(SOURCE_FOLDER) / "examples/pictures/JPEGImages/val_00000.jpg";
}

std::string readText(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void writeText(const fs::path& path, const std::string& bytes) {
  std::ofstream stream(path, std::ios::binary);
  stream << bytes;
  if (!stream.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> namesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "relprop-e2e-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace e2e
