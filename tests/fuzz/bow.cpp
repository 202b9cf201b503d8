// model.bow: an archive as it is, or of the parts; what is read is explained.
#include "fuzz/archive_damage.h"
#include "fuzz/explain_small.h"
#include "fuzz/harness.h"

namespace relprop::fuzz {
namespace {

const Harness bowHarness(
    "bow",
    [](Bytes bytes) {
      const std::filesystem::path path = writtenArchive(emptyFolder(), "model.bow", bytes);
      expectResultOrError([&] { explainSmall(Model::load(path), "bow-lrp"); });
    },
    damagedArchive);

}  // namespace
}  // namespace relprop::fuzz
