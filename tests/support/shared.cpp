#include "support/shared.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace relprop::test {

std::filesystem::path sharedFolder() {
  const char* given = std::getenv("RELPROP_SHARED");
  return std::filesystem::path(given && *given ? given : RELPROP_SHARED_DEFAULT).lexically_normal();
}

bool sharedRequired() {
  const char* given = std::getenv("RELPROP_REQUIRE_SHARED");
  return given && *given && std::string(given) != "0";
}

std::filesystem::path modelsFolder() {
  static const std::filesystem::path folder = [] {
    const std::string command = (sharedFolder() / "prepare").string();
    std::string out;
    if (FILE* pipe = popen(command.c_str(), "r")) {
      std::array<char, 512> buffer;
      while (fgets(buffer.data(), buffer.size(), pipe)) out += buffer.data();
      pclose(pipe);
    }
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return std::filesystem::path(out);
  }();
  return folder;
}

}  // namespace relprop::test
