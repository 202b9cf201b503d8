// The list of backends.
#include "kernels/backend.h"

#include <omp.h>

#include <array>

#include "kernels/threads.h"

namespace relprop {
namespace {

using Make = std::unique_ptr<Backend> (*)(const BackendChoice&);

// In the order of BackendKind.
constexpr std::array<Make, 2> kMakers = {
    [](const BackendChoice& c) { return makeOneDnnBackend(c.operand, c.packing, c.algorithms); },
    [](const BackendChoice& c) { return makeReferenceBackend(c.operand); },
};

// As ThreadScope counts: 0 is a number of cores, which tunings are made for and compared with.
int resolvedThreads(const BackendChoice& choice) {
  const ThreadScope scope(choice.threads);
  return omp_get_max_threads();
}

}  // namespace

std::unique_ptr<Backend> makeBackend(const BackendChoice& choice) {
  std::unique_ptr<Backend> backend = kMakers[static_cast<std::size_t>(choice.kind)](choice);
  backend->setThreads(resolvedThreads(choice));
  return backend;
}

std::map<std::string, std::string> backendLibraries() {
  return {{"oneDNN", oneDnnVersion()}};
}

}  // namespace relprop
