#include "support/shared.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "support/unpacked.h"

namespace relprop::test {

std::filesystem::path sharedFolder() {
  const char* given = std::getenv("RELPROP_SHARED");
  return std::filesystem::path(given && *given ? given : RELPROP_SHARED_DEFAULT).lexically_normal();
}

bool sharedRequired() {
  const char* given = std::getenv("RELPROP_REQUIRE_SHARED");
  return given && *given && std::string(given) != "0";
}

namespace {

// Tests run side by side, and the folder's script is not made for that: one process at a time.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& file) : handle_(open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (handle_ < 0 || flock(handle_, LOCK_EX) != 0) throw std::runtime_error("cannot lock " + file.string());
  }
  ~Lock() { close(handle_); }

 private:
  int handle_;
};

// A link that leads nowhere, left by a checkout that has moved, would stop the script.
void removeDeadLinks(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_symlink() && !std::filesystem::exists(entry.path())) std::filesystem::remove(entry.path());
}

std::filesystem::path prepareModels() {
  const char* given = std::getenv("RELPROP_CACHE");
  const std::filesystem::path folder = given && *given ? given : RELPROP_MODELS_FOLDER;
  std::filesystem::create_directories(folder);
  const Lock lock(folder / ".lock");
  removeDeadLinks(folder);
  const std::string command = "'" + (sharedFolder() / "prepare").string() + "' '" + folder.string() + "' > /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  return folder;
}

}  // namespace

std::filesystem::path unpacked(const std::string& archive) {
  const char* given = std::getenv("RELPROP_CACHE");
  const std::filesystem::path parent = given && *given ? given : RELPROP_MODELS_FOLDER;
  const std::filesystem::path folder = parent / std::filesystem::path(archive).stem().stem(), mark = folder / ".whole";
  std::filesystem::create_directories(folder);
  const Lock lock(parent / ".lock");
  if (std::filesystem::exists(mark)) return folder;
  const std::string command = "tar -xJf '" + (sharedFolder() / archive).string() + "' -C '" + folder.string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  std::ofstream(mark) << "";
  return folder;
}

std::filesystem::path modelsFolder() {
  static const std::filesystem::path folder = prepareModels();
  return folder;
}

}  // namespace relprop::test
