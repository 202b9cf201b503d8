// The list of backends.
#include "kernels/backend.h"

#include <array>

namespace relprop {
namespace {

using Make = std::unique_ptr<Backend> (*)(const BackendChoice&);

// In the order of BackendKind.
constexpr std::array<Make, 2> kMakers = {
    [](const BackendChoice& c) { return makeOneDnnBackend(c.operand, c.packing, c.algorithms); },
    [](const BackendChoice& c) { return makeReferenceBackend(c.operand); },
};

}  // namespace

std::unique_ptr<Backend> makeBackend(const BackendChoice& choice) {
  std::unique_ptr<Backend> backend = kMakers[static_cast<std::size_t>(choice.kind)](choice);
  backend->setThreads(choice.threads);
  return backend;
}

std::map<std::string, std::string> backendLibraries() {
  return {{"oneDNN", oneDnnVersion()}};
}

}  // namespace relprop
