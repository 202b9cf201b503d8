// .npy, as an array of a picture's kind and as an input of any type.
#include "fuzz/archive_damage.h"
#include "fuzz/harness.h"
#include "relprop/image.h"

namespace relprop::fuzz {
namespace {

const Harness npyHarness(
    "npy",
    [](Bytes bytes) {
      expectResultOrError([&] { decodeNpy(copyOf(bytes), "fuzz"); });
      const std::filesystem::path path = written(emptyFolder(), "a.npy", bytes);
      expectResultOrError([&] { readTypedNpy(path); });
    },
    damagedArray);

}  // namespace
}  // namespace relprop::fuzz
