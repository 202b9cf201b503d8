// .npz: an archive as it is, or of the parts, whose checksums are right then.
#include "relprop/npz.h"

#include "fuzz/archive_damage.h"
#include "fuzz/harness.h"

namespace relprop::fuzz {
namespace {

const Harness npzHarness(
    "npz",
    [](Bytes bytes) {
      const std::filesystem::path path = writtenArchive(emptyFolder(), "a.npz", bytes);
      expectResultOrError([&] { readNpz(path); });
    },
    damagedArchive);

}  // namespace
}  // namespace relprop::fuzz
