#include "eval/process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace relprop::eval {
namespace {

namespace fs = std::filesystem;

std::string firstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string hostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// Containers count their processes for themselves.
std::string machine() {
  std::error_code ignored;
  return fmt::format("{} {}", hostName(), fs::read_symlink("/proc/self/ns/pid", ignored).string());
}

struct Stat {
  char state = '?';
  std::string started;  // ticks since the machine was booted
};

// proc(5): "pid (name) state ppid …", the start is the 22nd. The name may hold anything, so fields count from its end.
std::optional<Stat> statOf(std::int64_t id) {
  const std::string line = firstLine(fmt::format("/proc/{}/stat", id));
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream fields(line.substr(end + 1));
  Stat stat;
  fields >> stat.state;
  for (int field = 4; field <= 22; ++field) fields >> stat.started;
  if (!fields) return {};
  return stat;
}

std::string startOf(const Stat& stat) {
  return firstLine("/proc/sys/kernel/random/boot_id") + ":" + stat.started;
}

}  // namespace

Process thisProcess() {
  const std::int64_t id = ::getpid();
  const std::optional<Stat> stat = statOf(id);
  return {machine(), id, stat ? startOf(*stat) : ""};
}

bool mayRun(const Process& process) {
  if (process.machine != machine()) return true;
  const std::optional<Stat> stat = statOf(process.id);
  const bool ended = !stat || stat->state == 'Z' || stat->state == 'X';
  return !ended && startOf(*stat) == process.started;
}

}  // namespace relprop::eval
