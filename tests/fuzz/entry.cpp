// What libFuzzer calls, and our own driver: the harness that the environment names.
#include "fuzz/entry.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "fuzz/harness.h"

namespace {

const relprop::fuzz::Harness* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("RELPROP_HARNESS");
  try {
    chosen = &relprop::fuzz::harnessCalled(name ? name : "");
  } catch (const std::out_of_range&) {
    std::fprintf(stderr, "RELPROP_HARNESS=%s names no harness\n", name ? name : "");
    std::exit(2);
  }
  return 0;
}

std::optional<std::vector<std::uint8_t>> damagedWithinStructure(const std::vector<std::uint8_t>& bytes,
                                                                std::mt19937& random) {
  return chosen->damage ? chosen->damage(bytes, random) : std::nullopt;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({data, size});
  return 0;
}
